"""Measures how fast sets are prepared, and how much memory that takes.

  python benchmarks/preparation.py --out=preparation.json
  python benchmarks/preparation.py --memory_images=200000

Beside each rate stands that of Pillow alone, doing the same to the same files in one process, one
after the other: open, convert, resize, save as PNG. Rates are those of a whole preparation with one
converting process, from the first picture to the finished set, without the start of Python.
"""

import argparse
import io
import json
import pathlib
import platform
import resource
import sys
import tarfile
import tempfile
import time

import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from benchmarks.pictures import encoded, picture
from stylegan2_jax.data.preparation import prepare as prepare_lib
from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.preparation.progress import Progress

# (side of the stored pictures, side and format of the source, how many)
_CASES = (
  (32, 32, 'png', 8000),
  (32, 64, 'png', 4000),
  (256, 256, 'png', 400),
  (256, 512, 'jpeg', 200),
  (1024, 1024, 'png', 30),
  (1024, 2048, 'jpeg', 16),
)


def pillow_rate(source, side):
  """Pictures a second of Pillow alone, from files to files."""
  files = sorted(source.iterdir())
  with tempfile.TemporaryDirectory() as target:
    start = time.perf_counter()
    for file in files:
      image = Image.open(file).convert('RGB')
      if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.LANCZOS)
      image.save(pathlib.Path(target, f'{file.stem}.png'))
    return len(files) / (time.perf_counter() - start)


def prepare_rate(source, side, workers):
  """Pictures a second of a whole preparation."""
  with tempfile.TemporaryDirectory() as target:
    out = pathlib.Path(target, 'photos')
    start = time.perf_counter()
    prepare(Request(str(source), out, resolution=(side, side), workers=workers))
    return len(list(source.iterdir())) / (time.perf_counter() - start)


def measure_rates():
  """A list with a dictionary for each case."""
  rng = np.random.default_rng(0)
  results = []
  for side, source_side, kind, count in _CASES:
    with tempfile.TemporaryDirectory() as folder:
      source = pathlib.Path(folder)
      for i in range(count):
        (source / f'{i:05d}.{kind}').write_bytes(encoded(picture(rng, source_side), kind))
      alone = pillow_rate(source, side)
      rates = {workers: prepare_rate(source, side, workers) for workers in (1, 2)}
    name = f'{source_side} {kind} -> {side} png'
    print(
      f'{name:22}{alone:9.0f} Pillow alone {rates[1]:9.0f} with 1 process {rates[2]:9.0f} with 2'
    )
    results.append({'case': name, 'pillow': alone, 'prepare_1': rates[1], 'prepare_2': rates[2]})
  return results


class _Watched(Progress):
  """Notes the memory that this process holds at every tenth of the way."""

  marks: list

  def advance(self, skipped):
    """As Progress."""
    super().advance(skipped)
    if self.done % (self._total // 10) == 0:
      status = pathlib.Path('/proc/self/status').read_text()
      held = int(status.split('VmRSS:')[1].split()[0]) / 1024
      self.marks.append((self.done, held))


def measure_memory(count):
  """MiB held by the reading process after each tenth of `count` small pictures in a tar."""
  rng = np.random.default_rng(0)
  _Watched.marks = []
  prepare_lib.Progress = _Watched
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, 'photos.tar')
    with tarfile.open(source, 'w') as archive:
      for i in range(count):
        content = encoded(Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)), 'png')
        info = tarfile.TarInfo(f'{i // 1000:05d}/img{i:08d}.png')
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    start = time.perf_counter()
    prepare(Request(str(source), pathlib.Path(folder, 'sets', 'photos'), workers=2))
    seconds = time.perf_counter() - start
  for done, held in _Watched.marks:
    print(f'{done:9,} pictures {held:8.1f} MiB')
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
  children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
  print(
    f'{count / seconds:,.0f} pictures a second; peak {peak:.1f} MiB, largest child {children:.1f}'
  )
  return {'count': count, 'marks': _Watched.marks, 'peak_mib': peak, 'child_peak_mib': children}


def main():
  """Prints tables and writes JSON."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--memory_images', type=int, default=0, help='measure memory over so many')
  parser.add_argument('--out', type=pathlib.Path, help='JSON file to write')
  args = parser.parse_args()
  result = {'python': platform.python_version(), 'pillow': PIL.__version__}
  if args.memory_images:
    result['memory'] = measure_memory(args.memory_images)
  else:
    result['images_per_second'] = measure_rates()
  if args.out:
    args.out.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
