"""The RGB of each resolution: what the network without the others gives, and they sum up to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import variable_shapes
from stylegan2_jax.networks.contributions import rgb_outputs, upsampled
from stylegan2_jax.ops.fir import upsample2d
from tests.helpers import networks, random_params, randomized

SIZES = pytest.mark.parametrize(
  ('size', 'channels'), [((16, 16), 3), ((12, 16), 1), ((24, 16), 4), ((10, 10), 3)]
)


def parts_of(size, channels, **changes):
  """(synthesis, parameters, ws, maps, image, outputs)."""
  pair = networks(size, channels, **changes)
  synthesis, params = pair[0].synthesis, random_params(*pair)[0]['synthesis']
  ws = jnp.asarray(np.random.default_rng(1).standard_normal((3, synthesis.num_ws, 8)), jnp.float32)
  maps = randomized(variable_shapes(*pair)[2], 2)
  return synthesis, params, ws, maps, *rgb_outputs(synthesis, params, ws, maps)


@SIZES
def test_sum_is_the_image(size, channels):
  synthesis, params, ws, maps, img, outputs = parts_of(size, channels)
  np.testing.assert_array_equal(img, synthesis.apply({'params': params}, ws, maps))
  total = sum(upsampled(outputs).values())
  np.testing.assert_allclose(total, img, rtol=0, atol=1e-5 * float(jnp.abs(img).max()))


@SIZES
def test_upsampled_ones_are_images_of_one_rgb_layer(size, channels):
  """With the other ToRGB layers at zero."""
  synthesis, params, ws, maps, img, outputs = parts_of(size, channels)
  for r, part in upsampled(outputs).items():
    alone = {
      block: layers
      if block == f'b{r}'
      else {**layers, 'torgb': jax.tree.map(jnp.zeros_like, layers['torgb'])}
      for block, layers in params.items()
    }
    expected = synthesis.apply({'params': alone}, ws, maps)
    np.testing.assert_allclose(part, expected, rtol=0, atol=1e-5 * float(jnp.abs(img).max()))


def test_outputs_are_what_smaller_networks_add():
  """A network that ends at r gives the sum up to r: the outputs are the differences."""
  _, params, ws, maps, _, outputs = parts_of((16, 16), 3)
  assert list(outputs) == [4, 8, 16]
  before = None
  for r, rgb in outputs.items():
    smaller = networks(r)[0].synthesis
    kept = {f'b{n}': params[f'b{n}'] for n in (4, 8, 16) if n <= r}
    img = smaller.apply({'params': kept}, ws[:, : smaller.num_ws], maps)
    expected = img if before is None else img - upsample2d(before)
    np.testing.assert_allclose(rgb, expected, rtol=0, atol=1e-5 * float(jnp.abs(img).max()))
    before = img


def test_reduced_precision_sums_in_float32():
  _, _, _, _, img, outputs = parts_of((16, 16), 3, num_reduced=2)
  assert {rgb.dtype for rgb in outputs.values()} == {jnp.dtype('float32')}
  total = sum(upsampled(outputs).values())
  np.testing.assert_allclose(total, img, rtol=0, atol=1e-5 * float(jnp.abs(img).max()))


@pytest.mark.parametrize('architecture', ['orig', 'resnet'])
def test_other_architectures_have_one(architecture):
  _, _, _, _, img, outputs = parts_of((16, 16), 3, g_architecture=architecture)
  assert list(outputs) == [16]
  np.testing.assert_array_equal(outputs[16], img)
