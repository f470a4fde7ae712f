"""Correlation whose derivatives of any order are correlations with the same order of axes.

XLA's CPU backend computes a convolution fast where images are [N, H, W, C] and kernels
[H, W, C_in, C_out]. Others it puts into that order first, but not within a loop, such as that over
micro-batches; there they take tens of times as long. The gradients that JAX derives have other
orders of axes. Here the arrays themselves are transposed, as XLA would do it.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import ad, batching, mlir

from stylegan2_jax.ops.result_type import result_type

Pair = tuple[int, int]  # (vertical, horizontal)


@dataclasses.dataclass(frozen=True)
class Steps:
  """How a kernel walks over an image; for each axis."""

  stride: Pair = (1, 1)
  padding: tuple[Pair, Pair] = ((0, 0), (0, 0))  # (before, after); negative numbers crop
  dilation: Pair = (1, 1)  # distance between the image's pixels, with zeros in between
  tap_dilation: Pair = (1, 1)  # distance between the kernel's taps
  precision: str | None = None  # of the products, as `jax.default_matmul_precision` takes it

  def __call__(self, x: jax.Array, weight: jax.Array) -> jax.Array:
    """By XLA, as derived by JAX."""
    return jax.lax.conv_general_dilated(
      x,
      weight,
      self.stride,
      self.padding,
      self.dilation,
      self.tap_dilation,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
      precision=self.precision,
    )


def correlate(x: jax.Array, weight: jax.Array, steps: Steps) -> jax.Array:
  """[N, H, W, C_in], [kh, kw, C_in, C_out] -> [N, H', W', C_out].

  In the precision that is set where this is called: JAX translates it later.
  """
  if steps.precision is None:
    steps = dataclasses.replace(steps, precision=jax.config.jax_default_matmul_precision)
  return _correlation.bind(x, weight, steps=steps)


def _apply(x, weight, steps):
  return steps(x, weight)


def _result_type(x, weight, steps):
  result = result_type(steps, x, weight)
  return x.update(shape=result.shape, dtype=result.dtype)


def _image_gradient(cotangent, x, weight, steps):
  """The kernel turned around, over a result with zeros where strides left pixels out."""
  padding = []
  for (before, _), size, taps, result in _extents(x.aval, weight, cotangent, steps):
    start = taps - before - 1
    padding.append((start, size + taps - 1 - result - start))
  back = Steps(steps.dilation, tuple(padding), steps.stride, steps.tap_dilation, steps.precision)
  return correlate(cotangent, jnp.flip(weight, (0, 1)).transpose(0, 1, 3, 2), back)


def _weight_gradient(cotangent, x, weight, steps):
  """The result as the kernel: channels in take the place of samples, and samples that of them."""
  padding = []
  for (before, _), size, taps, result in _extents(x, weight.aval, cotangent, steps):
    padding.append((before, result + taps - size - 1 - before))
  across = Steps(steps.tap_dilation, tuple(padding), steps.dilation, steps.stride, steps.precision)
  gradient = correlate(x.transpose(3, 1, 2, 0), cotangent.transpose(1, 2, 0, 3), across)
  return gradient.transpose(1, 2, 0, 3)


def _extents(x, weight, result, steps):
  """For each axis: padding, and the sizes of image, kernel and result with their zeros."""
  for axis in (0, 1):
    yield (
      steps.padding[axis],
      (x.shape[1 + axis] - 1) * steps.dilation[axis] + 1,
      (weight.shape[axis] - 1) * steps.tap_dilation[axis] + 1,
      (result.shape[1 + axis] - 1) * steps.stride[axis] + 1,
    )


def _batched(arguments, axes, steps):
  return jax.vmap(steps, axes)(*arguments), 0


_correlation = core.Primitive('correlation')
_correlation.def_impl(jax.jit(_apply, static_argnames='steps'))
_correlation.def_abstract_eval(_result_type)
mlir.register_lowering(_correlation, mlir.lower_fun(_apply, multiple_results=False))
ad.defbilinear(_correlation, _image_gradient, _weight_gradient)
batching.primitive_batchers[_correlation] = _batched
