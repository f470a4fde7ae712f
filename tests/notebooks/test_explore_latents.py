"""Exploring the latents: what the notebook makes is what the formulas of its tools give."""

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import StyleGAN2
from tests.helpers import saved_run
from tests.notebooks import running

NAME = 'explore_latents.ipynb'
_KEEP = """
np.savez(
  {path!r},
  edited=gan.draw(edited), v=components.directions[0], sigma=components.sigmas[0],
  shares=contributions.shares, targets=targets, found=found['w'].images, ws=found['w'].ws,
  plus=found['w+'].ws,
)
"""


@pytest.mark.parametrize('classes', [(), ('ant', 'bee')], ids=['unconditional', 'conditional'])
def test_any_model(classes, tmp_path):
  run = saved_run(tmp_path / 'run', classes).path
  parameters = (
    f'MODEL, OUT = {str(run)!r}, pathlib.Path({str(tmp_path / "out")!r})\n'
    'PSI, SAMPLES, STEPS = 0.5, 400, 20'
  )
  running.execute(NAME, parameters, _KEEP.format(path=str(tmp_path / 'kept.npz')))
  kept = np.load(tmp_path / 'kept.npz')
  gan, label = StyleGAN2.load(run), classes[0] if classes else None
  ws = np.asarray(gan.map(gan.latents(range(6)), label, 0.5))
  expected = gan.draw(ws + 2 * kept['sigma'] * kept['v'])
  assert np.abs(kept['edited'].astype(int) - expected).max() <= 1
  many = np.asarray(gan.map(gan.latents(range(400)), label))[:, 0]
  values, vectors = np.linalg.eigh(np.cov(many.T))
  assert abs(kept['v'] @ vectors[:, -1]) == pytest.approx(1, abs=1e-4)
  assert kept['sigma'] == pytest.approx(values[-1] ** 0.5, rel=1e-4)
  assert kept['shares'].shape == (2,)
  assert kept['shares'].sum() == pytest.approx(1)
  assert kept['plus'].shape == kept['ws'].shape == (3, 4, 8)
  assert (kept['ws'] == kept['ws'][:, :1]).all()
  assert not (kept['plus'] == kept['plus'][:, :1]).all()
  with Image.open(tmp_path / 'out' / 'walk.gif') as film:
    assert film.n_frames == 4 * 12


def test_as_it_is_saved():
  running.check_saved(NAME, pictures=10)
