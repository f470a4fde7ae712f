"""The size of the prepared pictures where none is asked for: that which the pictures have."""

import itertools

from stylegan2_jax import geometry
from stylegan2_jax.data.inputs.base import Input, Problem
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.preparation import workers
from stylegan2_jax.data.preparation.conversion import probe_size
from stylegan2_jax.errors import UserError

_LOOKED_AT = 32  # pictures


def size_of_pictures(source: Input, in_process: bool) -> tuple[int, int]:
  """(width, height) of the first pictures, if they agree.

  Args:
    source: of the pictures.
    in_process: whether to decode them in this process, not in one of its own.

  Raises:
    UserError: none can be read, or they differ.
  """
  readable = (p for p in source.pictures() if not isinstance(p.content, Problem))
  sizes: dict[tuple[int, int], str] = {}  # with the name of the first picture that has it
  while not sizes:
    pictures = list(itertools.islice(readable, _LOOKED_AT))
    if not pictures:
      raise UserError('no image of --source can be read: look at it, or name another')
    contents = [picture.content for picture in pictures]
    found = _probe(contents) if in_process else workers.apart(_probe, contents)
    for picture, size in zip(pictures, found or [None] * len(pictures), strict=True):
      if size is not None:
        sizes.setdefault(size, picture.name)
  if len(sizes) > 1:
    (first, name), (second, other) = list(sizes.items())[:2]
    side = 2 ** (min(map(min, sizes)).bit_length() - 1)
    raise UserError(
      f'the images of --source differ in size ({first[0]}x{first[1]}: {name}, '
      f'{second[0]}x{second[1]}: {other}): choose one for all, '
      f'such as --resolution={side} --transform=center-crop'
    )
  ((size, name),) = sizes.items()
  notice(f'size {size[0]}x{size[1]}, from {name} (--resolution sets another)')
  return size


def warn_of_size(width: int, height: int) -> None:
  """Says at once if images of this size must be scaled for training, or cannot be trained on."""
  found = geometry.trainable((height, width))
  if found is None:
    notice(
      f'note: images of {width}x{height} cannot be trained on: sides must be 4 to 7 times a power '
      'of two; --resolution and --transform=center-crop make them so'
    )
  elif found[0] != max(width, height):
    notice(f'note: training scales images of {width}x{height} down to sides of at most {found[0]}')


def _probe(contents):
  return [probe_size(content) for content in contents]
