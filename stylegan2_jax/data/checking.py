"""Looking through all files of a set before training starts."""

import concurrent.futures
import pathlib
import time

from stylegan2_jax.data import decoding
from stylegan2_jax.data.notices import notice
from stylegan2_jax.errors import UserError

_DECODE_UP_TO = 2**28  # bytes: smaller sets are decoded completely when they are opened
_ANNOUNCE_AFTER = 2.0  # seconds
_NAMES_SHOWN = 3


def image_names(root, names, say_skipped=True):
  """Sorts the names of images out of all names; says which others are skipped.

  Args:
    root: str, what to call the whole.
    names: relative POSIX paths of all files, each once.
    say_skipped: whether to.

  Returns:
    Sorted list of the names with an image ending. Hidden files and folders, and the
    `__MACOSX` folder that some archives hold, are skipped whatever their ending.

  Raises:
    UserError: there is none.
  """
  images = sorted(name for name in names if _is_image(name))
  if not images:
    raise UserError(f'{root} holds no images: put images there ({", ".join(decoding.ENDINGS)})')
  skipped = sorted(set(names).difference(images))
  if skipped and say_skipped:
    shown = ', '.join(skipped[:_NAMES_SHOWN]) + (', ...' if len(skipped) > _NAMES_SHOWN else '')
    files = 'file that is no image' if len(skipped) == 1 else 'files that are no images'
    notice(f'warning: skipped {len(skipped)} {files} in {root}: {shown}')
  return images


def check_images(source):
  """Checks the headers of all pictures; decodes them all if the set is small.

  Args:
    source: FileSource.

  Returns:
    List of their (height, width) in pixels.

  Raises:
    UserError: names the first picture that cannot be trained on.
  """
  total = 0
  for index in range(len(source)):
    total += source.encoded_size(index)
    if source.encoded_size(index) > decoding.MAX_BYTES:
      limit = f'{decoding.MAX_BYTES >> 20} MiB'
      raise UserError(f'{source.name(index)} is larger than {limit}: make it smaller or remove it')

  def check(index):
    size = source.size(index)
    if total <= _DECODE_UP_TO:
      decoding.decode(source.data, source.read(index).image, source.name(index))
    return size

  return in_threads(check, source)


def in_threads(check, source):
  """Applies `check` to all indices, in order, and says so when it takes long."""
  start = time.perf_counter()
  announced = False
  sizes = []
  pool = concurrent.futures.ThreadPoolExecutor(max(1, source.data.threads))
  try:
    for size in pool.map(check, range(len(source))):
      sizes.append(size)
      if not announced and time.perf_counter() - start > _ANNOUNCE_AFTER:
        announced = True
        notice(f'checking {len(source)} images of {source.data.source} ...')
  finally:
    pool.shutdown(cancel_futures=True)
  if announced:
    seconds = time.perf_counter() - start
    notice(f'checked {len(source)} images of {source.data.source} in {seconds:.1f} s')
  return sizes


def _is_image(name):
  path = pathlib.PurePosixPath(name)
  hidden = any(part.startswith('.') or part == '__MACOSX' for part in path.parts)
  return path.suffix.lower() in decoding.ENDINGS and not hidden
