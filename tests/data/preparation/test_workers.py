"""Processes that die, or never start."""

import os
import pathlib
import subprocess
import sys

from PIL import Image

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.data.preparation.conversion import Conversion, convert
from stylegan2_jax.data.preparation.workers import convert_all

ROOT = pathlib.Path(__file__).parents[3]

# Processes import the script: its killer takes the place of `convert` in them.
_KILLER = """
import os, pathlib, sys
from stylegan2_jax.data.preparation import workers
from stylegan2_jax.data.preparation.prepare import Request, prepare
convert = workers.convert
def killer(content, conversion):
  if b'poison' in content:
    os.kill(os.getpid(), 9)
  return convert(content, conversion)
workers.convert = killer
if __name__ == '__main__':
  prepare(Request(sys.argv[1], pathlib.Path(sys.argv[2]), resolution=(4, 4), workers=2))
"""


def run(script, *arguments):
  return subprocess.run(
    [sys.executable, str(script), *map(str, arguments)],
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    capture_output=True,
    text=True,
    check=False,
  )


def photos(folder, count):
  folder.mkdir()
  for i in range(count):
    Image.new('RGB', (4, 4), (i, 0, 0)).save(folder / f'{i:03d}.png')
  return folder


def test_a_picture_that_kills_its_process_is_skipped(tmp_path):
  source = photos(tmp_path / 'photos', 150)
  for i in (3, 70, 149):  # in tasks that wait while others die
    (source / f'{i:03d}.png').write_bytes(b'poison')
  (tmp_path / 'script.py').write_text(_KILLER)
  ended = run(tmp_path / 'script.py', source, tmp_path / 'sets' / 'photos')
  assert ended.returncode == 0, ended.stderr
  skipped = (tmp_path / 'sets' / 'photos' / '1.0.0' / 'skipped.csv').read_text().splitlines()
  assert [line.partition(',')[0] for line in skipped] == ['name', '003.png', '070.png', '149.png']
  assert 'ends its decoder' in skipped[1]


def test_processes_that_cannot_start_are_no_fault_of_the_pictures(tmp_path):
  """As in a script without a guard, which its processes run once more."""
  script = _KILLER.replace("if __name__ == '__main__':\n  ", '')
  (tmp_path / 'script.py').write_text(script)
  out = tmp_path / 'sets' / 'photos'
  ended = run(tmp_path / 'script.py', photos(tmp_path / 'photos', 3), out)
  assert ended.returncode == 1
  assert 'cannot start processes to convert images' in ended.stderr.splitlines()[-1]
  assert not out.exists()


def test_order_and_results_are_those_of_one_process(encode, make_image):
  conversion = Conversion(8, 8)
  contents = [encode(make_image(i), 'png') for i in range(150)]
  contents[40], contents[41] = Problem('is gone'), b'no picture'
  pictures = [Picture(str(i), content, i) for i, content in enumerate(contents)]
  results = list(convert_all(iter(pictures), conversion, 2))
  assert [picture for picture, _ in results] == pictures
  for (_, found), content in zip(results, contents, strict=True):
    assert found == (content if isinstance(content, Problem) else convert(content, conversion))
