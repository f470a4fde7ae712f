"""`launch.py export`: each format by the command, and what it refuses."""

import dataclasses

import numpy as np
import pytest
from jax import export as jax_export

import launch
from stylegan2_jax import StyleGAN2, weights_file
from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.export import export
from tests.helpers import assert_trees_equal, saved_run
from tests.tools.models import saved_model


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  return saved_run(tmp_path_factory.mktemp('model') / 'run').path


def command(workdir, *flags):
  return launch.main(['export', f'--workdir={workdir}', *flags])


def test_stablehlo_by_default(run, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  assert command(run) == 0
  files = ['generator.stablehlo', 'generator.stablehlo.json']
  assert sorted(path.name for path in tmp_path.iterdir()) == files
  wrote = capsys.readouterr().out.splitlines()
  size = round((tmp_path / files[0]).stat().st_size / 1000)
  assert wrote[0] == f'wrote generator.stablehlo: {size} kB'
  assert wrote[1].startswith('wrote generator.stablehlo.json: ')
  gan = StyleGAN2.load(run)
  z = np.asarray(gan.latents([5]))
  program = jax_export.deserialize((tmp_path / files[0]).read_bytes())
  expected = gan.synthesize(gan.map(z, psi=0.7))
  np.testing.assert_allclose(program.call(z, 0.7), expected, rtol=0, atol=1e-4)


def test_flags_choose_the_part_and_its_form(run, tmp_path):
  out = tmp_path / 'new' / 'model'
  out.parent.mkdir()
  out.write_bytes(b'another file')
  assert (
    command(run, f'--out={out}', '--part=synthesis', '--noise_mode=none', '--pixels=uint8') == 0
  )
  gan = StyleGAN2.load(run)
  ws = gan.map(gan.latents([1, 2]))
  found = jax_export.deserialize(out.read_bytes()).call(ws)
  np.testing.assert_allclose(found, gan.draw(ws, 'none').astype(int), rtol=0, atol=1)
  assert sorted(path.name for path in out.parent.iterdir()) == ['model', 'model.json']


def test_safetensors(run, tmp_path):
  out = tmp_path / 'new' / 'model.safetensors'
  assert command(run, f'--out={out}', '--format=safetensors') == 0
  assert_trees_equal(StyleGAN2.load(out).params, StyleGAN2.load(run).params)


def test_official(run, tmp_path):
  out = tmp_path / 'model.pt'
  assert command(run, f'--out={out}', '--format=official') == 0
  gan = StyleGAN2.load(run)
  assert np.asarray(gan.w_avg).tobytes() in out.read_bytes()


def test_says_the_notice(run, tmp_path, capsys):
  source = tmp_path / 'model.safetensors'
  model = dataclasses.replace(StyleGAN2.load(run).model, notice='from somewhere,\nof somebody')
  weights_file.save(source, model)
  assert command(source, f'--out={tmp_path / "model"}', '--part=mapping') == 0
  last = capsys.readouterr().out.splitlines()[-1]
  assert last == 'it carries this notice: from somewhere, of somebody'


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--format=tflite'], "argument --format: invalid choice: 'tflite'"),
    (['--part=encoder'], "argument --part: invalid choice: 'encoder'"),
    (['--noise_mode=random'], "argument --noise_mode: invalid choice: 'random'"),
    (['--format=official', '--part=mapping'], '--part has no meaning with --format=official'),
    (['--format=safetensors', '--pixels=uint8'], '--pixels has no meaning with --format=safet'),
    (['--part=mapping', '--pixels=uint8'], '--pixels has no meaning with --part=mapping'),
    (['--part=discriminator', '--noise_mode=none'], '--noise_mode has no meaning with --part=d'),
    (['--format=safetensors', '--out={}/x.bin'], 'weights are saved as .safetensors: name the'),
    (['--step=3'], 'there is no checkpoint of step 3 in '),
    (['--out={}'], 'cannot write {}: Is a directory; name another --out'),
    (['--out=/proc/x/y'], 'cannot write /proc/x/y: '),
  ],
)
def test_bad_input(run, tmp_path, capsys, flags, message):
  flags = [flag.format(tmp_path) for flag in ('--out={}/x', *flags)]
  assert command(run, *flags) == 2
  error = capsys.readouterr().err
  assert error.startswith(f'error: {message.format(tmp_path)}')
  assert error.count('\n') == 1
  assert not list(tmp_path.iterdir())


def test_no_discriminator(tmp_path, capsys):
  model = saved_model(tmp_path)
  assert command(model, '--part=discriminator', f'--out={tmp_path / "d"}') == 2
  assert capsys.readouterr().err == 'error: this model has no discriminator: export another part\n'


def test_no_such_format(run, tmp_path):
  with pytest.raises(UserError, match='there is no format tflite: use one of stablehlo, onnx'):
    export(StyleGAN2.load(run), tmp_path / 'x', 'tflite')
