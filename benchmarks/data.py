"""Measures how many pictures a second the data pipeline reads.

  python benchmarks/data.py --out=data.json
  python benchmarks/data.py --source=photos --data_dir=datasets --resolution=64 --cores=4

Compares the whole pipeline (read, decode, batch), with and without threads, with Pillow alone
decoding the same bytes from memory in the same process: of a set of the user, or of prepared sets
at 32, 256 and 1024 pixels that are made first. All on one core, unless more are asked for. The
pipeline has to keep ahead of the training step: on two CPU cores the 32x32 demo trains on 113
pictures a second.
"""

import argparse
import dataclasses
import io
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

import grain
import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from benchmarks.pictures import encoded, picture
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.settings import DataSettings


def measure(work, seconds):
  """Repeats `work`, which returns a number of pictures; returns pictures a second."""
  work()  # threads, caches
  start, pictures = time.perf_counter(), 0
  while time.perf_counter() - start < seconds:
    pictures += work()
  return pictures / (time.perf_counter() - start)


def pillow_work(source, count):
  """Work that decodes the first pictures with Pillow alone."""
  encoded = [source.read(i).image for i in range(min(count, len(source)))]

  def work():
    for content in encoded:
      np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))
    return len(encoded)

  return work


def read_work(source, count):
  """Work that reads encoded pictures at random."""
  indices = np.random.default_rng(0).integers(0, len(source), count).tolist()

  def work():
    for index in indices:
      source.read(index)
    return len(indices)

  return work


def pipeline_rate(source, data, batch_size, seconds):
  """Pictures a second of the whole pipeline."""
  batches = Batches(source, data, batch_size, seed=0)
  rate = measure(lambda: len(next(batches)['image']), seconds)
  batches.close()
  return rate


def measure_source(data, batch_size, seconds):
  """Prints a table of a source; returns it as a dictionary."""
  start = time.perf_counter()
  source = open_source(data)
  opening = time.perf_counter() - start
  rates = {
    'Pillow alone, from memory': measure(pillow_work(source, 500), seconds),
    'reading alone': measure(read_work(source, 500), seconds),
  }
  for threads in (0, 1, 2):
    settings = dataclasses.replace(data, threads=threads)
    rates[f'pipeline, {threads} threads'] = pipeline_rate(source, settings, batch_size, seconds)
  print(f'{source.describe()}; opened in {opening:.2f} s')
  for name, rate in rates.items():
    share = rate / rates['Pillow alone, from memory']
    print(f'  {name:28}{rate:10.0f} images/s {share:8.2f}')
  return {'source': source.describe(), 'seconds_to_open': opening, 'images_per_second': rates}


def prepared_set(folder, side, count):
  """Prepares a set of `count` pictures; its folder."""
  source, rng = pathlib.Path(folder, 'photos'), np.random.default_rng(side)
  source.mkdir()
  for i in range(count):
    (source / f'{i:05d}.png').write_bytes(encoded(picture(rng, side), 'png'))
  return prepare(Request(str(source), pathlib.Path(folder, 'sets', f'px{side}'), workers=0))


def main():
  """Prints tables and writes JSON."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--source', help='any that training takes (default: sets made for this)')
  parser.add_argument('--data_dir', default='datasets', help='where sets are found by name')
  parser.add_argument('--resolution', type=int, default=32)
  parser.add_argument('--batch_size', type=int, default=32)
  parser.add_argument('--seconds', type=float, default=3.0, help='for each line of a table')
  parser.add_argument('--cores', type=int, default=1, help='processor cores to use')
  parser.add_argument('--out', help='JSON file to write')
  args = parser.parse_args()
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])

  tables = []
  if args.source:
    data = DataSettings(source=args.source, dir=args.data_dir, resolution=args.resolution)
    tables.append(measure_source(data, args.batch_size, args.seconds))
  for side, count in () if args.source else ((32, 2000), (256, 200), (1024, 40)):
    with tempfile.TemporaryDirectory() as folder:
      data = DataSettings(source=str(prepared_set(folder, side, count)), resolution=side)
      tables.append(measure_source(data, args.batch_size, args.seconds))
  if args.out:
    result = {
      'tables': tables,
      'batch_size': args.batch_size,
      'cores': args.cores,
      'cpu_count': os.cpu_count(),
      'python': platform.python_version(),
      'grain': grain.__version__,
      'pillow': PIL.__version__,
    }
    pathlib.Path(args.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
