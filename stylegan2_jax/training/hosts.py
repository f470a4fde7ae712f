"""The hosts of a training: joining them, and what they must agree on.

A host is a process with its own devices. All run the same program and call these functions in the
same order. With one host every function does the obvious, at no cost and without jax.distributed.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from stylegan2_jax import backend
from stylegan2_jax.errors import CommandError, Preempted, TrainingFailed, UserError

_BLOCK = 2**22  # words that travel at a time, at most: 16 MiB
_KINDS = (UserError, Preempted, TrainingFailed)


def index() -> int:
  """Which host this is, from 0."""
  backend.run_where_called()
  return jax.process_index()


def count() -> int:
  """How many hosts there are."""
  backend.run_where_called()
  return jax.process_count()


def is_first() -> bool:
  """Whether this is the host that writes."""
  return index() == 0


def first_says(value: Any) -> Any:
  """The first host's `value`, which must be fit for JSON, on all hosts."""
  if count() == 1:
    return value
  text = json.dumps(value).encode() if is_first() else b''
  size = int(_from_first(np.array([len(text)], np.uint32))[0])
  return json.loads(_bytes_from_first(text, size))


def broadcast(tree):
  """The first host's arrays on all hosts, to the bit.

  Args:
    tree: of arrays, with the same structure, shapes and dtypes on all hosts.

  Returns:
    With several hosts, numpy arrays.

  Raises:
    UserError: the hosts' trees differ in more than values.
  """
  if count() == 1:
    return tree
  leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, tree))
  shapes = '\n'.join(f'{leaf.dtype}{list(leaf.shape)}' for leaf in leaves)
  check_same('shape of the state', shapes)
  sent = b''.join(leaf.tobytes() for leaf in leaves) if is_first() else b''
  received = _bytes_from_first(sent, sum(leaf.nbytes for leaf in leaves))
  result, start = [], 0
  for leaf in leaves:
    part = received[start : start + leaf.nbytes]
    result.append(np.frombuffer(part, leaf.dtype).reshape(leaf.shape))
    start += leaf.nbytes
  return jax.tree.unflatten(structure, result)


def check_same(what: str, text: str) -> None:
  """Refuses hosts that differ in something.

  Raises:
    UserError: on all hosts; names one that differs from the first, and the first line that does.
  """
  if count() == 1:
    return
  digests = _gather(hashlib.sha256(text.encode()).hexdigest())
  if len(set(digests)) == 1:
    return
  texts = [other.splitlines() for other in _gather(text)]
  host = next(i for i, lines in enumerate(texts) if lines != texts[0])
  longest = max(len(texts[0]), len(texts[host]))
  first, other = (lines + ['nothing'] * (longest - len(lines)) for lines in (texts[0], texts[host]))
  line = next(i for i in range(longest) if first[i] != other[i])
  raise UserError(
    f'host {host} has another {what} than host 0 ({other[line].strip(" ,")}, not '
    f'{first[line].strip(" ,")}): start all hosts with the same command and the same files'
  )


@contextlib.contextmanager
def together(what: str) -> Iterator[None]:
  """Every host does its part, and goes on only when all have: all end where one fails.

  Args:
    what: what is done, for the others' message: 'opening the data'.

  Raises:
    CommandError: the host that failed raises what it raised; the others the same kind, and name it.
  """
  if count() == 1:
    yield
    return
  own = None
  try:
    yield
  except BaseException as error:  # the others wait, whatever it is
    own = error
  reports = _gather(json.dumps(None if own is None else [_kind(own).__name__, _line(own)]))
  if own is not None:
    raise own
  for host, report in enumerate(map(json.loads, reports)):
    if report is not None:
      kind = next(kind for kind in _KINDS if kind.__name__ == report[0])
      raise kind(f'{what} failed on host {host}: {report[1]}')


def first_then_others(what: str, fn: Callable[[], Any]) -> Any:
  """fn() on the first host, then on the others: they find what it left in a folder of all.

  `what` is for messages, as in `together`.
  """
  with together(what):
    result = fn() if is_first() else None
  return result if is_first() else fn()


def _kind(error: BaseException) -> type[CommandError]:
  return next((kind for kind in _KINDS if isinstance(error, kind)), TrainingFailed)


def _line(error: BaseException) -> str:
  text = ' '.join(str(error).split())
  return text if isinstance(error, CommandError) else f'{type(error).__name__}: {text}'


def _gather(text: str) -> list[str]:
  """The texts of all hosts."""
  data = text.encode()
  sizes = multihost_utils.process_allgather(np.array([len(data)], np.uint32)).ravel()
  words = _padded(data, _words(int(sizes.max())))
  rows = multihost_utils.process_allgather(words)
  return [row.tobytes()[:size].decode() for row, size in zip(rows, sizes, strict=True)]


def _bytes_from_first(data: bytes, size: int) -> bytes:
  """`size` bytes that only the first host need have."""
  block = min(_words(size), _BLOCK)
  parts = []
  for start in range(0, size, 4 * block):
    parts.append(_from_first(_padded(data[start : start + 4 * block], block)).tobytes())
  return b''.join(parts)[:size]


def _from_first(words: np.ndarray) -> np.ndarray:
  """uint32 [n] of the first host. Whole words, as a sum with zeros keeps their bits."""
  return np.asarray(multihost_utils.broadcast_one_to_all(words))


def _words(size: int) -> int:
  """How many words hold so many bytes: a power of two, so that few programs are compiled."""
  return 1 << max(6, (-(-size // 4) - 1).bit_length())


def _padded(data: bytes, words: int) -> np.ndarray:
  return np.frombuffer(data.ljust(4 * words, b'\0'), np.uint32)
