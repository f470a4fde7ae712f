"""The modules of an official PyTorch network, as a pickle has them."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers.filling import LONGEST_PART
from stylegan2_jax.importers.pickle_reader import Object
from stylegan2_jax.words import one_line

_DEPTH = 8  # of modules in modules; published networks have four
_ACTIVATIONS = {
  'affine': 'linear', 'embed': 'linear', 'out': 'linear', 'fc': 'lrelu',
  'skip': 'linear', 'fromrgb': 'lrelu', 'conv0': 'lrelu', 'conv1': 'lrelu', 'conv': 'lrelu',
}  # fmt: skip
_DENSE = ('affine', 'embed', 'out', 'fc')


@dataclasses.dataclass(frozen=True)
class Module:
  """A module of PyTorch: `owner` is its name in messages."""

  owner: str
  state: Mapping[str, Any]

  @classmethod
  def of(cls, value: Any, owner: str) -> 'Module':
    """From what a pickle has.

    Raises:
      UserError: it is no module.
    """
    if not isinstance(value, Object) or not isinstance(value.state, Mapping):
      raise UserError(f'{owner} is no network: the file is damaged')
    return cls(owner, value.state)

  def children(self) -> dict[str, 'Module']:
    """Its modules by name."""
    found = self.state.get('_modules', {})
    if not isinstance(found, Mapping) or not all(
      isinstance(name, str) and len(name) <= LONGEST_PART for name in found
    ):
      raise UserError(f'{self.owner} has modules of unknown form: the file is damaged')
    return {
      name: Module.of(value, f'{self.owner}.{one_line(name)}')
      for name, value in found.items()
      if value is not None
    }

  def child(self, name: str) -> 'Module':
    """One of them.

    Raises:
      UserError: it is not there.
    """
    children = self.children()
    if name not in children:
      raise UserError(f'{self.owner} lacks {name}: it is damaged, or not a StyleGAN2')
    return children[name]

  def arrays(self, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(name with dots, array) of every parameter and buffer in it."""
    if depth > _DEPTH:
      raise UserError(f'{self.owner} is too deeply nested: the file is damaged')
    for kind in ('_parameters', '_buffers'):
      found = self.state.get(kind, {})
      if not isinstance(found, Mapping):
        raise UserError(f'{self.owner} has arrays of unknown form: the file is damaged')
      yield from ((str(name), array) for name, array in found.items() if array is not None)
    for name, module in self.children().items():
      yield from ((f'{name}.{inner}', array) for inner, array in module.arrays(depth + 1))

  def whole(self, name: str, least: int = 0, most: int = 1 << 16) -> int:
    """An attribute that is a whole number.

    Raises:
      UserError: it is not there, or something else.
    """
    value = self.state.get(name)
    if isinstance(value, np.generic):
      value = value.item()
    if type(value) is not int or not least <= value <= most:
      raise UserError(
        f'{self.owner} has {name}={one_line(value, 30)}: it is damaged, or not a StyleGAN2'
      )
    return value

  def number(self, name: str) -> float:
    """An attribute that is a positive number."""
    value = self.state.get(name)
    if type(value) not in (int, float) or not 0 < value < float('inf'):
      raise UserError(
        f'{self.owner} has {name}={one_line(value, 30)}: it is damaged, or not a StyleGAN2'
      )
    return float(value)

  def one_of(self, name: str, *known: Any) -> Any:
    """An attribute that has one of some values; missing is None.

    Raises:
      UserError: it has another, which no network here has.
    """
    value = self.state.get(name)
    if not any(type(value) is type(other) and value == other for other in known):
      raise UserError(
        f'{self.owner} has {name}={one_line(value, 30)}, and networks here only '
        f'{" or ".join(map(str, known))}: it cannot be imported'
      )
    return value


def check_layers(module: Module) -> None:
  """Refuses layers that compute something else than those of this project.

  Raises:
    UserError: names the layer and how it differs.
  """
  for name, child in module.children().items():
    if name == 'mapping':
      continue  # whose layers have a multiplier
    if name in _ACTIVATIONS:
      child.one_of('activation', _ACTIVATIONS[name])
    if name in _DENSE:
      child.one_of('bias_gain', 1, 1.0)
    check_layers(child)
