"""What is known of a data set without preparing it."""

import numpy as np
import pytest

from stylegan2_jax.data.shapes_builder import prepare_shapes, shapes_config
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from stylegan2_jax.tools.pictures import look_at
from tests.helpers import noise_pictures, prepared_set


def test_shapes_to_be(tmp_path):
  for labels in (False, True):
    found = look_at(DataSettings(resolution=8, labels=labels, dir=str(tmp_path / 'sets')))
    assert found.source is None
    assert found.count == 10_000
    assert f'would first draw into {tmp_path / "sets"}' in found.description
    assert found.c_dim == (8 if labels else 0)
  assert list(tmp_path.iterdir()) == []


def test_some_of_the_shapes_to_be(tmp_path):
  """As many as training would take."""
  some = {'resolution': 8, 'dir': str(tmp_path / 'sets')}
  assert look_at(DataSettings(held_out=0.1, **some)).count == 9_000
  assert look_at(DataSettings(held_out=0.1, subset=50, **some)).count == 50
  with pytest.raises(UserError, match=r'data\.subset = 10001 must be at most 10000'):
    look_at(DataSettings(subset=10_001, **some))


def test_shapes_to_be_have_the_labels_that_they_will_have(tmp_path, monkeypatch):
  from stylegan2_jax.data import shapes_builder

  data = DataSettings(resolution=4, labels=True, dir=str(tmp_path))
  before = look_at(data)
  config = shapes_config(4, 50)
  monkeypatch.setattr(shapes_builder, 'shapes_config', lambda resolution: config)
  prepare_shapes(tmp_path, config)
  after = look_at(data)
  assert after.source is not None
  assert after.count == 50
  assert after.c_dim == before.c_dim
  assert after.labels.dtype == before.labels.dtype
  np.testing.assert_array_equal(after.labels, before.labels[:50])


def test_a_prepared_set(tmp_path):
  vectors = np.arange(9, dtype=np.float32).reshape(3, 3)
  path = prepared_set(tmp_path / 'photos' / '1.0.0', noise_pictures(3), vectors)
  found = look_at(DataSettings(resolution=8, labels=True, source=str(path)))
  assert (found.count, found.c_dim) == (3, 3)
  assert found.description == found.source.describe()
  np.testing.assert_array_equal(found.labels, vectors)
  found = look_at(DataSettings(resolution=8, source=str(path)))
  assert (found.labels, found.c_dim) == (None, 0)


def test_nothing_there():
  with pytest.raises(UserError, match='/nowhere/photos does not exist'):
    look_at(DataSettings(source='/nowhere/photos'))
