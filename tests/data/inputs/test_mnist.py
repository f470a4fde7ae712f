import gzip
import os
import struct

import numpy as np
import pytest

from stylegan2_jax.data.inputs import mnist
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.mnist import MnistInput
from stylegan2_jax.errors import UserError


def images(count, seed=0, side=28):
  return np.random.default_rng(seed).integers(1, 256, (count, side, side), np.uint8)


def idx_images(array):
  return struct.pack('>4I', 0x803, *array.shape) + array.tobytes()


def idx_labels(labels):
  return struct.pack('>2I', 0x801, len(labels)) + bytes(labels)


def write(folder, pack=True, dot='-', **changes):
  """Writes the four files; `changes` replace contents, None leaves a file out."""
  folder.mkdir(parents=True, exist_ok=True)
  contents = {
    'train_images': idx_images(images(7)),
    'train_labels': idx_labels([5, 0, 4, 1, 9, 2, 1]),
    't10k_images': idx_images(images(3, 1)),
    't10k_labels': idx_labels([7, 2, 1]),
  } | changes
  for name, content in contents.items():
    if content is not None:
      form = 'idx3' if 'images' in name else 'idx1'
      path = folder / f'{name.replace("_", "-")}{dot}{form}-ubyte{".gz" if pack else ""}'
      path.write_bytes(gzip.compress(content) if pack else content)
  return folder


@pytest.mark.parametrize('pack', [True, False])
@pytest.mark.parametrize('dot', ['-', '.'])
def test_folder(tmp_path, pack, dot):
  write(tmp_path, pack, dot)
  assert mnist.recognises(tmp_path)
  source = MnistInput(tmp_path)
  assert source.labels.class_names == tuple('0123456789')
  pictures = list(source.pictures())
  assert [(p.name, p.label) for p in pictures] == [
    (f'train[{i}]', label) for i, label in enumerate([5, 0, 4, 1, 9, 2, 1])
  ]
  for picture, image in zip(pictures, images(7), strict=True):
    assert (picture.content.shape, picture.content.dtype) == ((32, 32, 1), np.uint8)
    np.testing.assert_array_equal(picture.content[2:-2, 2:-2, 0], image)
    assert picture.content.sum() == image.sum()  # zeros around it


def test_splits_and_going_on(tmp_path):
  write(tmp_path)
  assert [p.label for p in MnistInput(tmp_path, 'test').pictures()] == [7, 2, 1]
  source = MnistInput(tmp_path, 'all')
  whole = list(source.pictures())
  assert len(source) == len(whole) == 10
  assert [p.name for p in whole[6:8]] == ['train[6]', 'test[0]']
  for start in (0, 3, 8, 10):
    tail = list(source.pictures(start))
    assert [p.name for p in tail] == [p.name for p in whole[start:]]
    assert all(
      np.array_equal(a.content, b.content) for a, b in zip(tail, whole[start:], strict=True)
    )
  with pytest.raises(UserError, match='--split=x: MNIST archives have train, test and all'):
    MnistInput(tmp_path, 'x')


def test_single_file(tmp_path):
  write(tmp_path)
  path = tmp_path / 't10k-images-idx3-ubyte.gz'
  assert mnist.recognises(path)
  assert not mnist.recognises(tmp_path / 't10k-labels-idx1-ubyte.gz')
  assert [(p.name, p.label) for p in MnistInput(path).pictures()] == [
    ('test[0]', 7),
    ('test[1]', 2),
    ('test[2]', 1),
  ]
  path.rename(tmp_path / 'mine.bin')
  source = MnistInput(tmp_path / 'mine.bin')
  assert source.labels is None
  assert [(p.name, p.label) for p in source.pictures(2)] == [('mine[2]', None)]


def test_fashion_by_the_name_of_a_folder(tmp_path):
  source = MnistInput(write(tmp_path / 'FashionMNIST' / 'raw'))
  assert source.labels.class_names[9] == 'Ankle boot'
  assert len(source.labels.class_names) == 10


def test_other_sizes_stay(tmp_path):
  write(tmp_path, train_images=idx_images(images(7, side=20)))
  assert next(MnistInput(tmp_path).pictures()).content.shape == (20, 20, 1)


def test_without_labels(tmp_path):
  write(tmp_path, train_labels=None)
  source = MnistInput(tmp_path)
  assert source.labels is None
  assert [p.label for p in source.pictures()] == [None] * 7
  with pytest.raises(UserError, match='labels for a part'):
    MnistInput(tmp_path, 'all')


