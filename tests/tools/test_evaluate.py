"""`launch.py evaluate`: models against data, sets of images against each other, and bad input."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

import launch
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.data import shapes
from stylegan2_jax.tools.evaluate import measure
from tests import quick
from tests.helpers import noise_pictures, png, prepared_set, saved_run
from tests.tools.models import saved_model

ROOT = pathlib.Path(__file__).parents[2]
PAIR = 'swd60,frechet60_random'


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  monkeypatch.setenv('STYLEGAN2_WEIGHTS', str(tmp_path / 'weights'))


def fill(path, pictures):
  path.mkdir()
  for i, picture in enumerate(pictures):
    (path / f'{i:03d}.png').write_bytes(png(picture))
  return path


def evaluate(**flags):
  return launch.main(['evaluate', *(f'--{name}={value}' for name, value in flags.items())])


def lines(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def drawn(first, count, size=16):
  return list(shapes.draw(shapes.sample_factors(range(first, first + count)), size))


def test_two_sets_of_images(tmp_path, capsys):
  """Other pictures of the same kind are nearer than noise, a set is nearest to itself."""
  fill(tmp_path / 'a', drawn(0, 60))
  fill(tmp_path / 'b', drawn(60, 60))
  with zipfile.ZipFile(tmp_path / 'noise.zip', 'w') as archive:
    for i, picture in enumerate(noise_pictures(60, 16, 16)):
      archive.writestr(f'{i}.png', png(picture))
  out, found = tmp_path / 'out.jsonl', []
  for other in ('a', 'b', 'noise.zip'):
    paths = {'images_a': tmp_path / 'a', 'images_b': tmp_path / other}
    assert evaluate(metrics=PAIR, out=out, **paths) == 0
    found.append({k: v for line in lines(out)[-2:] for k, v in line['values'].items()})
  for name in ('swd60', 'frechet60_random'):
    same, alike, noise = (values[name] for values in found)
    assert same < 1e-3 * noise
    assert same < alike < 0.5 * noise
  assert len(lines(out)) == 6
  said = capsys.readouterr().out
  assert 'FID' not in said
  assert f'added to {out}' in said
  note = 'note on frechet60_random: 60 images for 384 features: the distance is too large, by much'
  assert said.count(note) == 3


def test_a_run(tmp_path, capsys):
  """Its newest checkpoint, against other images; lines of metrics.jsonl with a recipe."""
  run = saved_run(tmp_path / 'run', step=5).path
  data = fill(tmp_path / 'data', noise_pictures(40))
  assert evaluate(workdir=run, data=data, metrics='swd40') == 0
  (record,) = lines(run / 'metrics.jsonl')
  assert (record['metric'], record['step'], record['kimg']) == ('swd40', 5, 0.0)
  assert record['apart'] is True  # not the data that it was trained on
  assert record['recipe']['reals']['of'] == str(data)
  assert record['recipe']['fakes']['seeds'] == '0-39'
  assert record['values']['swd40'] > 0
  assert f'{record["values"]["swd40"]:.5g}' in capsys.readouterr().out
  again = measure(StyleGAN2.load(run), 'swd40', str(data))
  assert again[0].values == record['values']
  assert evaluate(workdir=run / 'checkpoints' / '5', data=data, metrics='swd40', psi=0.5) == 0
  assert lines(run / 'metrics.jsonl')[1]['values'] != record['values']
  assert not list(run.glob('.evaluation/*'))


def test_what_is_measured_where_nothing_is_named(tmp_path, capsys):
  model = saved_model(tmp_path, 16)
  data = fill(tmp_path / 'data', drawn(0, 30))
  assert evaluate(workdir=model, data=data) == 0
  said = capsys.readouterr().out
  for name in ('swd30 ', 'frechet30_random ', 'kernel30_random '):
    assert name in said


def test_the_built_in_shapes(tmp_path, capsys):
  """Held against themselves nothing is missing; against noise nothing is a shape."""
  model = saved_model(tmp_path, 16)
  prepared_set(tmp_path / 'shapes' / 'r16' / '1.0.0', drawn(0, 200))
  fill(tmp_path / 'b', drawn(200, 200))
  paths = {'images_a': tmp_path / 'shapes', 'images_b': tmp_path / 'b'}
  out = tmp_path / 'out.jsonl'
  assert evaluate(metrics='shapes200', out=out, **paths) == 0
  values = lines(out)[0]['values']
  assert values['shapes200_kinds_covered'] == 8
  assert values['shapes200_valid_share'] > 0.98
  assert values['shapes200_kind_distance'] < 0.2
  assert evaluate(workdir=model, data=tmp_path / 'shapes', metrics='shapes200', out=out) == 0
  assert lines(out)[1]['values']['shapes200_valid_share'] < 0.1


def test_conditional_models(tmp_path, capsys):
  """Labels are those of the data set; a class without images is named."""
  model = saved_model(tmp_path, 16, class_names=('ant', 'bee', 'cat'))
  pictures, labels = drawn(0, 40), [0, 2] * 20
  prepared_set(tmp_path / 'set' / '1.0.0', pictures, labels, ('ant', 'bee', 'cat'))
  assert evaluate(workdir=model, data=tmp_path / 'set', metrics='swd40') == 0
  assert '1 of 3 classes have no images (bee): none is drawn' in capsys.readouterr().out
  unlabelled = fill(tmp_path / 'plain', pictures)
  assert evaluate(workdir=model, data=unlabelled, metrics='swd40') == 2
  assert 'has no labels' in capsys.readouterr().err


REFUSED = {
  'nothing named': ({}, 'evaluate needs --workdir, a model; or --images_a and --images_b'),
  'half of a pair': ({'images_a': '{a}'}, 'evaluate needs --workdir'),
  'both': ({'workdir': '{model}', 'images_a': '{a}'}, 'give either --workdir'),
  'unknown metric': ({'workdir': '{model}', 'metrics': 'fid_5k'}, "unknown metric 'fid_5k'"),
  'no weights': (
    {'images_a': '{a}', 'images_b': '{a}', 'metrics': 'fid30'},
    'put pt_inception-2015-12-05-6726825d.pth (of the package pytorch-fid) into {weights}',
  ),
  'too few': (
    {'images_a': '{a}', 'images_b': '{a}', 'metrics': 'frechet5k_random'},
    'frechet5k_random asks for 5000 images of {a}, which has 30: ask for fewer, as in',
  ),
  'path length of images': (
    {'images_a': '{a}', 'images_b': '{a}', 'metrics': 'ppl2_wend'},
    'ppl2_wend is measured on a generator: give --workdir',
  ),
  'mixed sizes': ({'images_a': '{mixed}', 'images_b': '{a}'}, '030.png is 32x32 with 3 channels'),
  'another size': ({'images_a': '{a}', 'images_b': '{large}'}, 'are not alike (16x16, 3 channels'),
  'nothing there': ({'images_a': '{a}', 'images_b': '{a}x'}, '--images_b={a}x does not exist'),
  'no images': ({'images_a': '{a}', 'images_b': '{empty}'}, '{empty} holds no images'),
  'damaged image': ({'images_a': '{a}', 'images_b': '{torn}'}, '003.png is truncated or damaged'),
  'no run': ({'workdir': '{empty}'}, 'no run in {empty}'),
  'not to be written': (
    {'images_a': '{a}', 'images_b': '{a}', 'metrics': 'swd30', 'out': '{a}/no/where'},
    'cannot write {a}/no/where',
  ),
  'small images': (
    {'images_a': '{small}', 'images_b': '{small}', 'metrics': 'frechet30_random'},
    'frechet30_random needs images of at least 16 pixels on each side, not 8x8',
  ),
}


@pytest.fixture(scope='module')
def places(tmp_path_factory):
  path = tmp_path_factory.mktemp('refused')
  pictures = drawn(0, 30)
  found = {'a': fill(path / 'a', pictures), 'large': fill(path / 'large', drawn(0, 5, 32))}
  found['mixed'] = fill(path / 'mixed', [*pictures, *drawn(0, 1, 32)])
  found['small'] = fill(path / 'small', noise_pictures(30, 8, 8))
  found['torn'] = fill(path / 'torn', pictures)
  content = (found['torn'] / '003.png').read_bytes()
  (found['torn'] / '003.png').write_bytes(content[: len(content) // 2])
  found['empty'] = fill(path / 'empty', [])
  found['model'] = saved_model(path, 16)
  return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize('case', REFUSED)
def test_bad_input(case, places, tmp_path, capsys):
  flags, said = REFUSED[case]
  places = {**places, 'weights': str(tmp_path / 'weights')}
  before = sorted(os.listdir(places['a']))
  assert evaluate(**{name: value.format(**places) for name, value in flags.items()}) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ')
  assert error.count('\n') == 1
  assert said.format(**places) in error
  assert sorted(os.listdir(places['a'])) == before


def test_a_generator_that_is_broken(tmp_path, capsys):
  def edit(params):
    params['synthesis']['b4']['const'] = params['synthesis']['b4']['const'] * np.float32(np.nan)
    return params

  model = saved_model(tmp_path, 16, edit=edit)
  data = fill(tmp_path / 'data', drawn(0, 30))
  assert evaluate(workdir=model, data=data, metrics='swd30') == 2
  assert 'images are not finite (seed 0 is the first)' in capsys.readouterr().err


def test_ctrl_c_and_once_more(tmp_path):
  """The command says that it goes on, ends with status 75, and the next ends as if undisturbed."""
  model = saved_model(tmp_path, 16)
  data = fill(tmp_path / 'data', drawn(0, 400))
  script = [sys.executable, 'launch.py', 'evaluate', f'--workdir={model}', f'--data={data}']
  script += ['--metrics=swd400', f'--out={tmp_path / "out.jsonl"}']
  environment = quick.environment(cache=tmp_path / 'cache')
  process = subprocess.Popen(script, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
  for line in process.stdout:
    if 'images of the generator' in line:
      break
  time.sleep(0.5)
  process.send_signal(signal.SIGINT)
  rest = process.communicate(timeout=120)[0]
  assert process.returncode == 75, rest
  assert 'the same command goes on from there' in rest
  assert not (tmp_path / 'out.jsonl').exists()
  subprocess.run(script, cwd=ROOT, env=environment, check=True, capture_output=True)
  (record,) = lines(tmp_path / 'out.jsonl')
  expected = measure(StyleGAN2.load(model), 'swd400', str(data))
  assert record['values'] == pytest.approx(expected[0].values, rel=1e-6)
