"""What the sub-folders of a folder should hold: a checksum of each file, to tell damage.

Storage libraries notice some damage, by exceptions of all kinds and sometimes by wrong numbers.
"""

import hashlib
import json
import pathlib

from stylegan2_jax import files

FILE_NAME = 'checksums.json'


def write(folder: pathlib.Path) -> None:
  """Writes the SHA-256 of every file in the sub-folders of `folder` into its `checksums.json`."""
  sums = {path.relative_to(folder).as_posix(): _checksum(path) for path in _files(folder)}
  with files.replacing(folder / FILE_NAME) as file:
    file.write(json.dumps(sums, indent=1).encode())


def fault(folder: pathlib.Path, part: str) -> str | None:
  """What is wrong with the files of a sub-folder; None if nothing is, or nothing can be told.

  A folder that has no `checksums.json` counts as sound.
  """
  path = folder / FILE_NAME
  if not path.exists():
    return None
  try:
    sums = dict(json.loads(path.read_text(encoding='utf-8')))
  except (OSError, ValueError):
    return f'{FILE_NAME} cannot be read'
  for name, checksum in sums.items():
    if not name.startswith(f'{part}/'):
      continue
    try:
      found = _checksum(folder / name)
    except OSError as error:
      return f'{name}: {error.strerror}'
    if found != checksum:
      return f'{name} is not what was written'
  return None


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  return sorted(path for path in folder.glob('*/**/*') if path.is_file())


def _checksum(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
