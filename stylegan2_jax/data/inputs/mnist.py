"""MNIST and sets of its form, such as Fashion-MNIST, as published: idx files, gzipped or not.

Yann LeCun et al., "The MNIST Database of Handwritten Digits", 1998; Han Xiao et al.,
"Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017.
"""

import contextlib
import gzip
import itertools
import pathlib
import struct

import numpy as np

from stylegan2_jax.data.decoding import MAX_SIDE
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.archives import choose_split, opening
from stylegan2_jax.data.inputs.base import Input, Labels, Picture, Problem
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

_IMAGES, _LABELS = 0x803, 0x801  # what files begin with: bytes in three dimensions, in one
_IMAGES_FORM, _LABELS_FORM = struct.Struct('>4I'), struct.Struct('>2I')
_SIDE, _PADDED = 28, 32
_MAX_RATIO = 1032  # by which deflate can compress
_REMEDY = 'download it again'
_STEMS = {'train': 'train', 'test': 't10k'}
_GZIP = b'\x1f\x8b'


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
    with _open(images) as stream:
      self.count, self._height, self._width = _header(stream, images, _IMAGES_FORM, _IMAGES)
    if not (0 < self._height <= MAX_SIDE and 0 < self._width <= MAX_SIDE):
      raise ValueError(f'its pictures are {self._width}x{self._height}')
    _check_length(images, self.count * self._height * self._width)
    if labels:
      with opening(names.shown(str(labels)), _REMEDY), _open(labels) as stream:
        (count,) = _header(stream, labels, _LABELS_FORM, _LABELS)
        if count != self.count:
          raise ValueError(f'it has {count} labels for {self.count} pictures')
        _check_length(labels, count)

  def identity(self):
    files = [path for path in (self._images, self._labels) if path]
    return [f'{self.name} {self.count}', *(f'{f.name} {f.stat().st_size}' for f in files)]

  def pictures(self):
    """Yields all pictures."""
    with contextlib.ExitStack() as stack:
      images = stack.enter_context(_Items(self._images, _IMAGES_FORM, self._height * self._width))
      labels = None
      if self._labels:
        labels = stack.enter_context(_Items(self._labels, _LABELS_FORM, 1))
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


class _Items:
  """Context manager that reads items of a fixed size one after the other."""

  def __init__(self, path, header, size):
    self._path, self._skipped, self._size = path, header.size, size
    self._stack = contextlib.ExitStack()
    self._problem = None

  def __enter__(self):
    try:
      self._stream = self._stack.enter_context(_open(self._path))
      self._stream.read(self._skipped)
    except Exception as error:  # it was all right when it was opened
      self._problem = _problem(error)
    return self

  def __exit__(self, *_):
    self._stack.close()

  def read(self):
    """Returns the bytes of the next item, or a Problem once there are no more."""
    if self._problem is None:
      try:
        content = self._stream.read(self._size)
        if len(content) == self._size:
          return content
        self._problem = Problem('is missing: the file is truncated')
      except Exception as error:  # gzip and zlib have their own
        self._problem = _problem(error)
    return self._problem


def recognises(path):
  """Whether the path is a folder with files of this name, or one that begins like them."""
  path = pathlib.Path(path)
  if path.is_dir():
    return any(_find(path, f'{stem}-images', 'idx3') for stem in _STEMS.values())
  if not path.is_file():
    return False
  try:
    with _open(path) as stream:
      return stream.read(4) == _IMAGES.to_bytes(4)
  except Exception:  # whatever it is, it is not for us
    return False


class MnistInput(Input):
  """Greyscale pictures in 10 classes. Those of 28x28 get a border of zeros to be 32x32."""

  kind = 'MNIST archive'

  def __init__(self, path, split='train'):
    """Reads the headers of the files.

    Args:
      path: of the folder with the four files (`train-images-idx3-ubyte.gz` and so on; the
        names' ending .gz may be missing), or of one of those with images.
      split: 'train', 'test' or 'all', of a folder.

    Raises:
      UserError: a file is missing or not of this form, or there is no such split.
    """
    path = pathlib.Path(path)
    fashion = 'fashion' in str(path.absolute()).lower()
    files = self._folder(path, split) if path.is_dir() else [_single(path)]
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
    wanted = choose_split(split, {name: (name,) for name in _STEMS}, self.kind)
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
    everything = itertools.chain.from_iterable(part.pictures() for part in self._parts)
    for picture in itertools.islice(everything, start, None):
      yield picture if self.labels else picture._replace(label=None)

  def identity(self):
    """Names and sizes of the files."""
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


@contextlib.contextmanager
def _open(path):
  with open(path, 'rb') as file:
    packed = file.read(2) == _GZIP
    file.seek(0)
    if not packed:
      yield file
      return
    with gzip.open(file) as stream:
      yield stream


def _header(stream, path, form, magic):
  """The numbers of a header after the first, which must be `magic`."""
  content = stream.read(form.size)
  if len(content) < form.size or form.unpack(content)[0] != magic:
    raise ValueError(f'it is no idx file of {"images" if magic == _IMAGES else "labels"}')
  return form.unpack(content)[1:]


def _check_length(path, declared):
  """Raises ValueError if a file cannot hold nearly as many bytes as its header says."""
  if declared > _MAX_RATIO * path.stat().st_size:
    raise ValueError('its header says more than it can hold')


def _padded(image):
  if image.shape == (_SIDE, _SIDE):
    image = np.pad(image, (_PADDED - _SIDE) // 2)
  return image[..., np.newaxis]


def _problem(error):
  if isinstance(error, EOFError):
    return Problem('is missing: the file is truncated')
  return Problem(f'cannot be read ({names.reason(error)})')


def _shown(path):
  return names.shown(str(path))
