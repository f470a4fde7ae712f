"""The pickles that the CIFAR archives are made of, which were written by Python 2."""

import numpy as np

from stylegan2_jax.unpickling import machine
from stylegan2_jax.unpickling.arrays import array_names
from stylegan2_jax.unpickling.values import Limits, remaining


def load(stream):
  """Reads one pickle, without running it.

  Args:
    stream: seekable binary file, of a size that fits into memory.

  Returns:
    Lists, tuples, dicts, numbers, str and arrays; the strings of Python 2 are bytes.

  Raises:
    unpickling.values.PickleError: it is damaged, or more than data.
  """
  limits = Limits(remaining(stream))
  return machine.load(stream, array_names(limits), limits, old_strings=None)


def uint8_array(array, columns):
  """The array [n, columns] of bytes that a value of `load` is.

  Raises:
    ValueError: it is another array, or none.
  """
  if not isinstance(array, np.ndarray) or array.ndim != 2:
    raise ValueError('it has no table of pixels')
  if array.dtype != np.uint8 or array.shape[1] != columns or not array.flags.c_contiguous:
    raise ValueError(f'its pixels are not rows of {columns} bytes')
  return array
