"""Reads pickles that cannot be trusted. Nothing that a file names is imported, nothing is called.

A pickle is a program for a small stack machine. Python's own runs it with whatever functions it
names; the one below has lists, dicts, numbers and strings of its own, and for the few names that
its caller knows a stand-in (`Names`). Any other name, and any other instruction, ends the reading.

Time and memory are bounded, by `Limits`: an instruction makes at most some hundred bytes beside
what it reads; what is copied is counted; and the result is a tree of limited size and depth, even
where the file refers to the same list again and again.
"""

import codecs
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from stylegan2_jax.unpickling import steps
from stylegan2_jax.unpickling.values import Limits, Names, PickleError, Source, check_tree


def load(
  file: BinaryIO,
  names: Names,
  limits: Limits,
  persistent: Callable[[Any], Any] | None = None,
  old_strings: str | None = 'latin1',
) -> Any:
  """What a pickle builds out of plain values and stand-ins.

  Args:
    file: seekable; read from where it stands to the end of the pickle.
    names: the names that are understood.
    limits: of the whole file; several pickles in it share them.
    persistent: gives what an object that is stored outside becomes, by its id.
    old_strings: the encoding of Python 2's strings; None leaves them bytes.

  Returns:
    dict, list, tuple, set, str, bytes, numbers, None, whatever `names` give; a finite tree.

  Raises:
    PickleError: of anything else.
  """
  source = Source(file)
  machine = steps.Machine(names, persistent)
  try:
    while not machine.done:
      limits.step()
      code = pickletools.code2op.get(source.read(1).decode('latin1'))
      step = steps.STEPS.get(code.name) if code else None
      if step is None:
        what = f'the instruction {code.name}' if code else 'bytes that are no instruction'
        raise PickleError(f'it has {what}: it is damaged, more than data, or no pickle')
      step(machine, _argument(code, source, old_strings))
    check_tree(machine.result, limits)
    return machine.result
  except (PickleError, OSError):
    raise
  except Exception:  # of whatever kind a broken program meets: an empty stack, no number
    raise PickleError('it is damaged, or no pickle') from None


def _argument(code: pickletools.OpcodeInfo, source: Source, old_strings: str | None) -> Any:
  """What stands behind an instruction."""
  if code.arg is None:
    return None
  if code.name == 'STRING':  # in quotes, with escapes
    data = codecs.escape_decode(pickletools.read_stringnl(source, decode=False))[0]
  elif code.name in ('BINSTRING', 'SHORT_BINSTRING'):
    data = code.arg.reader(source).encode('latin1')
  else:
    return code.arg.reader(source)
  return data if old_strings is None else data.decode(old_strings)
