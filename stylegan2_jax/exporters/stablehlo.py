"""`export --format=stablehlo`: a part of a model as a program that needs only JAX to run.

The file is what `jax.export.Exported.serialize` gives: StableHLO with the weights in it, for CPU,
CUDA and TPU, with the batch size free. Beside it lies a .json about its inputs, classes and notice;
the notice is also in the file, in `Exported.fun_name`.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any

import jax
from jax import export

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.exporters.parts import Part, part_of
from stylegan2_jax.files import replacing
from stylegan2_jax.ops.backend_forms import for_any_backend

PLATFORMS = ('cpu', 'cuda', 'tpu')


def write_stablehlo(
  gan: StyleGAN2,
  path: str | os.PathLike,
  part: str = 'generator',
  noise: str = 'const',
  pixels: str = 'float32',
) -> list[pathlib.Path]:
  """Writes a part of a model, and PATH.json about it; returns both paths.

  Arguments as `parts.part_of`.

  Raises:
    UserError: there is no such part.
    OSError: a file cannot be written.
  """
  path = pathlib.Path(path)
  chosen = part_of(gan, part, noise, pixels)
  program = exported(chosen, gan.notice)
  about = path.with_name(f'{path.name}.json')
  text = json.dumps(description(chosen, gan, program), indent=2, ensure_ascii=False)
  content = program.serialize()
  with replacing(path) as file, replacing(about) as about_file:
    about_file.write(text.encode() + b'\n')
    file.write(content)
  return [path, about]


def exported(part: Part, notice: str = '') -> export.Exported:
  """A part as JAX exports it, traced with the batch size as a symbol."""

  def function(*inputs):
    # Else XLA would compute at length, for each batch size, what follows from the weights alone.
    with for_any_backend():
      return part.function(jax.lax.optimization_barrier(part.weights), *inputs)

  program = export.export(jax.jit(function), platforms=PLATFORMS)(*part.input_shapes())
  name = f'{part.name}\n{notice}' if notice else part.name
  return dataclasses.replace(program, fun_name=name)


def description(part: Part, gan: StyleGAN2, program: export.Exported) -> dict[str, Any]:
  """What the file beside the program says."""
  (result,) = program.out_avals
  return {
    'part': part.name,
    'inputs': dict(zip(part.inputs, map(str, program.in_avals), strict=True)),
    'result': {part.result: str(result)},
    'class_names': list(gan.class_names),
    'component_names': list(gan.component_names),
    'notice': gan.notice,
    'platforms': list(program.platforms),
    'jax': jax.__version__,
    'calling_convention_version': program.calling_convention_version,
  }
