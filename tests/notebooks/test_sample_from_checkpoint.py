"""Sampling from a checkpoint: what the notebook draws and saves is what the API gives."""

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import StyleGAN2
from tests.helpers import saved_run
from tests.notebooks import running

NAME = 'sample_from_checkpoint.ipynb'


@pytest.mark.parametrize('classes', [(), ('ant', 'bee')], ids=['unconditional', 'conditional'])
def test_any_model(classes, tmp_path):
  run = saved_run(tmp_path / 'run', classes, step=20).path
  keep = f'np.savez({str(tmp_path / "kept.npz")!r}, mixed=drawn[2], order=order, judged=judged)'
  parameters = f'MODEL, OUT = {str(run)!r}, {str(tmp_path / "out")!r}'
  said = running.texts(running.execute(NAME, parameters, keep))
  assert 'saved steps: [20]' in said
  assert f'classes: {", ".join(classes) or "none"}' in said
  assert 'the same images: True' in said
  gan = StyleGAN2.load(run)
  label = classes[0] if classes else None
  expected = gan.sample(24, 0.7, label=label)
  saved = np.asarray(Image.open(tmp_path / 'out' / 'grid.png'))
  np.testing.assert_array_equal(saved, expected.grid().pixels())
  single = np.asarray(Image.open(tmp_path / 'out' / 'singles' / '0023.png'))
  np.testing.assert_array_equal(single, expected.pixels()[23])
  kept = np.load(tmp_path / 'kept.npz')
  ws = np.array(gan.map(gan.latents([3, 11]), label, 0.7))
  ws[0, 2:] = ws[1, 2:]
  np.testing.assert_allclose(kept['mixed'], gan.synthesize(ws[:1])[0], rtol=1e-4, atol=1e-4)
  logits = np.asarray(gan.discriminate(kept['judged'], label)).ravel()
  assert (np.diff(logits[kept['order']]) <= 1e-5).all()


def test_as_it_is_saved():
  running.check_saved(NAME, pictures=5)
