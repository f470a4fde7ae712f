"""`export --format=onnx`: a part of a model for ONNX runtimes, by the converter jax2onnx.

Checked with jax2onnx 0.17.1 and onnxruntime 1.32. Two things that a model is made of the converter
does not take as they are, so they are put in other words first (`_in_plain_words`).
"""

import contextlib
import importlib.util
import logging
import os
import pathlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.parts import Part, part_of
from stylegan2_jax.files import replacing
from stylegan2_jax.ops.backend_forms import for_any_backend
from stylegan2_jax.words import reason

_NEEDED = ('jax2onnx', 'onnx_ir', 'onnxruntime')
_LOGGERS = ('jax2onnx', 'onnx_ir')
_TOLERANCE = 1e-3  # of the largest value; 1e-5 and less was seen


def write_onnx(
  gan: StyleGAN2,
  path: str | os.PathLike,
  part: str = 'generator',
  noise: str = 'const',
  pixels: str = 'float32',
) -> list[pathlib.Path]:
  """Writes a part of a model, once the file has proven to compute the same; returns its path.

  Arguments as `parts.part_of`.

  Raises:
    UserError: there is no such part, the converter is not installed or fails, or what it made
      computes something else.
    OSError: the file cannot be written.
  """
  path = pathlib.Path(path)
  chosen = part_of(gan, part, noise, pixels)
  if any(importlib.util.find_spec(name) is None for name in _NEEDED):
    raise UserError(
      '--format=onnx needs jax2onnx, which is not installed: pip install onnx-ir onnxruntime, '
      'then pip install --no-deps jax2onnx'
    )
  content = _converted(chosen, gan)
  _check(chosen, content)
  with replacing(path) as file:
    file.write(content)
  return [path]


def _converted(part: Part, gan: StyleGAN2) -> bytes:
  """The part as an ONNX model, with what its labels mean and the notice as metadata."""

  def function(*inputs):
    return part.function(part.weights, *inputs)

  with _quiet():
    try:
      import jax2onnx
      import onnx

      model = jax2onnx.to_onnx(
        _in_plain_words(function),
        part.input_shapes(),
        input_names=list(part.inputs),
        output_names=[part.result],
      )
    except Exception as error:  # the converter and what it stands on raise all kinds
      raise UserError(
        f'jax2onnx cannot convert the {part.name} ({reason(error)}): use --format=stablehlo'
      ) from error
  about = {
    'part': part.name,
    'class_names': '\n'.join(gan.class_names),
    'component_names': '\n'.join(gan.component_names),
    'notice': gan.notice,
  }
  onnx.helper.set_model_props(model, {name: text for name, text in about.items() if text})
  return model.SerializeToString()


def _check(part: Part, content: bytes) -> None:
  """Refuses a file that computes something else, at two batch sizes."""
  import onnxruntime

  rng = np.random.default_rng(0)
  try:
    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
  except Exception as error:  # of its own kinds, as for types that it does not have
    raise UserError(
      f'onnxruntime cannot run the {part.name} ({reason(error)}): use --format=stablehlo'
    ) from None
  names = [each.name for each in session.get_inputs()]
  function = jax.jit(part.function)
  for count in (part.multiple, 3 * part.multiple):
    shapes = [(count, *x.shape[1:]) if x.shape else () for x in part.input_shapes()]
    inputs = [np.asarray(rng.standard_normal(shape), part.dtype) for shape in shapes]
    wanted = np.asarray(function(part.weights, *inputs))
    (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
    error = np.abs(found.astype(np.float64) - wanted).max()
    allowed = 1 if wanted.dtype == np.uint8 else _TOLERANCE * np.abs(wanted).max()
    if not error <= allowed:
      raise UserError(
        f'what jax2onnx made of the {part.name} computes something else (by {error:.1e}): use '
        '--format=stablehlo'
      )


def _in_plain_words(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
  """The same function without forms for CPUs or `linear_map`, and with `jnp.pad` for padding.

  jax2onnx does not know the first two, and of the last, where the batch size is a symbol, only
  `jnp.pad`.
  """

  def rewritten(*inputs):
    with for_any_backend():
      traced = jax.make_jaxpr(function)(*inputs)
    (result,) = _evaluate(traced, inputs)
    return result

  return rewritten


def _evaluate(closed: core.ClosedJaxpr, inputs: Sequence[Any]) -> list[Any]:
  values = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
  values |= zip(closed.jaxpr.invars, inputs, strict=True)

  def value(variable):
    return variable.val if isinstance(variable, core.Literal) else values[variable]

  for equation in closed.jaxpr.eqns:
    given = [value(variable) for variable in equation.invars]
    values |= zip(equation.outvars, _apply(equation, given), strict=True)
  return [value(variable) for variable in closed.jaxpr.outvars]


def _apply(equation, given):
  """What an operation gives, as a list."""
  name, parameters = equation.primitive.name, equation.params
  if name == 'linear_map':
    return _evaluate(jax.make_jaxpr(parameters['forward'])(*given), given)
  if name in ('jit', 'pjit'):
    return _evaluate(parameters['jaxpr'], given)
  if name == 'pad':
    return [_pad(*given, parameters['padding_config'])]
  result = equation.primitive.bind(*given, **parameters)
  return result if equation.primitive.multiple_results else [result]


def _pad(x, value, config):
  """lax.pad with 0 and nothing between the elements; negative numbers crop."""
  for axis, (before, after, _) in enumerate(config):
    if before < 0 or after < 0:
      x = jax.lax.slice_in_dim(x, max(0, -before), x.shape[axis] - max(0, -after), axis=axis)
  return jnp.pad(x, [(max(0, before), max(0, after)) for before, after, _ in config])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Without the warnings of the converter, which are about its own affairs."""
  levels = {name: logging.getLogger(name).level for name in _LOGGERS}
  for name in levels:
    logging.getLogger(name).setLevel(logging.ERROR)
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')
      yield
  finally:
    for name, level in levels.items():
      logging.getLogger(name).setLevel(level)
