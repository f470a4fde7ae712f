"""What the operations of a compiled program are, read from its text (HLO)."""

import re
from typing import NamedTuple

# What wraps a name where a function was differentiated, mapped or compiled by itself.
_WRAPPED = re.compile(r'(?:jvp|transpose|vmap|jit|pjit|remat|checkpoint)\((.*)\)')
# Parts of a name that say how the program is built, not what it is for.
_STRUCTURE = frozenset(
  ('shard_map', 'while', 'body', 'cond', 'closed_call', 'eval_jaxpr', 'rematted_computation')
)
# Behind the shape in a type; and remarks inside of one.
_LAYOUT = re.compile(r'\{[^{}]*\}|/\*.*?\*/')


class Instruction(NamedTuple):
  """One operation of a program."""

  kind: str  # its opcode, as in convolution; of foreign code with what is called
  module: str  # of the networks, such as Synthesis.b16.conv0; '' outside of them or unknown
  source: str  # what JAX calls it, and whether it belongs to the backward pass; or its result


def instructions(text: str) -> dict[str, Instruction]:
  """All instructions of a program by name; names are unique in it.

  Args:
    text: of a compiled program, as `Compiled.as_text()` gives it.
  """
  found = {}
  for line in text.splitlines():
    match = re.match(r'\s+(?:ROOT )?%?([\w.\-]+) = (.*)', line)
    if match is None:
      continue
    # Behind the result's type, which may be a tuple: its parentheses follow no word.
    opcode = re.search(r'(?<=[\s)\]}])([a-z][\w\-]*)\(', match[2])
    name = re.search(r'op_name="([^"]*)"', match[2])
    target = re.search(r'custom_call_target="([^"]*)"', match[2])
    kind = opcode[1] if opcode else 'unknown'
    result = match[2][: opcode.start()] if opcode else match[2]
    # XLA gives no name to much of what it makes itself: its result says more than nothing.
    module, source = origin(name[1]) if name else ('', _LAYOUT.sub('', result).strip())
    found[match[1]] = Instruction(f'{kind} {target[1]}' if target else kind, module, source)
  return found


def origin(op_name: str) -> tuple[str, str]:
  """(module, source) of the name that JAX gave an operation.

  >>> origin('jit(_fun)/while/body/transpose(jvp(Discriminator))/b16/skip/dot_general')
  ('Discriminator.b16.skip', 'dot_general, backward')
  >>> origin('jit(_fun)/jit(nan_to_num)/ne')
  ('', 'ne')
  """
  *outer, last = op_name.split('/')
  modules = [_unwrapped(part) for part in outer if not part.startswith(('jit(', 'pjit('))]
  module = '.'.join(part for part in modules if part and part not in _STRUCTURE)
  return module, _unwrapped(last) + (', backward' if 'transpose(' in op_name else '')


def _unwrapped(part: str) -> str:
  while match := _WRAPPED.fullmatch(part):
    part = match[1]
  return part
