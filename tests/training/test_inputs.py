"""Batches that are read ahead are the same ones, and what goes wrong with them waits its turn."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.settings import DataSettings, Settings, TrainSettings
from stylegan2_jax.training.inputs import Inputs
from tests.helpers import noise_pictures

COUNT, BATCH = 12, 4


def numbers(batch):
  """Which pictures are in a batch; -1 for a blank one. In place of `Engine.put`."""
  return [PICTURES.index(image.tobytes()) if image.any() else -1 for image in batch['image']]


PICTURES = [picture.tobytes() for picture in noise_pictures(COUNT)]


def folder(path, count):
  path.mkdir()
  for i, picture in enumerate(noise_pictures(COUNT)[:count]):
    Image.fromarray(picture).save(path / f'{i:02}.png')
  return path


@pytest.fixture
def place(tmp_path):
  """The folder of pictures and what opens a row of inputs of it, closed at the end.

  `between`: done after the folder was looked at, before reading begins.
  """
  opened = []

  def open_inputs(held_out=False, between=lambda: None):
    data = DataSettings(source=str(folder_), dir=str(tmp_path), resolution=8, threads=1)
    settings = dataclasses.replace(Settings(), data=data, train=TrainSettings(batch_size=BATCH))
    source = open_source(data)
    between()
    opened.append(Inputs(settings, (source, source if held_out else None)))
    return opened[-1]

  folder_ = folder(tmp_path / 'pictures', COUNT)
  yield folder_, open_inputs
  for inputs in opened:
    inputs.close()


def test_what_was_read_ahead_is_what_comes_next(place):
  _, open_inputs = place
  plain, ahead = open_inputs(held_out=True), open_inputs(held_out=True)
  for step in range(9):
    expected, found = plain.take(step, numbers), ahead.take(step, numbers)
    ahead.read_ahead(step + 1, numbers)
    assert found == expected
    assert (found.held_out is not None) == (step % 4 == 0)
    assert plain.position(step + 1) == ahead.position(step + 1)


def test_positions_do_not_count_what_was_read_ahead(place):
  _, open_inputs = place
  first, second, whole = open_inputs(True), open_inputs(True), open_inputs(True)
  expected = [whole.take(step, numbers) for step in range(9)]
  for step in range(3):
    first.take(step, numbers)
    first.read_ahead(step + 1, numbers)
  assert second.go_to(first.position(3)) == 3
  assert [second.take(step, numbers) for step in range(3, 9)] == expected[3:]
  assert first.go_to(first.position(2)) == 2  # and what was read ahead is forgotten
  assert [first.take(step, numbers) for step in range(2, 9)] == expected[2:]


def test_a_fault_waits_for_its_step(place):
  pictures, open_inputs = place
  inputs = open_inputs()
  whole = [inputs.take(step, numbers).batch for step in range(COUNT // BATCH)]
  assert sorted(i for batch in whole for i in batch) == list(range(COUNT))
  broken = pictures / f'{whole[1][2]:02}.png'
  inputs = open_inputs(between=lambda: broken.write_bytes(broken.read_bytes()[:60]))
  assert inputs.take(0, numbers) == (whole[0], None, None)
  inputs.read_ahead(1, numbers)
  found = inputs.take(1, numbers)
  assert found.batch == [-1] * BATCH
  assert str(broken) in str(found.error)


def test_waiting_is_counted_once(place, monkeypatch):
  _, open_inputs = place
  inputs = open_inputs()
  clock = iter(np.arange(100.0))
  monkeypatch.setattr('time.monotonic', lambda: float(next(clock)))
  inputs.take(0, numbers)
  inputs.read_ahead(1, numbers)
  assert inputs.waited() == 2.0
  assert inputs.waited() == 0.0
  inputs.take(1, numbers)
  assert inputs.waited() == 0.0
