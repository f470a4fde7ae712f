"""The CIFAR-10 recipe of the README, line by line, on a small archive of the published form."""

import io
import os
import pathlib
import pickle
import re
import shlex
import subprocess
import sys
import tarfile

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
_SMALLER = (
  'network.z_dim=8 network.w_dim=8 network.channel_base=64 network.channel_max=8 '
  'train.total_kimg=0.016 train.snapshot_kimg=0.016 sample.grid_rows=2 sample.grid_cols=10'
)


def _archive(path):
  """cifar-10-python.tar.gz with two pictures of each class in the five batches."""

  def add(name, value):
    content = pickle.dumps(value, protocol=2)
    info = tarfile.TarInfo(f'cifar-10-batches-py/{name}')
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))

  with tarfile.open(path, 'w:gz') as archive:
    for batch in range(5):
      numbers = [(4 * batch + i) % 10 for i in range(4)]
      pixels = np.stack([np.full(3072, 20 * number, np.uint8) for number in numbers])
      files = [b'%s_%d.png' % (NAMES[n].encode(), batch) for n in numbers]
      add(f'data_batch_{batch + 1}', {b'data': pixels, b'labels': numbers, b'filenames': files})
    test = {b'data': np.zeros((1, 3072), np.uint8), b'labels': [0], b'filenames': [b'test.png']}
    add('test_batch', test)
    add('batches.meta', {b'label_names': [name.encode() for name in NAMES], b'num_vis': 3072})


def _commands():
  """The recipe's commands, as lists of words."""
  section = (ROOT / 'README.md').read_text().split('### CIFAR-10')[1]
  block = re.search(r'```\n(.*?)```', section, re.DOTALL)[1].replace('\\\n', ' ')
  return [shlex.split(line) for line in block.splitlines()]


def _run(command, folder):
  """Runs one, with this interpreter and, where it trains, for two steps; what it prints."""
  assert command[:2] == ['.venv/bin/python', 'launch.py']
  words = [word.replace('=configs/', f'={ROOT}/configs/') for word in command[2:]]
  if words[0].startswith('--config='):
    words += [f'--config.{field}' for field in _SMALLER.split()]
  ended = subprocess.run(
    [sys.executable, str(ROOT / 'launch.py'), *words],
    cwd=folder,
    env={**os.environ, 'XLA_FLAGS': ''},
    capture_output=True,
    text=True,
    check=False,
  )
  assert ended.returncode == 0, ended.stderr
  return ended.stdout


def test_cifar_recipe(tmp_path):
  _archive(tmp_path / 'cifar-10-python.tar.gz')
  prepare, train, by_class, frogs = _commands()
  printed = _run(prepare, tmp_path)
  assert 'cifar10/1.0.0: 20 images of 32x32x3' in printed
  assert '10 classes' in printed
  assert all(re.search(rf'\b2 {name}\n', printed) for name in NAMES)
  assert '10 classes' in _run(train, tmp_path)
  reals = np.asarray(Image.open(tmp_path / 'runs' / 'cifar10' / 'reals.png'))
  assert reals.shape == (2 * 64, 10 * 64, 3)
  assert reals[::64, ::64, 0].tolist() == [[20 * n for n in range(10)]] * 2  # a class a column
  _run(by_class, tmp_path)
  grid = np.asarray(Image.open(tmp_path / 'classes.png'))
  assert grid.shape[0] == 10 * 64
  margin = grid.shape[1] - 8 * 64
  assert margin > 0
  assert all((grid[64 * n : 64 * n + 64, :margin] > 128).any() for n in range(10))  # a name
  _run(frogs, tmp_path)
  drawn = np.asarray(Image.open(tmp_path / 'frogs.png'))
  row = grid[6 * 64 : 7 * 64, margin:]
  np.testing.assert_array_equal(drawn[:64, : 6 * 64], row[:, : 6 * 64])  # seeds 0-5 of 0-23
