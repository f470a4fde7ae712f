"""Measures how many pictures a second the data pipeline reads.

  python benchmarks/data.py --data_dir=datasets --out=data.json

Compares the whole pipeline (read, decode, batch), with and without threads, with Pillow alone
decoding the same bytes from memory in the same process. The pipeline has to keep ahead of the
training step: on two CPU cores the 32x32 demo trains on 113 pictures a second.
"""

import argparse
import dataclasses
import io
import json
import os
import pathlib
import platform
import sys
import time

import grain
import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax.config import DataSettings
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.sources import open_source


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


def main():
  """Prints a table and writes JSON."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--source', default='shapes', help='shapes, a folder or a zip')
  parser.add_argument('--data_dir', default='datasets', help='where the built-in set is prepared')
  parser.add_argument('--resolution', type=int, default=32)
  parser.add_argument('--batch_size', type=int, default=32)
  parser.add_argument('--seconds', type=float, default=3.0, help='for each line of the table')
  parser.add_argument('--out', help='JSON file to write')
  args = parser.parse_args()

  data = DataSettings(source=args.source, dir=args.data_dir, resolution=args.resolution)
  start = time.perf_counter()
  source = open_source(data)
  opening = time.perf_counter() - start
  rates = {
    'Pillow alone, from memory': measure(pillow_work(source, 500), args.seconds),
    'reading alone': measure(read_work(source, 500), args.seconds),
  }
  for threads in (0, 1, 2):
    settings = dataclasses.replace(data, threads=threads)
    rate = pipeline_rate(source, settings, args.batch_size, args.seconds)
    rates[f'pipeline, {threads} threads'] = rate

  print(f'{source.describe()}; opened in {opening:.2f} s')
  for name, rate in rates.items():
    print(f'{name:28}{rate:10.0f} images/s')
  if args.out:
    result = {
      'source': source.describe(),
      'resolution': args.resolution,
      'batch_size': args.batch_size,
      'seconds_to_open': opening,
      'images_per_second': rates,
      'cpu_count': os.cpu_count(),
      'python': platform.python_version(),
      'grain': grain.__version__,
      'pillow': PIL.__version__,
    }
    pathlib.Path(args.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
