"""The networks and a whole training run against the official ones, in Winograd's form throughout.

The reference's networks are too narrow for it to be chosen.
"""

import jax
import jax.numpy as jnp
import pytest

from stylegan2_jax.ops import conv
from tests.parity import test_discriminator, test_generator, test_training_run

GENERATORS, DISCRIMINATORS = test_generator.NAMES, test_discriminator.NAMES
DTYPES = pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-9), (jnp.float32, 1e-3)])


@pytest.fixture(scope='module', autouse=True)
def everywhere():
  """For convolutions of any width, and for programs of this module alone."""
  used = []

  def counted(x, weight):
    used.append(x.shape)
    return winograd_conv2d(x, weight)

  winograd_conv2d = conv.winograd_conv2d
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(conv, '_WINOGRAD_CHANNELS', 1)
    patch.setattr(conv, 'winograd_conv2d', counted)
    forget()
    yield
    forget()
  assert used


def forget():
  test_generator.load.cache_clear()
  test_discriminator.load.cache_clear()
  jax.clear_caches()


@GENERATORS
@DTYPES
def test_generators(name, dtype, rtol, x64):
  test_generator.test_images(name, dtype, rtol, None)
  test_generator.test_gradients(name, dtype, rtol, None)
  test_generator.test_path_length(name, dtype, rtol, None)


@DISCRIMINATORS
@DTYPES
def test_discriminators(name, dtype, rtol, x64):
  test_discriminator.test_logits_and_losses(name, dtype, rtol, None)
  test_discriminator.test_gradients_of_the_loss(name, dtype, rtol, None)
  test_discriminator.test_r1(name, dtype, rtol, None)


@test_training_run.NAMES
def test_a_training_run(name, x64):
  test_training_run.test_training_run(name, jnp.float64, 1e-10, None, None)
