"""The pictures in report.html: each is encoded once, they are small, and nothing else gets in."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import images
from stylegan2_jax.reporting import page, strip
from stylegan2_jax.run_directory import RunDirectory
from tests.reporting.reports import report_of, write_grid, write_steps


@pytest.fixture
def encodings(monkeypatch):
  """The files that were encoded, in order; the first of a sequence is the newest."""
  encoded, original = [], strip._encoded

  def counted(file, image):
    encoded.append(file.split()[0])
    return original(file, image)

  monkeypatch.setattr(strip, '_encoded', counted)
  return encoded


@pytest.fixture
def run(tmp_path):
  run = RunDirectory(tmp_path)
  yield run
  run.close()


def test_each_grid_is_encoded_once(run, encodings):
  report = report_of(run)
  names = []
  for step in range(200):
    write_steps(run, [step + 1])
    write_grid(run, step * 8 / 1000, step)
    names.append(run.fakes_path(step * 8 / 1000).name)
    report.snapshot()
  assert encodings == names
  grids = page.embedded(run.report_path)['grids']
  assert [grid['name'] for grid in grids] == [*names[::4], names[-1]]


def test_a_grid_that_changed_is_encoded_anew_and_a_damaged_one_left_out(run, encodings):
  write_steps(run, range(1, 11))
  write_grid(run, 0, 0)
  write_grid(run, 0.008, 50)
  report = report_of(run)
  report.snapshot()
  before = page.embedded(run.report_path)['grids']
  write_grid(run, 0.008, 51, size=(16, 16))
  run.fakes_path(0).write_bytes(b'no picture')
  report.snapshot()
  after = page.embedded(run.report_path)['grids']
  assert [grid['name'] for grid in after] == ['fakes-000000.008.png']
  assert after[0]['picture'] != before[1]['picture']
  assert encodings == ['fakes-000000.png', *2 * ['fakes-000000.008.png']]


def test_the_next_process_takes_the_pictures_over(run, encodings):
  write_steps(run, range(1, 3))
  write_grid(run, 0, 0)
  images.save_png(run.reals_path, np.zeros((4, 4, 3), np.uint8))
  report_of(run).snapshot()
  before = page.embedded(run.report_path)
  write_grid(run, 0.016, 9)
  encodings.clear()
  report_of(run).snapshot()
  after = page.embedded(run.report_path)
  assert encodings == ['fakes-000000.016.png']
  assert (after['grids'][0], after['reals']) == (before['grids'][0], before['reals'])


def test_pictures_taken_over_are_pictures(run, encodings):
  """Somebody else's report.html cannot bring anything but WebP data in."""
  write_grid(run, 0, 0)
  report_of(run).snapshot()
  text = run.report_path.read_text()
  run.report_path.write_text(text.replace('data:image/webp', 'data:text/html'))
  encodings.clear()
  report_of(run).snapshot()
  assert encodings == ['fakes-000000.png']
  assert 'data:text/html' not in run.report_path.read_text()


def test_large_and_transparent_grids(run):
  """At most 1024 pixels a side; what is transparent becomes white."""
  images.save_png(run.fakes_path(0), np.full((600, 3000, 4), 0, np.uint8))
  images.save_png(run.fakes_path(1), np.full((2000, 500, 1), 100, np.uint8))
  report_of(run).snapshot()
  grids = page.embedded(run.report_path)['grids']
  sizes, corners = [], []
  for grid in grids:
    for part in ('picture', 'thumb'):
      content = base64.b64decode(grid[part].partition(',')[2])
      with Image.open(io.BytesIO(content)) as picture:
        sizes.append(picture.size)
        corners.append(picture.getpixel((0, 0)))
  assert sizes == [(1024, 205), (120, 120), (256, 1024), (120, 120)]
  assert corners == [(255,) * 3] * 2 + [(100,) * 3] * 2
