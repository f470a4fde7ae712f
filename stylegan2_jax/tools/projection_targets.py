"""The images to be projected: files, folders and zips of them, brought to the model's size."""

import collections
import io
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.data.inputs.files import FolderInput, ZipInput
from stylegan2_jax.data.preparation.conversion import Conversion, convert, probe_size
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size, size_text
from stylegan2_jax.words import one_line, reason

TRANSFORMS = ('center-crop', 'pad', 'none')  # of those of `prepare`
MAX_TARGETS = 1000
_MAX_LINES = 8  # about images that are left out, and about sizes

_KINDS = {1: 'grey', 2: 'grey with alpha', 3: 'RGB', 4: 'RGBA'}
_MODES = {'L': 1, '1': 1, 'LA': 2, 'RGB': 3, 'RGBA': 4}


class Targets(NamedTuple):
  """Images with names that can be file names, all different."""

  names: list[str]
  images: np.ndarray  # uint8 [N, H, W, C]


def read_targets(
  paths: Sequence[str], size: Size, channels: int, transform: str = 'center-crop'
) -> tuple[Targets, list[str]]:
  """Reads images and brings them to the form of a model.

  Args:
    paths: of image files, folders of them (with the folders in them) and zips.
    size: (height, width) of the model.
    channels: of the model. Transparency goes over white where it has none.
    transform: 'center-crop', 'pad' (white, transparent where there is alpha) or 'none': other
      shapes are refused. Then they are resized (Lanczos), smaller ones are enlarged.

  Returns:
    (the targets, lines that say what was done, and which files of folders were left out and why).

  Raises:
    UserError: a path is not there or an image that was named cannot be used; none is left, or too
      many.
  """
  conversion = Conversion(size[1], size[0], channels, transform, upscale=True)
  names, images, done, bad = [], [], collections.Counter(), []
  for path in map(pathlib.Path, paths):
    single, pictures = _pictures(path)
    for picture in pictures:
      image = _converted(picture.content, conversion)
      if isinstance(image, Problem):
        if single:
          raise UserError(f'--target={path} {image.reason}: name another image')
        bad.append(f'left out {one_line(picture.name)}: {image.reason}')
        continue
      names.append(picture.name)
      images.append(image)
      done[_what_was_done(picture.content, conversion)] += 1
      if len(names) > MAX_TARGETS:
        raise UserError(f'--target names more than {MAX_TARGETS} images: name fewer')
  if not images:
    why = f' ({bad[0]})' if bad else ''
    raise UserError(f'--target={paths[0]} holds no image that can be projected{why}: name another')
  lines = [f'{count} of {len(images)} images: {text}' for text, count in done.most_common()]
  return Targets(file_names(names), np.stack(images)), _first(lines) + _first(bad)


def file_names(names: Sequence[str]) -> list[str]:
  """File names without ending, all different, from names that may be anything.

  >>> file_names(['a/me.png', 'b/me.jpg', '../../.x', 'Zoë 1.png'])
  ['me', 'me-2', 'x', 'Zoë_1']
  """
  found: dict[str, None] = {}
  for name in names:
    stem = re.sub(r'[^\w.-]+', '_', pathlib.PurePosixPath(name.replace('\\', '/')).stem)[:80]
    stem = stem.lstrip('.-') or 'image'
    new, number = stem, 1
    while new.lower() in {other.lower() for other in found}:
      number += 1
      new = f'{stem}-{number}'
    found[new] = None
  return list(found)


def _pictures(path) -> tuple[bool, Iterator[Picture]]:
  """(whether it is one image alone, what is there)."""
  if path.is_dir():
    return False, FolderInput(path, 'none').pictures()
  try:
    with path.open('rb') as file:
      head = file.read(2)
      if head == b'PK':
        return False, ZipInput(path, 'none').pictures()
      return True, iter([Picture(path.name, head + file.read(), None)])
  except FileNotFoundError:
    raise UserError(f'--target={path} is not there: name an image, a folder or a zip') from None
  except OSError as error:
    raise UserError(f'cannot read --target={path} ({reason(error)}): name another') from None


def _converted(content, conversion):
  """uint8 [H, W, C], or a Problem."""
  if isinstance(content, Problem):
    return content
  result = convert(content, conversion)
  if isinstance(result, Problem):
    return result
  with Image.open(io.BytesIO(result.encoded), formats=['PNG']) as image:
    shape = (conversion.height, conversion.width, conversion.channels)
    return np.asarray(image).reshape(shape)


def _what_was_done(content, conversion):
  """In words, for an image that could be converted."""
  width, height = probe_size(content)
  steps = [size_text((height, width))]
  with Image.open(io.BytesIO(content)) as image:
    channels = _MODES.get(image.mode, 3)
    channels += channels in (1, 3) and image.has_transparency_data
  if channels != conversion.channels:
    steps[0] += f' {_KINDS[channels]}'
    over = ' over white' if channels in (2, 4) and conversion.channels in (1, 3) else ''
    steps.append(f'made {_KINDS[conversion.channels]}{over}')
  size = conversion.height, conversion.width
  if width * size[0] != height * size[1]:
    words = {'center-crop': 'cropped around the center', 'pad': 'padded with white'}
    steps.append(words[conversion.transform])
  scales = size[0] / height, size[1] / width
  scale = min(scales) if conversion.transform == 'pad' else max(scales)
  if scale != 1:
    steps.append(f'{"resized" if scale < 1 else "enlarged"} to {size_text(size)} (Lanczos)')
  return ', '.join(steps) if len(steps) > 1 else f'{steps[0]}, taken as they are'


def _first(lines):
  rest = len(lines) - _MAX_LINES
  return lines if rest <= 0 else [*lines[:_MAX_LINES], f'... and {rest} more such lines']
