"""Which layers Inception-v3 has, as data: names of the PyTorch ports, widths, kernels, strides.

The network is four parts, one after the other. A part is a tuple of steps: a `Conv`, one of the
3x3 pools, or a `Fork` of branches that are steps in turn.
"""

import math
from typing import NamedTuple

SIDE = 299  # pixels
WIDTH, CLASSES = 2048, 1008  # of the last layer
MAX, MAX_HALVING, AVERAGE = 'max', 'max halving', 'average'  # the pools; average without padding


class Conv(NamedTuple):
  """A convolution, its normalisation and a ReLU."""

  name: str
  width: int  # channels out
  kernel: tuple[int, int] = (1, 1)
  stride: int = 1
  padding: str = 'SAME'


class Fork(NamedTuple):
  """Branches over the same input, whose channels are put side by side."""

  branches: tuple


def conv_shapes() -> dict[str, tuple[int, int, int, int]]:
  """The kernel's shape [h, w, in, out] of each convolution, by its name in the PyTorch ports."""
  return {name: shape for name, (shape, _) in _walked().items()}


def multiplications() -> int:
  """Multiply-adds of all convolutions for one image, those with padding among them."""
  return sum(math.prod(shape) * math.prod(size) for shape, size in _walked().values())


def _walked():
  """Of each convolution the kernel's shape and the size (h, w) of what comes out."""
  found: dict = {}
  size = (SIDE, SIDE, 3)
  for steps in PARTS:
    size = _walk(steps, size, found)
  return found


def _walk(steps, size, found):
  """Notes the convolutions of some steps; returns the size [h, w, c] behind them."""
  for step in steps:
    height, width, channels = size
    if isinstance(step, Fork):
      sizes = [_walk(branch, size, found) for branch in step.branches]
      size = (*sizes[0][:2], sum(c for _, _, c in sizes))
    elif isinstance(step, Conv):
      same = step.padding == 'SAME'
      size = tuple(
        side if same else (side - k) // step.stride + 1
        for side, k in zip((height, width), step.kernel, strict=True)
      )
      found[step.name] = (*step.kernel, channels, step.width), size
      size = (*size, step.width)
    elif step == MAX_HALVING:
      size = ((height - 3) // 2 + 1, (width - 3) // 2 + 1, channels)
  return size


def _fork(*branches: tuple) -> Fork:
  return Fork(branches)


def _chain(name: str, *forms: tuple) -> tuple[Conv, ...]:
  """Convolutions one after the other, numbered from 1 if there are several."""
  if len(forms) == 1:
    return (Conv(name, *forms[0]),)
  return tuple(Conv(f'{name}_{i}', *form) for i, form in enumerate(forms, 1))


def _both(name: str) -> Fork:
  """1x3 and 3x1 side by side."""
  return _fork((Conv(f'{name}a', 384, (1, 3)),), (Conv(f'{name}b', 384, (3, 1)),))


_HALVING = (2, 'VALID')


def _block_5(name: str, pooled: int) -> Fork:
  return _fork(
    _chain(f'{name}.branch1x1', (64,)),
    _chain(f'{name}.branch5x5', (48,), (64, (5, 5))),
    _chain(f'{name}.branch3x3dbl', (64,), (96, (3, 3)), (96, (3, 3))),
    (AVERAGE, Conv(f'{name}.branch_pool', pooled)),
  )


def _block_6a(name: str) -> Fork:
  return _fork(
    _chain(f'{name}.branch3x3', (384, (3, 3), *_HALVING)),
    _chain(f'{name}.branch3x3dbl', (64,), (96, (3, 3)), (96, (3, 3), *_HALVING)),
    (MAX_HALVING,),
  )


def _block_6(name: str, inner: int) -> Fork:
  row, column = (inner, (1, 7)), (inner, (7, 1))
  return _fork(
    _chain(f'{name}.branch1x1', (192,)),
    _chain(f'{name}.branch7x7', (inner,), row, (192, (7, 1))),
    _chain(f'{name}.branch7x7dbl', (inner,), column, row, column, (192, (1, 7))),
    (AVERAGE, Conv(f'{name}.branch_pool', 192)),
  )


def _block_7a(name: str) -> Fork:
  seven = (192,), (192, (1, 7)), (192, (7, 1)), (192, (3, 3), *_HALVING)
  return _fork(
    _chain(f'{name}.branch3x3', (192,), (320, (3, 3), *_HALVING)),
    _chain(f'{name}.branch7x7x3', *seven),
    (MAX_HALVING,),
  )


def _block_7(name: str, pool: str) -> Fork:
  return _fork(
    _chain(f'{name}.branch1x1', (320,)),
    (Conv(f'{name}.branch3x3_1', 384), _both(f'{name}.branch3x3_2')),
    (*_chain(f'{name}.branch3x3dbl', (448,), (384, (3, 3))), _both(f'{name}.branch3x3dbl_3')),
    (pool, Conv(f'{name}.branch_pool', 192)),
  )


PARTS: tuple[tuple, ...] = (
  (
    Conv('Conv2d_1a_3x3', 32, (3, 3), *_HALVING),
    Conv('Conv2d_2a_3x3', 32, (3, 3), padding='VALID'),
    Conv('Conv2d_2b_3x3', 64, (3, 3)),
    MAX_HALVING,
  ),
  (
    Conv('Conv2d_3b_1x1', 80),
    Conv('Conv2d_4a_3x3', 192, (3, 3), padding='VALID'),
    MAX_HALVING,
  ),
  (
    _block_5('Mixed_5b', 32),
    _block_5('Mixed_5c', 64),
    _block_5('Mixed_5d', 64),
    _block_6a('Mixed_6a'),
    _block_6('Mixed_6b', 128),
    _block_6('Mixed_6c', 160),
    _block_6('Mixed_6d', 160),
    _block_6('Mixed_6e', 192),
  ),
  (_block_7a('Mixed_7a'), _block_7('Mixed_7b', AVERAGE), _block_7('Mixed_7c', MAX)),
)
