"""MNIST and sets of its form, such as Fashion-MNIST, as published: idx files, gzipped or not.

Yann LeCun et al., "The MNIST Database of Handwritten Digits", 1998; Han Xiao et al.,
"Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017.
"""

import contextlib
import itertools
import pathlib

import numpy as np

from stylegan2_jax.data.decoding import MAX_SIDE
from stylegan2_jax.data.inputs import idx_file, names, splits
from stylegan2_jax.data.inputs.base import Input, Labels, Picture, Problem
from stylegan2_jax.data.inputs.failures import opening, to_the_end
from stylegan2_jax.data.inputs.stamps import stamp
from stylegan2_jax.errors import UserError

DIGITS = tuple('0123456789')
FASHION = (
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
)

_SIDE, _PADDED = 28, 32
_REMEDY = 'download it again'
_STEMS = {'train': 'train', 'test': 't10k'}


class _Part:
  """The pictures of one split, read front to back."""

  def __init__(self, name, images, labels):
    """Reads the headers.

    Args:
      name: of the split.
      images: path of the file.
      labels: path of the file, or None.
    """
    self.name, self._images, self._labels = name, images, labels
    self._stamps = [stamp(path) for path in (images, labels) if path]
    self.count, self._height, self._width = idx_file.read_shape(images, 3)
    if not (0 < self._height <= MAX_SIDE and 0 < self._width <= MAX_SIDE):
      raise ValueError(f'its pictures are {self._width}x{self._height}')
    idx_file.check_length(images, self.count * self._height * self._width)
    if labels:
      with opening(_shown(labels), _REMEDY):
        (count,) = idx_file.read_shape(labels, 1)
        if count != self.count:
          raise ValueError(f'it has {count} labels for {self.count} pictures')
        idx_file.check_length(labels, count)

  def identity(self):
    return [f'{self.name} {self.count}', *self._stamps]

  def pictures(self, start):
    """Yields all pictures from number `start` on, which is read up to."""
    found = itertools.islice(self._read(), start, None)
    return to_the_end(found, start, self.count, lambda number: f'{self.name}[{number}]')

  def _read(self):
    with contextlib.ExitStack() as stack:
      images = stack.enter_context(idx_file.Items(self._images, 3, self._height * self._width))
      labels = None
      if self._labels:
        labels = stack.enter_context(idx_file.Items(self._labels, 1, 1))
      for index in range(self.count):
        content, label = images.read(), None
        if not isinstance(content, Problem):
          content = _padded(np.frombuffer(content, np.uint8).reshape(self._height, self._width))
        if labels:
          label = labels.read()
          if isinstance(label, Problem):
            content, label = Problem(f'its label {label.reason}'), None
          elif label[0] >= len(DIGITS):
            content, label = Problem(f'has the label {label[0]}, of 10 classes'), None
          else:
            label = label[0]
        yield Picture(f'{self.name}[{index}]', content, label)


def recognises(path):
  """Whether the path is a folder with files of this name, or one that begins like them."""
  path = pathlib.Path(path)
  if path.is_dir():
    return any(_find(path, f'{stem}-images', 'idx3') for stem in _STEMS.values())
  return path.is_file() and idx_file.begins(path, 3)


class MnistInput(Input):
  """Greyscale pictures in 10 classes. Those of 28x28 get a border of zeros to be 32x32."""

  kind = 'MNIST archive'

  def __init__(self, path, split='train'):
    """Reads the headers of the files.

    Args:
      path: of the folder with the four files (`train-images-idx3-ubyte.gz` and so on; the
        names' ending .gz may be missing), or of one of those with images.
      split: 'train', 'test' or 'all', of a folder; a file has no splits.

    Raises:
      UserError: a file is missing or not of this form, or there is no such split.
    """
    path = pathlib.Path(path)
    fashion = 'fashion' in str(path.absolute()).lower()
    if path.is_dir():
      files = self._folder(path, split)
    else:
      splits.check_none(split, _shown(path), 'single idx file')
      files = [_single(path)]
    if len({labels is None for _, _, labels in files}) > 1:
      raise UserError(f'{_shown(path)} has labels for a part of its pictures only: {_REMEDY}')
    if files[0][2]:
      self.labels = Labels('the archive', FASHION if fashion else DIGITS)
    self._parts = []
    for name, images, labels in files:
      with opening(_shown(images), _REMEDY):
        self._parts.append(_Part(name, images, labels))
    if not len(self):
      raise UserError(f'{_shown(path)} holds no pictures: {_REMEDY}')

  def _folder(self, path, split):
    """Name, images and labels of each part."""
    wanted = splits.choose(split, {name: (name,) for name in _STEMS}, self.kind)
    found = []
    for name in wanted:
      images = _find(path, f'{_STEMS[name]}-images', 'idx3')
      if images is None:
        raise UserError(f'{_shown(path)} lacks {_STEMS[name]}-images-idx3-ubyte.gz: put it there')
      found.append((name, images, _find(path, f'{_STEMS[name]}-labels', 'idx1')))
    return found

  def __len__(self):
    return sum(part.count for part in self._parts)

  def pictures(self, start=0):
    """All pictures from number `start` on."""
    for part in self._parts:
      for picture in part.pictures(min(start, part.count)):
        yield picture if self.labels else picture._replace(label=None)
      start = max(0, start - part.count)

  def identity(self):
    """Names, sizes and times of the files."""
    return [line for part in self._parts for line in part.identity()]


def _find(folder, stem, form):
  """The file in a folder, in one of the spellings that there are, or None."""
  spellings = [f'{stem}{dot}{form}-ubyte{gz}' for gz in ('.gz', '') for dot in '-.']
  return next((folder / name for name in spellings if (folder / name).is_file()), None)


def _single(path):
  """Name, images and labels (those beside it) of the part whose images are at a path."""
  first = path.name.split('-images')[0]
  name = {stem: name for name, stem in _STEMS.items()}.get(first, names.shown(path.stem))
  return name, path, _find(path.parent, f'{first}-labels', 'idx1')


def _padded(image):
  if image.shape == (_SIDE, _SIDE):
    image = np.pad(image, (_PADDED - _SIDE) // 2)
  return image[..., np.newaxis]


def _shown(path):
  return names.shown(str(path))
