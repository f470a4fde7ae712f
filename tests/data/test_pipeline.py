import dataclasses
import json
import threading
import time

import numpy as np
import pytest

from stylegan2_jax.data import decoding
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from tests.helpers import noise_pictures, prepared_set


def _pictures(source, data):
  return [decoding.decode(data, source.read(i).image, '') for i in range(len(source))]


def _take(batches, count):
  taken = [next(batches) for _ in range(count)]
  batches.close()
  return {key: np.concatenate([batch[key] for batch in taken]) for key in ('image', 'label')}


def _indices(images, pictures):
  """Which picture each of the images is."""
  index = {picture.tobytes(): i for i, picture in enumerate(pictures)}
  return [index[image.tobytes()] for image in images]


@pytest.fixture
def source(settings):
  return open_source(settings)


def test_form(source, settings):
  batches = Batches(source, settings, 4, seed=0)
  batch = next(iter(batches))
  batches.close()
  assert set(batch) == {'image', 'label'}
  assert batch['image'].shape == (4, 8, 8, 3)
  assert batch['image'].dtype == np.uint8
  assert batch['label'].dtype == np.int32
  assert batch['label'].tolist() == [-1] * 4


def test_labels_belong_to_their_pictures(shapes_settings):
  source = open_source(shapes_settings)
  taken = _take(Batches(source, shapes_settings, 16, seed=0), 2)
  pictures, labels = _pictures(source, shapes_settings), source.labels()
  found = _indices(taken['image'], pictures)
  np.testing.assert_array_equal(taken['label'], labels[found])
  assert len(set(found)) == 32


def test_vectors_belong_to_their_pictures(tmp_path):
  pictures = noise_pictures(6)
  vectors = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
  data = DataSettings(source=str(tmp_path / 'a'), resolution=8)
  prepared_set(tmp_path / 'a' / '1.0.0', pictures, vectors)
  taken = _take(Batches(open_source(data), data, 4, seed=0), 3)
  assert taken['label'].dtype == np.float32
  np.testing.assert_array_equal(taken['label'], vectors[_indices(taken['image'], pictures)])


def test_each_epoch_shows_every_picture_once_in_another_order(source, settings):
  images = _take(Batches(source, settings, 7, seed=3), 6)['image']
  order = np.array(_indices(images, _pictures(source, settings))).reshape(6, 7)
  np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(7), (6, 1)))
  assert len({tuple(row) for row in order}) >= 5
  other = _take(Batches(source, settings, 7, seed=4), 6)['image']
  assert np.any(other != images)


def test_batches_larger_than_the_set_and_across_epochs(source, settings):
  pictures = _pictures(source, settings)
  small = _indices(_take(Batches(source, settings, 5, seed=0), 14)['image'], pictures)
  large = _indices(_take(Batches(source, settings, 35, seed=0), 2)['image'], pictures)
  assert small == large  # the row of pictures does not depend on the batch size
  assert np.bincount(small).tolist() == [10] * 7


def test_a_set_of_one(folder, settings):
  for path in [*folder.rglob('*.*')]:
    if path.name != 'e.png':
      path.unlink()
  images = _take(Batches(open_source(settings), settings, 4, seed=0), 2)['image']
  assert np.all(images == images[0])


@pytest.mark.parametrize('mirror', [False, True])
def test_hosts_share_each_batch(source, settings, mirror):
  data = dataclasses.replace(settings, mirror=mirror)
  whole = _take(Batches(source, data, 8, seed=1), 5)['image'].reshape(5, 8, 8, 8, 3)
  for count in (2, 4):
    shares = [_take(Batches(source, data, 8, 1, host, count), 5)['image'] for host in range(count)]
    shares = [share.reshape(5, 8 // count, 8, 8, 3) for share in shares]
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), whole)


def test_hosts_must_divide_the_batch(source, settings):
  with pytest.raises(UserError, match=r'batch size 8 .* 3 hosts: set train\.batch_size'):
    Batches(source, settings, 8, 0, 0, 3)


@pytest.mark.parametrize('threads', [0, 1, 4])
def test_threads_change_nothing(source, settings, threads):
  data = dataclasses.replace(settings, mirror=True)
  expected = _take(Batches(source, data, 4, seed=1), 6)['image']
  data = dataclasses.replace(data, threads=threads)
  np.testing.assert_array_equal(_take(Batches(source, data, 4, seed=1), 6)['image'], expected)


def test_mirroring_is_an_exact_flip_of_half_the_positions(source, settings):
  data = dataclasses.replace(settings, mirror=True)
  plain = _take(Batches(source, settings, 25, seed=2), 8)['image']
  mirrored = _take(Batches(source, data, 25, seed=2), 8)['image']
  same = np.array([np.array_equal(a, b) for a, b in zip(plain, mirrored, strict=True)])
  flipped = np.array([np.array_equal(a[:, ::-1], b) for a, b in zip(plain, mirrored, strict=True)])
  np.testing.assert_array_equal(same, ~flipped)
  assert 65 < same.sum() < 135  # five standard deviations of 200 coins
  assert len({tuple(same[i : i + 7]) for i in range(0, 196, 7)}) > 20  # anew in each epoch


def test_position_counts_what_was_handed_out(source, settings):
  batches = Batches(source, settings, 3, seed=5)
  expected = _take(Batches(source, settings, 3, seed=5), 9)['image'].reshape(9, 3, 8, 8, 3)
  assert batches.step == 0
  for _ in range(4):
    next(batches)
  time.sleep(0.1)  # the threads are ahead by now
  state = json.loads(json.dumps(batches.get_state()))
  assert state['step'] == batches.step == 4
  batches.close()
  again = Batches(source, settings, 3, seed=5)
  next(again)
  again.set_state(state)
  np.testing.assert_array_equal(next(again)['image'], expected[4])
  assert again.get_state()['step'] == 5
  for step in (8, 0, 6):  # forwards and backwards
    np.testing.assert_array_equal(next(again.at_step(step))['image'], expected[step])
  again.close()


def test_positions_far_out_cost_nothing(source, settings):
  batches = Batches(source, settings, 3, seed=5).at_step(10**9)
  start = time.perf_counter()
  next(batches)
  assert time.perf_counter() - start < 5
  assert batches.step == 10**9 + 1
  batches.close()


@pytest.mark.parametrize(
  ('field', 'words'),
  [('batch_size', r'train\.batch_size'), ('seed', 'seed'), ('data', 'set of images')],
)
def test_position_of_something_else(source, settings, field, words):
  batches = Batches(source, settings, 3, seed=5)
  state = batches.get_state()
  with pytest.raises(UserError, match=f'another {words} .*: restore'):
    batches.set_state({**state, field: 99})
  batches.close()


@pytest.mark.parametrize('threads', [0, 2])
def test_errors_in_threads_reach_the_caller(folder, settings, threads):
  data = dataclasses.replace(settings, threads=threads)
  source = open_source(data)
  (folder / 'c.bmp').write_bytes(b'broken')
  batches = Batches(source, data, 7, seed=0)
  with pytest.raises(UserError, match=r'c\.bmp is not a readable image'):
    next(batches)
  batches.close()


def test_close_ends_the_threads(source, settings):
  before = set(threading.enumerate())
  batches = Batches(source, settings, 3, seed=5)
  next(batches)
  started = set(threading.enumerate()) - before
  assert started
  batches.close()
  for thread in started:
    thread.join(10)
  assert not any(thread.is_alive() for thread in started)
