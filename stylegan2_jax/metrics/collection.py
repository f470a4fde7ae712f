"""Rows by number, collected block by block: what is kept of them, and how a killed pass goes on.

A pass makes rows float32 [n, F] for the numbers 0, 1, 2, ...: features of images, or distances. Of
each kind of rows it keeps a Gaussian, in memory that does not grow, or the rows themselves, in a
file. Blocks of 1,000 numbers are added in order, whatever the batches and devices are, so that
neither changes a bit of the result. A pass that is interrupted goes on where it was saved last, at
the latest 20 seconds before, in the middle of a block too.

The folder of a pass:
  asked.json   what the rows are of
  state.npz    how many numbers are done, the Gaussians, a hash of the images, the rows of the block
               that is not full yet
  NAME.rows    rows that are kept, float32, one after another
"""

import contextlib
import hashlib
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from stylegan2_jax import files
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metrics.formulas.gaussian import Gaussian
from stylegan2_jax.words import reason

BLOCK = 1000  # numbers
GAUSSIAN, ROWS = 'gaussian', 'rows'  # what is kept
_SAVE_SECONDS = 20.0
_ASKED, _STATE, _SUFFIX = 'asked.json', 'state.npz', '.rows'


class Batch(NamedTuple):
  """What is made of successive numbers."""

  rows: Mapping[str, np.ndarray]  # float32 [n, F] by name
  digests: np.ndarray = np.zeros((0, 32), np.uint8)  # [n, 32], the SHA-256 of each image; or none


class Collected(NamedTuple):
  """What a pass has kept."""

  count: int
  kept: dict[str, Gaussian | np.ndarray]  # rows are mapped from their file
  sha256: str  # of the images' own; of none a constant

  def gaussian(self, name: str) -> Gaussian:
    """The Gaussian of rows, also where all of them were kept: to the bit the same."""
    found = self.kept[name]
    if isinstance(found, Gaussian):
      return found
    blocks = (Gaussian.of(found[i : i + BLOCK]) for i in range(0, self.count, BLOCK))
    total = next(blocks)
    for block in blocks:
      total = total.merged(block)
    return total


