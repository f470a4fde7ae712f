import numpy as np
import pytest

from stylegan2_jax.data.inputs import tfrecord_labels
from stylegan2_jax.data.inputs.tfrecord_labels import LabelFile


def _write(path, array):
  with path.open('wb') as stream:
    np.save(stream, array)
  return path


@pytest.mark.parametrize('at_once', [1, 7, 2**22])
@pytest.mark.parametrize('order', ['C', 'F'])
@pytest.mark.parametrize('kind', ['<f4', '>f8', '<f2'])
def test_vectors_in_parts(tmp_path, monkeypatch, at_once, order, kind):
  monkeypatch.setattr(tfrecord_labels, '_AT_ONCE', at_once)
  table = np.random.default_rng(0).normal(size=(11, 3)).astype(kind, order=order)
  found = LabelFile(_write(tmp_path / 'x', table), 11, 11)
  assert found.meaning.dim == 3
  for i in [*range(11), 4, 0, 10]:
    assert found[i] == tuple(table[i].tolist())


@pytest.mark.parametrize('at_once', [1, 7, 2**22])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_classes_in_parts(tmp_path, monkeypatch, at_once, order):
  monkeypatch.setattr(tfrecord_labels, '_AT_ONCE', at_once)
  numbers = [2, 0, 1, 1, 3, 2, 2, 0, 3]
  one_hot = np.asarray(np.eye(5, dtype=np.float32)[numbers], order=order)
  found = LabelFile(_write(tmp_path / 'x', one_hot), 9, 9)
  assert found.meaning.class_names == ('0', '1', '2', '3', '4')
  assert [found[i] for i in range(9)] == numbers
  found = LabelFile(_write(tmp_path / 'y', np.array(numbers, '>i2')), 9, 9)
  assert found.meaning.class_names == ('0', '1', '2', '3')
  assert [found[i] for i in range(9)] == numbers


def test_numbers_that_float32_cannot_hold(tmp_path):
  with pytest.raises(ValueError, match='not finite'):
    LabelFile(_write(tmp_path / 'x', np.array([[1e300, 0], [1, 0]])), 2, 2)


def test_files_that_break_off(tmp_path):
  path = _write(tmp_path / 'x', np.zeros((4, 2), np.float32))
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(ValueError, match='it is truncated'):
    LabelFile(path, 4, 4)


def test_class_numbers_that_change_later(tmp_path):
  path = _write(tmp_path / 'x', np.array([0, 1]))
  found = LabelFile(path, 2, 2)
  _write(path, np.array([0, 2]))
  with pytest.raises(ValueError, match='its label is 2'):
    found[1]
