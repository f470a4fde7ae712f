"""The folder of a projection: what was asked for, where it stands, what was found.

Layout:
  project.json        the settings, the images, and at the end the distances
  distances.csv       the distances, a line for each image
  NAME-projected.png  the image that was found
  NAME.npz            what `read_projection` reads: ws, noise maps, distances, the path of w
  comparison.png      target, projected, and the image of the mean w side by side
  projection.mp4      how the images came about, with --video
  .unfinished.npz     state of the batch that is being projected

Everything is written whole or not at all.
"""

import json
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from stylegan2_jax import files
from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.projection import Progress
from stylegan2_jax.tools.projector import Found, Snapshot
from stylegan2_jax.words import one_line, reason

_ARRAYS = ('target', 'start', 'image', 'ws', 'history', 'path')
_NUMBERS = ('start_distance', 'distance', 'start_rmse', 'rmse')
_NOISE = 'noise_maps.'  # before the names of noise maps: noise_maps.b8.conv0


class ProjectionFolder:
  """Paths in the folder, and reading and writing there. Building one touches nothing."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self.json_path = path / 'project.json'
    self.csv_path = path / 'distances.csv'
    self.sheet_path = path / 'comparison.png'
    self.video_path = path / 'projection.mp4'
    self.lock_path = path / '.lock'
    self._state_path = path / '.unfinished.npz'

  def image_path(self, name: str) -> pathlib.Path:
    """The projected image of a target."""
    return self.path / f'{name}-projected.png'

  def npz_path(self, name: str) -> pathlib.Path:
    """What was found for a target."""
    return self.path / f'{name}.npz'

  def check(self, asked: Mapping[str, Any]) -> bool:
    """Whether a projection has begun here, which must be of the same settings and images.

    Raises:
      UserError: it is of others, or project.json is damaged.
    """
    try:
      text = self.json_path.read_text(encoding='utf-8')
    except FileNotFoundError:
      return False
    except (OSError, UnicodeDecodeError) as error:
      raise UserError(f'cannot read {self.json_path}: {reason(error)}') from None
    try:
      known = json.loads(text)
      settings, images = known['settings'], known['images']
    except (ValueError, KeyError, TypeError):
      raise UserError(f'{self.json_path} is damaged: remove it, or name another --out') from None
    for key, value in asked['settings'].items():
      if settings.get(key) != value:
        raise UserError(
          f'{self.path} holds a projection with {key} {one_line(settings.get(key))}, '
          f'not {one_line(value)}: give the same again, or name another --out'
        )
    if images != asked['images']:
      raise UserError(f'{self.path} holds a projection of other images: name another --out')
    return True

  def write_json(self, asked: Mapping[str, Any], results: Sequence[Mapping] | None = None) -> None:
    """Writes project.json; `results` at the end."""
    known = dict(asked) | ({} if results is None else {'results': results})
    with files.replacing(self.json_path) as file:
      file.write((json.dumps(known, indent=1, ensure_ascii=False) + '\n').encode())

  def write_found(self, name: str, found: Found) -> None:
    """Writes NAME.npz."""
    arrays = {key: getattr(found, key) for key in _ARRAYS}
    arrays |= {key: np.float64(getattr(found, key)) for key in _NUMBERS}
    maps = traverse_util.flatten_dict(found.noise_maps, sep='.')
    arrays |= {_NOISE + key: value for key, value in maps.items()}
    with files.replacing(self.npz_path(name)) as file:
      np.savez(file, **arrays)

  def save(self, batch: int, snapshot: Snapshot) -> None:
    """Writes where a batch stands."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(snapshot.progress)]
    arrays = {f'leaf{i}': leaf for i, leaf in enumerate(leaves)}
    with files.replacing(self._state_path) as file:
      np.savez(file, batch=batch, path=np.stack(snapshot.path), **arrays)

  def restore(self, batch: int, like: Snapshot) -> Snapshot | None:
    """Where a batch stood when it was saved; None if it was not.

    Args:
      batch: its number.
      like: where it begins, for the forms of the arrays.

    Raises:
      UserError: the file is damaged.
    """
    leaves, form = jax.tree.flatten(like.progress)
    try:
      with np.load(self._state_path, allow_pickle=False) as file:
        if int(file['batch']) != batch:
          return None
        found = [file[f'leaf{i}'] for i in range(len(leaves))]
        path = list(file['path'])
      fits = all(
        (a.shape, a.dtype) == (b.shape, b.dtype) for a, b in zip(leaves, found, strict=True)
      )
      if not fits or any(part.shape != like.path[0].shape for part in path):
        raise ValueError('its arrays have other forms')
    except FileNotFoundError:
      return None
    except Exception as error:  # zipfile, zlib and NumPy each have their own
      raise UserError(
        f'{self._state_path} is damaged ({reason(error)}): remove it, and this batch begins anew'
      ) from None
    progress: Progress = jax.tree.unflatten(form, [jax.numpy.asarray(leaf) for leaf in found])
    return Snapshot(progress, path)

  def forget(self) -> None:
    """Removes the state of a batch that is done."""
    self._state_path.unlink(missing_ok=True)


def read_projection(path: str | pathlib.Path) -> Found:
  """What NAME.npz holds. `gan.synthesize(found.ws[None], found.noise_maps)` draws it again.

  Raises:
    UserError: it cannot be read, or is damaged.
  """
  try:
    with np.load(path, allow_pickle=False) as file:
      arrays = {key: file[key] for key in _ARRAYS}
      numbers = {key: float(file[key]) for key in _NUMBERS}
      maps = {k.removeprefix(_NOISE): file[k] for k in file.files if k.startswith(_NOISE)}
  except FileNotFoundError:
    raise UserError(f'there is no projection {path}') from None
  except Exception as error:  # zipfile, zlib and NumPy each have their own
    raise UserError(f'{path} is damaged ({reason(error)}): remove it, and project again') from None
  return Found(**arrays, **numbers, noise_maps=traverse_util.unflatten_dict(maps, sep='.'))


def digest(tree: Any) -> str:
  """A fingerprint of arrays, by their names, shapes and bytes."""
  crc = 0
  for path, leaf in jax.tree.leaves_with_path(tree):
    array = np.asarray(leaf)
    head = f'{jax.tree_util.keystr(path)} {array.shape} {array.dtype}'
    crc = zlib.crc32(np.ascontiguousarray(array).data.cast('B') if array.size else b'', crc)
    crc = zlib.crc32(head.encode(), crc)
  return f'{crc:08x}'