class Collection:
  """A pass in its folder. Building one touches nothing."""

  def __init__(self, folder: pathlib.Path, asked: Mapping[str, Any], keep: Mapping[str, str]):
    """Takes what is asked for.

    Args:
      folder: of the pass; its parents exist.
      asked: what the rows depend on, for JSON.
      keep: GAUSSIAN or ROWS by the name of the rows.
    """
    self.folder, self._keep = folder, dict(keep)
    self._asked = json.loads(json.dumps({'format': 1, 'asked': asked, 'keep': self._keep}))
    self._done, self._hash = 0, b''
    self._widths: dict[str, int] = {}
    self._gaussians: dict[str, Gaussian] = {}
    self._pending: list[Batch] = []

  def finished(self, count: int) -> Collected | None:
    """What the folder holds of a pass over `count` numbers; None if that is not all there."""
    if not self._restore() or self._done != count:
      return None
    return self._collected()

  def run(
    self,
    count: int,
    produce: Callable[[int, int], Iterator[Batch]],
    progress: Callable[[int, int], None],
    stop: Callable[[], bool] = lambda: False,
  ) -> Collected:
    """Makes what is left to be made.

    Args:
      count: of numbers.
      produce: (start, stop) -> batches of the numbers from start to stop - 1, in order.
      progress: called with (done, count) after every batch.
      stop: asked after every batch; True ends the pass.

    Raises:
      UserError: rows are not finite, or the folder cannot be written.
      Preempted: `stop` said so; the same pass goes on where it was.
    """
    if not self._restore():
      self._begin()
    self._saved_at = time.monotonic()
    while self._done < count:
      end = min(self._done + BLOCK, count)
      for batch in produce(self._done + self._num_pending, end):
        self._take_in(batch)
        progress(self._done + self._num_pending, count)
        self._save_if_due(stop)
      self._add()
      if self._done == count:
        self._save()
    return self._collected()

  @property
  def _num_pending(self) -> int:
    """Numbers of the block that is not full yet."""
    return sum(len(next(iter(batch.rows.values()))) for batch in self._pending)

  def _take_in(self, batch: Batch):
    for name, rows in batch.rows.items():
      _check_finite(name, rows, self._done + self._num_pending)
    self._pending.append(batch)

  def _save_if_due(self, stop):
    """Saves now and then, and before it leaves."""
    asked = stop()
    if asked or time.monotonic() - self._saved_at > _SAVE_SECONDS:
      self._save()
      self._saved_at = time.monotonic()
    if asked:
      raise Preempted(f'stopped at {self._done + self._num_pending}')

  def _begin(self):
    """An empty folder; what another pass left there is no use."""
    with _writing(self.folder):
      self.folder.mkdir(exist_ok=True)
      for path in (self.folder / _STATE, *self.folder.glob(f'*{_SUFFIX}')):
        path.unlink(missing_ok=True)
      with files.replacing(self.folder / _ASKED) as file:
        file.write(json.dumps(self._asked, indent=1).encode())

  def _restore(self) -> bool:
    """Goes to what was saved; False where there is nothing of this pass, or it is damaged."""
    try:
      if json.loads((self.folder / _ASKED).read_text(encoding='utf-8')) == self._asked:
        with (self.folder / _STATE).open('rb') as file, np.load(file, allow_pickle=False) as arrays:
          self._take(dict(arrays))
        if all(map(self._rows_are_there, self._keep)):
          return True
    except Exception:  # of damaged files, zipfile and NumPy raise all kinds
      pass
    self._done, self._hash, self._widths, self._gaussians, self._pending = 0, b'', {}, {}, []
    return False

  def _rows_are_there(self, name):
    if self._keep[name] != ROWS or not self._done:
      return True
    return self._rows_path(name).stat().st_size >= self._done * self._widths[name] * 4

  def _take(self, arrays):
    self._done, self._hash = int(arrays['done']), arrays['hash'].tobytes()
    pending = _under(arrays, 'pending/')
    self._pending = [Batch(pending, arrays['digests'])] if pending else []
    if not self._done:
      return
    self._widths = {name: int(arrays[f'width/{name}']) for name in self._keep}
    self._gaussians = {
      name: Gaussian.from_arrays(_under(arrays, f'{name}/'))
      for name, kind in self._keep.items()
      if kind == GAUSSIAN
    }

  def _add(self):
    """The block that is full now."""
    block = _joined(self._pending)
    for name, kind in self._keep.items():
      rows = block.rows[name]
      self._widths[name] = rows.shape[1]
      if kind == ROWS:
        self._append(name, rows)
        continue
      new = Gaussian.of(rows)
      known = self._gaussians.get(name)
      self._gaussians[name] = new if known is None else known.merged(new)
    self._hash = hashlib.sha256(self._hash + block.digests.tobytes()).digest()
    self._done += self._num_pending
    self._pending = []

  def _append(self, name, rows):
    """Writes rows after those that are done; what follows them is of a pass that was killed."""
    with _writing(self.folder), self._rows_path(name).open('ab') as file:
      file.truncate(self._done * rows.shape[1] * 4)
      file.write(np.ascontiguousarray(rows, '<f4').data)

  def _save(self):
    """The state, after all that it counts on is on disk."""
    arrays = {f'width/{name}': np.int64(width) for name, width in self._widths.items()}
    for name, gaussian in self._gaussians.items():
      arrays |= {f'{name}/{key}': value for key, value in gaussian.arrays().items()}
    if self._pending:
      block = _joined(self._pending)
      arrays |= {f'pending/{name}': rows for name, rows in block.rows.items()}
      arrays['digests'] = block.digests
    with _writing(self.folder):
      for name, kind in self._keep.items():
        if kind == ROWS and self._done:
          with self._rows_path(name).open('rb+') as file:
            os.fsync(file.fileno())
      self._write_state(arrays)

  def _write_state(self, arrays):
    with files.replacing(self.folder / _STATE) as file:
      np.savez(file, done=self._done, hash=np.frombuffer(self._hash, np.uint8), **arrays)

  def _collected(self) -> Collected:
    kept: dict[str, Gaussian | np.ndarray] = dict(self._gaussians)
    for name, kind in self._keep.items():
      if kind == ROWS:
        shape = (self._done, self._widths[name])
        kept[name] = np.memmap(self._rows_path(name), '<f4', 'r', shape=shape)
    return Collected(self._done, kept, self._hash.hex())

  def _rows_path(self, name):
    return self.folder / f'{name}{_SUFFIX}'


def _under(arrays, prefix):
  """The arrays whose names begin so, without that."""
  return {key.removeprefix(prefix): x for key, x in arrays.items() if key.startswith(prefix)}


def _joined(batches: list[Batch]) -> Batch:
  rows = {name: np.concatenate([batch.rows[name] for batch in batches]) for name in batches[0].rows}
  return Batch(rows, np.concatenate([batch.digests for batch in batches]))


def _check_finite(name, rows, start):
  bad = ~np.isfinite(rows).all(axis=1)
  if bad.any():
    raise UserError(
      f'{name} of number {start + int(bad.argmax())} is not finite ({int(bad.sum())} of '
      f'{len(rows)}): the images or the weights of the network are damaged'
    )


@contextlib.contextmanager
def _writing(folder):
  try:
    yield
  except OSError as error:
    raise UserError(
      f'cannot write into {folder} ({reason(error)}): make room or mend the disk, then start again'
    ) from error
