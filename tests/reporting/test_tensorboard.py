"""What TensorBoard reads of what is written for it."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator

from stylegan2_jax.images import save_png
from stylegan2_jax.reporting.tensorboard import TensorBoard
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import changed, noise_pictures


@pytest.fixture
def run(tmp_path):
  (tmp_path / 'run').mkdir()
  return RunDirectory(tmp_path / 'run')


def board(run, kimg=0.0, **log):
  log = {f'log__{name}': value for name, value in log.items()}
  return TensorBoard(run, changed(**log), {'jax': '0.10'}, kimg)


def feed(watcher, first, last, offset=0.0):
  """Steps of 100 images each; the loss is the step, plus an offset."""
  for step in range(first, last + 1):
    record = {'step': step, 'kimg': step / 10, 'loss_g': step + offset, 'images_per_second': 50.0}
    watcher.record({**record, 'nonfinite': 1})


def read(run):
  folder = str(run.tensorboard_path)
  return event_accumulator.EventAccumulator(folder, size_guidance={'scalars': 0}).Reload()


def scalars(run, tag='training/loss_g'):
  return [(event.step, event.value) for event in read(run).Scalars(tag)]


def test_means_over_stretches_with_images_shown_as_step(run):
  watcher = board(run)
  feed(watcher, 1, 25)
  watcher.close()
  assert scalars(run) == [(1000, 5.5), (2000, 15.5), (2500, 23.0)]
  assert scalars(run, 'speed/images_per_second') == [(1000, 50.0), (2000, 50.0), (2500, 50.0)]
  assert scalars(run, 'training/nonfinite') == [(1000, 10), (2000, 10), (2500, 5)]


def test_tags(run):
  watcher = board(run)
  feed(watcher, 1, 10)
  watcher.close()
  assert sorted(read(run).Tags()['scalars']) == [
    'speed/images_per_second',
    'training/loss_g',
    'training/nonfinite',
  ]


def test_no_point_is_there_twice_after_a_crash(run):
  first = board(run)
  feed(first, 1, 15)
  first.snapshot()
  feed(first, 16, 40)
  first.close()  # it got further, but its next checkpoint did not
  second = board(run, kimg=1.5)
  feed(second, 16, 40, offset=0.5)
  second.close()
  assert scalars(run) == [
    (1000, 5.5),
    (1500, 13.0),
    (2000, 18.5),
    (3000, 26.0),
    (4000, 36.0),
  ]
  assert sum(value for _, value in scalars(run, 'training/nonfinite')) == 40


def test_a_run_without_a_checkpoint_begins_anew(run, grid):
  for offset in (0.0, 0.5):
    watcher = board(run)
    watcher.picture(0.0, grid[1])
    feed(watcher, 1, 10, offset)
    watcher.close()
  assert scalars(run) == [(1000, 6.0)]
  assert [event.step for event in read(run).Images('fakes')] == [0]


def test_a_finished_run_that_goes_on(run):
  first = board(run)
  feed(first, 1, 25)
  first.close()
  second = board(run, kimg=2.5)
  feed(second, 26, 30)
  second.close()
  assert scalars(run) == [(1000, 5.5), (2000, 15.5), (2500, 23.0), (3000, 28.0)]


def test_files_are_read_in_the_order_of_the_starts_whatever_the_clock_says(run, monkeypatch):
  for start, now in enumerate([2e9, 1e9, 1.5e9]):
    monkeypatch.setattr('time.time', lambda now=now: now)
    watcher = board(run, kimg=float(start))
    feed(watcher, 10 * start + 1, 10 * start + 20)
    watcher.close()
  assert [step for step, _ in scalars(run)] == [1000, 2000, 3000, 4000]
  names = sorted(path.name for path in run.tensorboard_path.iterdir())
  assert names == [f'events.00000{n}.tfevents' for n in (1, 2, 3)]


def test_killed_in_the_middle_of_a_record(run):
  first = board(run)
  feed(first, 1, 20)
  first.close()
  file = next(run.tensorboard_path.iterdir())
  file.write_bytes(file.read_bytes()[:-7])
  second = board(run, kimg=1.0)
  feed(second, 11, 20)
  second.close()
  assert scalars(run) == [(1000, 5.5), (2000, 15.5)]


@pytest.fixture
def grid(tmp_path):
  path = tmp_path / 'fakes-000001.png'
  pixels = noise_pictures(1, 16, 32)[0]
  save_png(path, pixels)
  return pixels, path


def shown(run):
  return Image.open(io.BytesIO(read(run).Images('fakes')[0].encoded_image_string))


def test_grids_to_the_pixel(run, grid):
  pixels, path = grid
  watcher = board(run)
  watcher.picture(1.0, path)
  watcher.close()
  (event,) = read(run).Images('fakes')
  assert (event.step, event.width, event.height) == (1000, 32, 16)
  np.testing.assert_array_equal(np.asarray(shown(run)), pixels)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_large_grids_are_made_smaller(run, tmp_path, channels):
  save_png(tmp_path / 'large.png', np.full((600, 2048, channels), 77, np.uint8))
  watcher = board(run)
  watcher.picture(1.0, tmp_path / 'large.png')
  watcher.close()
  assert shown(run).size == (1024, 300)
  over_white = round(255 + (77 - 255) * 77 / 255)
  expected = 77 if channels in (1, 3) else over_white
  assert {c for pixel in np.asarray(shown(run)).reshape(-1, 3) for c in pixel} == {expected}


def text(run, tag):
  """Lines of a text, by step; TensorBoard itself reads it by this other reader."""
  events = plugin_event_accumulator.EventAccumulator(str(run.tensorboard_path)).Reload()
  found = events.Tensors(f'{tag}/text_summary')
  texts = {event.step: event.tensor_proto.string_val[0].decode().splitlines() for event in found}
  assert len(texts) == len(found)
  return texts


@pytest.mark.parametrize(('kimg', 'steps'), [(0.0, [0]), (3.0, [0, 3001])])
def test_config_and_versions_as_text(run, kimg, steps):
  board(run).close()
  for _ in range(2):
    board(run, kimg=kimg, wandb='a|b').close()
  configs = text(run, 'config')
  assert list(configs) == steps
  assert '| log.wandb | `a/b` |' in configs[steps[-1]]
  assert '| train.batch_size | `32` |' in configs[steps[-1]]
  assert text(run, 'about')[steps[-1]] == ['| | |', '| --- | --- |', '| jax | `0.10` |']


def test_numbers_are_on_disk_at_a_snapshot(run):
  watcher = board(run)
  feed(watcher, 1, 5)
  watcher.snapshot()
  assert scalars(run) == [(500, 3.0)]
  watcher.close()


@pytest.mark.skipif(not pathlib.Path('/dev/full').exists(), reason='needs /dev/full')
def test_a_full_disk_is_an_error_and_no_hang(run, monkeypatch):
  run.tensorboard_path.mkdir()
  monkeypatch.setattr(
    'stylegan2_jax.reporting.tensorboard._next_file', lambda folder: pathlib.Path('/dev/full')
  )
  with pytest.raises(OSError, match='No space left'):
    board(run)


def test_metrics_stand_where_they_were_measured(run):
  """Also those of a step that an earlier process has done."""
  first = board(run)
  feed(first, 1, 15)
  first.snapshot()
  first.measured({'kimg': 1.5, 'values': {'pr5k3_precision': 0.5, 'pr5k3_recall': 0.25}})
  second = board(run, kimg=1.5)  # the first was killed
  second.measured({'kimg': 1.5, 'values': {'swd': 2.0}})
  feed(second, 16, 25)
  second.close()
  first.close()
  assert scalars(run, 'metrics/pr5k3_recall') == [(1500, 0.25)]
  assert scalars(run, 'metrics/swd') == [(1500, 2.0)]
  assert scalars(run) == [(1000, 5.5), (1500, 13.0), (2000, 18.0), (2500, 23.0)]
