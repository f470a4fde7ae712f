"""The instructions of pickles that make and store data, and calls of what stands for a function."""

from collections.abc import Callable
from typing import Any

from stylegan2_jax.unpickling.values import (
  Global,
  Names,
  Pending,
  PickleError,
  check_keys,
  check_number,
)
from stylegan2_jax.words import one_line

_MARK = object()


class Machine:
  """The stack, and what was stored for later."""

  def __init__(self, names: Names, persistent: Callable[[Any], Any] | None):
    self.stack: list[Any] = []
    self.stored: dict[int, Any] = {}
    self.names = names
    self.persistent = persistent
    self.result = None
    self.done = False

  def push(self, value):
    """Onto the stack."""
    self.stack.append(value)

  def pop(self):
    """From the stack."""
    value = self.stack.pop()
    if value is _MARK:
      raise PickleError('it is damaged (a mark where a value should be)')
    return value

  def top(self):
    """What lies on top, and stays."""
    value = self.pop()
    self.stack.append(value)
    return value

  def to_mark(self):
    """All values above the last mark, which goes too."""
    values = []
    while (value := self.stack.pop()) is not _MARK:
      values.append(value)
    return values[::-1]

  def name(self, name):
    """A name of the file, if it is known."""
    if name not in self.names:
      raise PickleError(f'it names {one_line(name)}, which no file of networks needs')
    return Global(name)

  def call(self, function, arguments):
    """What calling a name of the file gives."""
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
      raise PickleError('it calls something that is no function')
    if function.name in self.names.functions:
      return self.names.functions[function.name](*arguments)
    if function.name in self.names.classes and not arguments:
      return self.names.classes[function.name]()
    raise PickleError(f'it calls {one_line(function.name)}')


def _stop(machine, _):
  machine.result = machine.pop()
  machine.done = True


def _push_argument(machine, argument):
  machine.push(check_number(argument))


def _constant(value):
  return lambda machine, _: machine.push(value)


def _take(count):
  def step(machine, _):
    values = [machine.pop() for _ in range(count)]
    machine.push(tuple(values[::-1]))

  return step


def _append(machine, _):
  value = machine.pop()
  _list(machine.top()).append(value)


def _appends(machine, _):
  values = machine.to_mark()
  _list(machine.top()).extend(values)


def _list(value):
  if not isinstance(value, list):
    raise PickleError('it appends to something that is no list')
  return value


def _set_item(machine, _):
  value, key = machine.pop(), machine.pop()
  _fill(machine.top(), [key, value])


def _set_items(machine, _):
  values = machine.to_mark()
  _fill(machine.top(), values)


def _dict(machine, _):
  found: dict = {}
  _fill(found, machine.to_mark())
  machine.push(found)


def _fill(target, pairs):
  if not isinstance(target, dict) or len(pairs) % 2:
    raise PickleError('it sets items of something that is no dict')
  target.update(zip(check_keys(pairs[::2]), pairs[1::2], strict=True))


def _add_items(machine, _):
  values = machine.to_mark()
  target = machine.top()
  if not isinstance(target, set):
    raise PickleError('it adds to something that is no set')
  target.update(check_keys(values))


def _global(machine, argument):
  machine.push(machine.name(argument.replace(' ', '.', 1)))


def _stack_global(machine, _):
  name, module = machine.pop(), machine.pop()
  if not isinstance(name, str) or not isinstance(module, str):
    raise PickleError('it has a name that is no word')
  machine.push(machine.name(f'{module}.{name}'))


def _call(machine, _):
  arguments, function = machine.pop(), machine.pop()
  machine.push(machine.call(function, arguments))


def _instance(machine, argument):
  """INST: the class by its name, its arguments on the stack."""
  machine.push(machine.call(machine.name(argument.replace(' ', '.', 1)), tuple(machine.to_mark())))


def _object(machine, _):
  """OBJ: class and arguments on the stack."""
  kind, *arguments = machine.to_mark()
  machine.push(machine.call(kind, tuple(arguments)))


def _new_object_named(machine, _):
  """NEWOBJ_EX: with keyword arguments too."""
  if machine.pop() != {}:
    raise PickleError('it makes an instance with named arguments')
  _call(machine, None)


def _build(machine, _):
  state = machine.pop()
  target = machine.top()
  if isinstance(target, dict):
    return  # attributes of an OrderedDict: PyTorch notes versions there
  if not isinstance(target, Pending):
    raise PickleError('it gives a state to something that has none')
  built = target.build(state)
  if built is not target:
    machine.stack[-1] = built
    for place in target.places:
      if machine.stored[place] is target:
        machine.stored[place] = built
    target.places = []  # walked once, however often it gets a state


def _persistent(machine, identity):
  if machine.persistent is None:
    raise PickleError('it refers to objects outside of it')
  machine.push(machine.persistent(identity))


def _store(machine, argument):
  place, value = check_keys([int(argument)])[0], machine.top()
  machine.stored[place] = value
  if isinstance(value, Pending):
    value.places.append(place)


def _recall(machine, argument):
  machine.push(machine.stored[int(argument)])


_ARGUMENTS = """
  INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
  STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
  BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
"""
STEPS: dict[str, Callable[[Machine, Any], None]] = {
  **dict.fromkeys(_ARGUMENTS.split(), _push_argument),
  **dict.fromkeys(('PROTO', 'FRAME'), lambda machine, argument: None),
  'STOP': _stop,
  'MARK': _constant(_MARK),
  'NONE': _constant(None),
  'NEWTRUE': _constant(True),
  'NEWFALSE': _constant(False),
  'EMPTY_TUPLE': _constant(()),
  'EMPTY_LIST': lambda machine, _: machine.push([]),
  'EMPTY_DICT': lambda machine, _: machine.push({}),
  'EMPTY_SET': lambda machine, _: machine.push(set()),
  'TUPLE': lambda machine, _: machine.push(tuple(machine.to_mark())),
  'LIST': lambda machine, _: machine.push(machine.to_mark()),
  'TUPLE1': _take(1),
  'TUPLE2': _take(2),
  'TUPLE3': _take(3),
  'APPEND': _append,
  'APPENDS': _appends,
  'DICT': _dict,
  'SETITEM': _set_item,
  'SETITEMS': _set_items,
  'ADDITEMS': _add_items,
  'FROZENSET': lambda machine, _: machine.push(frozenset(check_keys(machine.to_mark()))),
  'POP': lambda machine, _: machine.stack.pop(),
  'POP_MARK': lambda machine, _: machine.to_mark(),
  'DUP': lambda machine, _: machine.push(machine.top()),
  **dict.fromkeys(('PUT', 'BINPUT', 'LONG_BINPUT'), _store),
  'MEMOIZE': lambda machine, _: _store(machine, len(machine.stored)),
  **dict.fromkeys(('GET', 'BINGET', 'LONG_BINGET'), _recall),
  'GLOBAL': _global,
  'STACK_GLOBAL': _stack_global,
  'REDUCE': _call,
  'NEWOBJ': _call,
  'NEWOBJ_EX': _new_object_named,
  'INST': _instance,
  'OBJ': _object,
  'BUILD': _build,
  'PERSID': _persistent,
  'BINPERSID': lambda machine, _: _persistent(machine, machine.pop()),
}
