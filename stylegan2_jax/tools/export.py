"""`launch.py export`: a model as one file for other programs."""

import os
import pathlib

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.choices import FORMATS, PROGRAMS
from stylegan2_jax.tools.output import writing
from stylegan2_jax.words import one_line

_DRAWING = ('generator', 'synthesis')  # parts that give images


def export(
  gan: StyleGAN2,
  path: str | os.PathLike,
  format: str = 'stablehlo',
  part: str = 'generator',
  noise: str = 'const',
  pixels: str = 'float32',
) -> list[pathlib.Path]:
  """Writes a model, or a part of it, whole or not at all; returns what was written.

  Args:
    gan: the model.
    path: of the file; with 'stablehlo' a second one, PATH.json, says what its inputs are.
    format: a key of `exporters.choices.FORMATS`. The other arguments are for 'stablehlo' and
      'onnx' alone.
    part: as `exporters.parts`.
    noise: as `exporters.parts`.
    pixels: as `exporters.parts`.

  Raises:
    UserError: there is no such format or part, or the model has no such form.
    OSError: a file cannot be written.
  """
  path = pathlib.Path(path)
  if format == 'safetensors':
    gan.save_weights(path)
    return [path]
  if format == 'official':
    from stylegan2_jax.exporters.official import write_official

    write_official(gan, path)
    return [path]
  if format == 'onnx':
    from stylegan2_jax.exporters.onnx import write_onnx

    return write_onnx(gan, path, part, noise, pixels)
  if format == 'stablehlo':
    from stylegan2_jax.exporters.stablehlo import write_stablehlo

    return write_stablehlo(gan, path, part, noise, pixels)
  raise UserError(f'there is no format {format}: use one of {", ".join(FORMATS)}')


def export_command(
  model: str | os.PathLike,
  format: str = 'stablehlo',
  out: str | os.PathLike | None = None,
  part: str | None = None,
  noise: str | None = None,
  pixels: str | None = None,
  step: int | None = None,
) -> None:
  """Loads a model, exports it and says what was written.

  Args:
    model: what `StyleGAN2.load` takes.
    format: as `export`.
    out: the file (default: by format and part, in the current folder).
    part: as `export`; None, like the two below, is its default.
    noise: as `export`.
    pixels: as `export`.
    step: a saved step; None is the newest.

  Raises:
    UserError: the model, a choice or the output path does not fit.
  """
  _check_choices(format, part, noise, pixels)
  part = part or 'generator'
  path = pathlib.Path(out or FORMATS[format][0].format(part=part))
  gan = StyleGAN2.load(model, step, format not in PROGRAMS or part == 'discriminator')
  with writing(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    written = export(gan, path, format, part, noise or 'const', pixels or 'float32')
    for file in written:
      print(f'wrote {file}: {_amount(file.stat().st_size)}')
  if gan.notice:
    print(f'it carries this notice: {one_line(gan.notice, 200)}')


def _check_choices(format, part, noise, pixels):
  """Refuses flags that would have no effect."""
  given = {'part': part, 'noise_mode': noise, 'pixels': pixels}
  for flag, value in given.items():
    if value is None:
      continue
    if format not in PROGRAMS:
      raise UserError(f'--{flag} has no meaning with --format={format}: leave it out')
    if flag != 'part' and part not in (None, *_DRAWING):
      raise UserError(
        f'--{flag} has no meaning with --part={part}, which draws nothing: leave it out'
      )


def _amount(count: int) -> str:
  """Bytes for people.

  >>> _amount(999), _amount(35_448), _amount(2_263_619)
  ('999 bytes', '35 kB', '2.3 MB')
  """
  if count < 1000:
    return f'{count} bytes'
  return f'{count / 1e3:.0f} kB' if count < 999_500 else f'{count / 1e6:.1f} MB'
