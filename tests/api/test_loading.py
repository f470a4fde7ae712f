"""What `StyleGAN2.load` reads, and in which precision."""

import contextlib
import json
import shutil

import jax
import numpy as np
import pytest

from stylegan2_jax import StyleGAN2, list_checkpoints
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from tests.api.inputs import CLASSES, latents
from tests.helpers import assert_trees_equal, saved_run


def test_loads_the_average_and_nothing_else_of_g(run, gan):
  expected = {
    'generator': run.state.ema_params,
    'discriminator': run.state.d_params,
    'w_avg': run.state.w_avg,
    'noise_maps': run.state.noise_maps,
  }
  assert_trees_equal(gan.params, expected)
  assert gan.class_names == CLASSES


def test_loading_touches_nothing(run):
  def contents():
    return {path: path.stat().st_mtime_ns for path in run.path.rglob('*')}

  before = contents()
  StyleGAN2.load(run.path)
  assert contents() == before


def test_loads_any_step(tmp_path):
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  second = saved_run(tmp_path / 'run', step=7, seed=2)
  load = StyleGAN2.load
  assert_trees_equal(load(first.path).params['generator'], second.state.ema_params)
  assert_trees_equal(load(first.path, step=3).params['generator'], first.state.ema_params)
  with pytest.raises(UserError, match=r'no checkpoint of step 5.*3, 7'):
    load(first.path, step=5)


def test_loads_the_best_step(tmp_path):
  """By metrics.jsonl, of those that there are."""
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  saved_run(tmp_path / 'run', step=7, seed=2)
  with pytest.raises(UserError, match=r'checkpoints was measured: leave the step out for the new'):
    StyleGAN2.load(first.path, step='best')
  with contextlib.closing(RunDirectory(first.path)) as run:
    for step, value in ((2, 0.5), (3, 1.0), (7, 2.0)):
      run.metrics.append({'metric': 'swd', 'values': {'swd': value}, 'step': step, 'kimg': 1.0})
  assert_trees_equal(
    StyleGAN2.load(first.path, step='best').params['generator'], first.state.ema_params
  )
  with pytest.raises(UserError, match=r'checkpoints/3 is not step best'):
    StyleGAN2.load(first.path / 'checkpoints' / '3', step='best')


def test_no_run(tmp_path):
  with pytest.raises(UserError, match='no run in'):
    StyleGAN2.load(tmp_path)


def test_a_checkpoint_by_its_folder(tmp_path):
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  saved_run(tmp_path / 'run', step=7, seed=2)
  folder = first.path / 'checkpoints' / '3'
  assert_trees_equal(StyleGAN2.load(folder).params['generator'], first.state.ema_params)
  assert_trees_equal(StyleGAN2.load(folder, step=3).params['generator'], first.state.ema_params)
  with pytest.raises(UserError, match=r'checkpoints/3 is not step 7'):
    StyleGAN2.load(folder, step=7)
  assert (
    list_checkpoints(tmp_path / 'run') == StyleGAN2.list_checkpoints(tmp_path / 'run') == [3, 7]
  )
  with pytest.raises(UserError, match='no run in'):
    list_checkpoints(tmp_path)


def test_a_run_without_a_discriminator(tmp_path):
  """As an import of a generator alone."""
  path = saved_run(tmp_path / 'run').path
  expected = StyleGAN2.load(path).sample(2)
  step = path / 'checkpoints' / '1'
  shutil.rmtree(step / 'discriminator')
  sums = json.loads((step / 'checksums.json').read_text())
  kept = {name: value for name, value in sums.items() if not name.startswith('discriminator/')}
  (step / 'checksums.json').write_text(json.dumps(kept))
  gan = StyleGAN2.load(path)
  assert 'discriminator' not in gan.params
  np.testing.assert_array_equal(gan.sample(2), expected)


def test_discriminator_may_be_left_out(run):
  gan = StyleGAN2.load(run.path, discriminator=False)
  assert 'discriminator' not in gan.params
  with pytest.raises(UserError, match='discriminator=True'):
    gan.discriminate(np.zeros((2, 8, 8, 3), np.float32), 'bee')


def _reduced_run(path):
  """A run that was trained with reduced precision at 8x8, and a clamp that is felt."""
  saved_run(path)
  config = json.loads((path / 'config.json').read_text())
  config['network'] |= {'num_reduced': 1, 'reduced_dtype': 'bfloat16', 'clamp': 0.25}
  (path / 'config.json').write_text(json.dumps(config))
  return config


def test_float32_unless_asked_otherwise(tmp_path):
  """Also of a model that was trained in bfloat16."""
  path = tmp_path / 'run'
  _reduced_run(path)
  ws = np.asarray(StyleGAN2.load(path).map(latents()))

  def images(**dtype):
    return np.asarray(StyleGAN2.load(path, **dtype).synthesize(ws))

  with jax.enable_x64(True):
    exact = images(dtype='float64')
  assert exact.dtype == np.float64
  bounds = {'float32': (1e-9, 2e-6), 'bfloat16': (1e-3, 0.1), 'float16': (1e-5, 0.01)}
  for dtype, (least, most) in bounds.items():
    error = np.abs(images(dtype=dtype) - exact).max()
    assert least < error < most, (dtype, error)
  np.testing.assert_array_equal(images(), images(dtype='float32'))


def test_the_clamp_stays_in_any_precision(tmp_path):
  path = tmp_path / 'run'
  config = _reduced_run(path)
  clamped = StyleGAN2.load(path).sample(4)
  config['network']['clamp'] = None
  (path / 'config.json').write_text(json.dumps(config))
  assert np.abs(StyleGAN2.load(path).sample(4) - clamped).max() > 0.1


@pytest.mark.parametrize('dtype', ['int8', 'float', 'float64'])
def test_other_dtypes(plain, run, dtype):
  with pytest.raises(UserError, match='dtype'):
    StyleGAN2.load(run.path, dtype=dtype)