def test_identity(tmp_path):
  one, two = write(tmp_path / 'a'), write(tmp_path / 'b', t10k_labels=idx_labels([7, 2, 2]))
  for path in [*one.iterdir(), *two.iterdir()]:
    os.utime(path, ns=(0, 0))
  assert MnistInput(one).identity() == MnistInput(two).identity()
  assert MnistInput(one).identity() != MnistInput(one, 'test').identity()
  other = write(tmp_path / 'c', train_images=idx_images(images(7, 5)[:, :9]))
  assert MnistInput(one).identity() != MnistInput(other).identity()


@pytest.mark.parametrize('pack', [True, False])
def test_truncated_content_gives_problems_for_what_is_missing(tmp_path, pack):
  content = idx_images(images(7))
  write(tmp_path, pack, train_images=content[: 16 + 4 * 784 + 100])
  source = MnistInput(tmp_path)
  pictures = list(source.pictures())
  assert len(source) == len(pictures) == 7
  assert [p.label for p in pictures] == [5, 0, 4, 1, 9, 2, 1]
  assert [isinstance(p.content, Problem) for p in pictures] == [False] * 4 + [True] * 3
  assert pictures[4].content.reason == 'is missing: the file is truncated'
  assert [p[1] for p in source.pictures(4)] == [p[1] for p in pictures[4:]]


def test_truncated_gzip(tmp_path):
  content = idx_images(images(200))
  write(tmp_path, train_images=content, train_labels=idx_labels([1] * 200))
  path = tmp_path / 'train-images-idx3-ubyte.gz'
  path.write_bytes(path.read_bytes()[:-50_000])
  source = MnistInput(tmp_path)
  kinds = [isinstance(p.content, Problem) for p in source.pictures()]
  assert len(kinds) == 200
  assert 0 < sum(kinds) < 200
  assert kinds == sorted(kinds)
  assert [isinstance(p.content, Problem) for p in source.pictures(100)] == kinds[100:]


def test_damaged_gzip(tmp_path):
  write(tmp_path, train_images=idx_images(images(200)), train_labels=idx_labels([1] * 200))
  path = tmp_path / 'train-images-idx3-ubyte.gz'
  content = bytearray(path.read_bytes())
  content[-100_000:-90_000] = bytes(10_000)
  path.write_bytes(content)
  pictures = list(MnistInput(tmp_path).pictures())
  assert len(pictures) == 200
  assert isinstance(pictures[-1].content, Problem)


def test_labels_that_are_missing_or_too_high(tmp_path):
  labels = idx_labels([5, 0, 10, 1, 9, 2, 1])[:-2]
  reasons = [
    p.content.reason
    for p in MnistInput(write(tmp_path, train_labels=labels)).pictures()
    if isinstance(p.content, Problem)
  ]
  missing = 'its label is missing: the file is truncated'
  assert reasons == ['has the label 10, of 10 classes', missing, missing]


BAD = {
  'magic': ('train_images', b'\0\0\x08\x04' + bytes(100), 'no idx file of images'),
  'labels magic': ('train_labels', b'\0\0\x08\x03' + bytes(100), 'no idx file of labels'),
  'short header': ('train_images', idx_images(images(7))[:15], 'no idx file of images'),
  'empty': ('train_images', b'', 'no idx file'),
  'counts differ': ('train_labels', idx_labels([1, 2]), '2 labels for 7 pictures'),
  'no size': ('train_images', struct.pack('>4I', 0x803, 7, 28, 0), 'pictures are 0x28'),
  'huge': ('train_images', struct.pack('>4I', 0x803, 7, 28, 2**31), 'pictures are 2147483648x28'),
  'lying': ('train_images', struct.pack('>4I', 0x803, 2**32 - 1, 28, 28), 'more than it can hold'),
  'none': ('train_images', idx_images(images(0)), '0 pictures'),
  'missing': ('train_images', None, 'lacks train-images-idx3-ubyte.gz'),
}


@pytest.mark.parametrize('case', BAD)
@pytest.mark.parametrize('pack', [True, False])
def test_wrong_headers(tmp_path, case, pack):
  name, content, words = BAD[case]
  write(tmp_path, pack, **{name: content})
  with pytest.raises(UserError, match=words) as caught:
    MnistInput(tmp_path)
  assert '\n' not in str(caught.value)


def test_no_gzip_inside(tmp_path):
  write(tmp_path)
  (tmp_path / 'train-images-idx3-ubyte.gz').write_bytes(b'\x1f\x8b' + bytes(50))
  with pytest.raises(UserError, match=r'cannot read .*train-images.*: download it again'):
    MnistInput(tmp_path)


def test_other_things_are_not_recognised(tmp_path):
  (tmp_path / 'text').write_text('text')
  (tmp_path / 'broken.gz').write_bytes(b'\x1f\x8b\x08')
  for name in ('', 'text', 'broken.gz', 'missing'):
    assert not mnist.recognises(tmp_path / name)
