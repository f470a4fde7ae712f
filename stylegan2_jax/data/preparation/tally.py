"""Adding up what became of the pictures: counts, classes, duplicates, the content's hash."""

import collections
import hashlib
import json
import re

import numpy as np

from stylegan2_jax.data.inputs.base import Labels

_REASONS_KEPT = 100
_DUPLICATES_SHOWN = 5


class Tally:
  """Sums over pictures, one after another. Keeps 8 bytes of each."""

  def __init__(self):
    """Starts at nothing."""
    self.num_read = 0
    self.num_kept = 0
    self.num_bytes = 0  # encoded
    self.reasons: collections.Counter[str] = collections.Counter()  # of the skipped, in general
    self.classes: collections.Counter[int] = collections.Counter()
    self.sums: np.ndarray | None = None  # of vector labels, float64 [dim]
    self._hashes = bytearray()
    self._content = hashlib.sha256()

  def keep(self, digest: bytes, label) -> None:
    """Adds a picture.

    Args:
      digest: of its pixels (`conversion.pixel_digest`).
      label: int, list of floats, or None.
    """
    self.num_read += 1
    self.num_kept += 1
    self._hashes += digest[:8]
    self._content.update(digest)
    if isinstance(label, int):
      self.classes[label] += 1
      self._content.update(b'class %d' % label)
    elif label is not None:
      vector = np.asarray(label, np.float32)
      self.sums = vector.astype(np.float64) if self.sums is None else self.sums + vector
      self._content.update(b'vector' + vector.astype('<f4').tobytes())

  def skip(self, reason: str) -> None:
    """Adds a picture that was left out."""
    self.num_read += 1
    reason = general(reason)
    if reason not in self.reasons and len(self.reasons) == _REASONS_KEPT:
      reason = 'for other reasons'
    self.reasons[reason] += 1

  @property
  def num_skipped(self) -> int:
    """How many pictures were left out."""
    return self.num_read - self.num_kept

  def content(self, labels: Labels | None) -> str:
    """A hash, hex, of the pixels and labels of all pictures in order, however encoded.

    Names of classes are part of it; those of vectors' components are for people alone.
    """
    digest = self._content.copy()
    if labels is not None:
      digest.update(json.dumps(labels.class_names).encode())
    return digest.hexdigest()[:32]

  def duplicates(self) -> tuple[int, list[tuple[int, int]]]:
    """(pictures whose pixels occurred before, the first few pairs of (earlier, later) numbers)."""
    hashes = np.frombuffer(bytes(self._hashes), np.uint64)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    earlier = first[inverse.reshape(-1)]
    later = np.flatnonzero(earlier != np.arange(len(hashes)))
    return len(later), [(int(earlier[i]), int(i)) for i in later[:_DUPLICATES_SHOWN]]


def outcome(tally: Tally, labels: Labels | None) -> dict:
  """All of it as a dictionary for JSON: what `preparation.json` keeps and the report shows."""
  twice, pairs = tally.duplicates()
  meaning = None
  if labels is not None and labels.dim:
    means = (tally.sums / max(tally.num_kept, 1)).tolist() if tally.sums is not None else []
    meaning = {'dim': labels.dim, 'component_names': list(labels.component_names), 'means': means}
  elif labels is not None:
    counts = [tally.classes[number] for number in range(len(labels.class_names))]
    meaning = {'class_names': list(labels.class_names), 'class_counts': counts}
  if labels is not None:
    meaning |= {'origin': labels.origin, 'unmatched': len(labels.unmatched)}
  return {
    'content': tally.content(labels),
    'labels': meaning,
    'counts': {
      'in': tally.num_read,
      'out': tally.num_kept,
      'skipped': tally.num_skipped,
      'reasons': dict(tally.reasons.most_common()),
      'bytes': tally.num_bytes,
      'duplicates': twice,
      'duplicate_pairs': pairs,
    },
  }


def general(reason: str) -> str:
  """A reason without what belongs to one picture alone.

  >>> general('is 16x20, smaller than 32x32 (--upscale enlarges)')
  'is smaller than 32x32 (--upscale enlarges)'
  >>> general('is truncated or damaged (image file is truncated: 7 bytes)')
  'is truncated or damaged'
  """
  reason = re.sub(r'^is \d+x\d+, ', 'is ', reason)
  return reason if '--' in reason else re.sub(r' \(.*\)$', '', reason)
