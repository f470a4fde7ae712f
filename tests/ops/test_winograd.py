"""Winograd's 3×3 convolution: the numbers of the plain sum, its rounding, and who uses it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops import backend_forms
from stylegan2_jax.ops.conv import conv2d
from stylegan2_jax.ops.winograd import winograd_conv2d
from tests.ops import plain


def arrays(size, c_in, c_out, dtype=np.float64, n=2):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((n, *size, c_in)).astype(dtype)
  return x, rng.standard_normal((3, 3, c_in, c_out)).astype(dtype)


def native(x, weight):
  numbers = ('NHWC', 'HWIO', 'NHWC')
  return jax.lax.conv_general_dilated(x, weight, (1, 1), [(1, 1)] * 2, dimension_numbers=numbers)


@pytest.mark.parametrize('size', [(2, 2), (2, 6), (4, 4), (8, 6)])
def test_values(size, x64):
  x, weight = arrays(size, 3, 5)
  np.testing.assert_allclose(
    jax.jit(winograd_conv2d)(x, weight), plain.conv2d(x, weight, padding=1), atol=1e-12
  )


@pytest.mark.parametrize('size', [(2, 2), (4, 6), (6, 4)])
def test_gradients(size, x64):
  """Of both arguments, and of a function of those: what the regularizers take."""
  x, weight = arrays(size, 3, 5)
  mixing = np.random.default_rng(1).standard_normal((2, *size, 5))

  def derivatives(form):
    def loss(x, weight):
      return (form(x, weight) ** 3 * mixing).sum()

    def penalty(x, weight):
      return sum((g**2).sum() for g in jax.grad(loss, (0, 1))(x, weight))

    def directional(x, weight):  # reverse over forward
      return jax.jvp(lambda x: form(x, weight), (x,), (x**2,))[1].sum() ** 2

    return [jax.jit(jax.grad(f, (0, 1)))(x, weight) for f in (loss, penalty, directional)]

  for found, expected in zip(derivatives(winograd_conv2d), derivatives(native), strict=True):
    for one, other in zip(found, expected, strict=True):
      np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(other).max())


def test_vmap(x64):
  x, weight = arrays((4, 6), 3, 5, n=6)
  stack = x.reshape(3, 2, *x.shape[1:])
  for axis in (0, 1):
    mapped = jax.vmap(winograd_conv2d, (axis, None), axis)(np.moveaxis(stack, 0, axis), weight)
    np.testing.assert_allclose(
      np.moveaxis(mapped, axis, 0).reshape((*x.shape[:3], 5)), native(x, weight), atol=1e-12
    )


def test_rounding():
  """In float32 that of the plain sum, not a multiple of it: root mean squares below 1e-6."""
  x, weight = arrays((8, 8), 256, 256, np.float32)
  with jax.enable_x64(True):
    exact = np.asarray(native(x.astype(np.float64), weight.astype(np.float64)))

  def error(form):
    difference = np.asarray(jax.jit(form)(x, weight), np.float64) - exact
    return np.sqrt(np.square(difference).mean() / np.square(exact).mean())

  assert error(winograd_conv2d) < 1e-6
  assert error(winograd_conv2d) < 3 * error(native)


def convolutions(size=(8, 8), c_in=96, c_out=96, dtype=np.float32, stride=1, padding=1) -> int:
  """Of XLA's own kind, in a program of conv2d."""
  x, weight = (jax.ShapeDtypeStruct(v.shape, dtype) for v in arrays(size, c_in, c_out))
  lowered = jax.jit(lambda x, w: conv2d(x, w, stride, padding)).lower(x, weight)
  return lowered.as_text().count('stablehlo.convolution')


def test_who_uses_it(monkeypatch):
  """Wide 3×3 convolutions of an even size, in float32, on a CPU."""
  assert convolutions() == 0
  assert convolutions(c_in=513, c_out=128) == 0
  assert convolutions(size=(7, 8)) == 1
  assert convolutions(c_in=95) == 1
  assert convolutions(c_out=95) == 1
  assert convolutions(dtype=jnp.bfloat16) == 1
  assert convolutions(padding=0) == 1
  assert convolutions(stride=2) == 1
  with backend_forms.for_any_backend():
    assert convolutions() == 1
  assert convolutions() == 0
  monkeypatch.setattr(backend_forms.jax, 'default_backend', lambda: 'gpu')
  assert convolutions() == 1
