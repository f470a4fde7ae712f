"""Every command of the README, line by line, in a folder that has what they ask for."""

import contextlib
import http.client
import io
import pathlib
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile

import av
import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import validation
from stylegan2_jax.commands import COMMANDS
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.tools import ablation_runs
from stylegan2_jax.training import session
from tests import quick
from tests.helpers import noise_pictures, png, saved_run
from tests.reporting.runs import append, record, save_grid

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / 'README.md').read_text()
NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
SMALLER = (
  'network.z_dim=8 network.w_dim=8 network.channel_base=64 network.channel_max=8 '
  'train.total_kimg=0.016 train.snapshot_kimg=0.016 sample.grid_rows=2 sample.grid_cols=10'
)
QUICKER = {  # what the README leaves at its default, and would take minutes
  'project': ['--steps=4'],
  'directions': ['--samples=500'],
  'layers': ['--samples=32'],
  'noise': ['--realizations=4'],
  'ablate': ['--config.train.total_kimg=0.16'],
  'evaluate': ['--data=photos.zip', '--metrics=swd8'],
}


def commands(text):
  """The commands in the blocks of a text, as lists of words after `launch.py`."""
  found = []
  for language, block in re.findall(r'^```(\w*)\n(.*?)^```', text, re.DOTALL | re.MULTILINE):
    for line in () if language else block.replace('\\\n', ' ').splitlines():
      words = shlex.split(line, comments=True)
      if words[:2] == ['.venv/bin/python', 'launch.py']:
        found.append(words[2:])
      else:
        assert not words or words[0] == 'make' or '=' in words[0], line
  return found


def elsewhere(words):
  """The words with the presets of this project, and quicker."""
  words = [word.replace('=configs/', f'={ROOT}/configs/') for word in words]
  return words + QUICKER.get(words[0], [])


CIFAR = README.split('### CIFAR-10')[1].split('\n## ')[0]
EACH = [words for words in commands(README.replace(CIFAR, '')) if words[0] != 'explore']


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A folder with the runs, archives and pictures that the README speaks of."""
  path = tmp_path_factory.mktemp('readme')
  pictures = [png(picture) for picture in noise_pictures(8, 64, 64)]
  with zipfile.ZipFile(path / 'photos.zip', 'w') as archive:
    for i, content in enumerate(pictures):
      archive.writestr(f'{i}.png', content)
  with tarfile.open(path / 'holiday.tar.gz', 'w:gz') as archive:
    for i, content in enumerate(pictures):
      info = tarfile.TarInfo(f'{i}.png')
      info.size = len(content)
      archive.addfile(info, io.BytesIO(content))
  (path / 'photo.png').write_bytes(pictures[0])
  shutil.copy(path / 'photos.zip', path / 'others.zip')
  shutil.copy(ROOT / 'tests' / 'reference' / 'official_r32_c0.pkl', path / 'ffhq.pkl')
  saved_run(path / 'runs' / 'shapes')
  saved_run(path / 'runs' / 'kinds', ('circle', 'star'))
  return path


@pytest.fixture(scope='module')
def photos(place):
  """A run that has trained for a while."""
  run = RunDirectory(saved_run(place / 'runs' / 'photos').path)
  append(run, *(record(step) for step in range(1, 9)))
  for kimg in (0, 1, 2):
    save_grid(run, kimg)
  return run


def run(words, place):
  """Runs a command in this process, in a folder; what it prints. Fails unless it succeeds."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.chdir(place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    status = launch.main(words)
  assert status == 0, err.getvalue()
  return out.getvalue()


def results(place):
  """Every file of the folder but those of runs and data sets, with its bytes."""
  skipped = {'runs', 'datasets'}
  files = [
    f for f in place.rglob('*') if f.is_file() and f.relative_to(place).parts[0] not in skipped
  ]
  return {str(file.relative_to(place)): file.read_bytes() for file in files}


@pytest.mark.parametrize('words', EACH, ids=[' '.join(words)[:60] for words in EACH])
def test_each_command(words, place, photos):
  """In the order of the page, as some need what others made."""
  words = elsewhere(words)
  before, command = results(place), words[0]
  if command.startswith('--') or command == 'train':
    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(session, 'train', opens_its_images)
      said = run(words, place)
    assert re.search(r'opened [1-9]\d* images', said)
    return
  if command == 'ablate':
    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(ablation_runs, '_LAUNCH', ROOT / 'tests' / 'tools' / 'fake_training.py')
      patch.setenv('PYTHONPATH', str(ROOT))
      run(words, place)
    assert len(list((place / 'runs' / 'ablation').glob('*/seed*/stats.jsonl'))) == 18
    return
  if command == 'watch':
    words.append('--once')
  said = run(words, place)
  new = {name: content for name, content in results(place).items() if before.get(name) != content}
  if command == 'evaluate':
    assert re.search(r'^swd8 +\d', said, re.MULTILINE)
  elif command in ('watch', 'summary'):
    assert said.count('\n') > 5
  elif command in ('prepare', 'import'):
    (out,) = [w.partition('=')[2] for w in words if w.startswith(('--out=', '--workdir='))]
    assert (place / out).is_dir()
  else:
    assert new, said
    for name, content in new.items():
      check_file(place / name, content)


def opens_its_images(settings, workdir, stop):
  """In place of training, of which one recipe is run below."""
  validation.validate(settings, num_devices=1)
  print('opened', len(open_source(settings.data)), 'images')


def check_file(path, content):
  """A picture, film or archive that opens; anything else has something in it."""
  if path.suffix in ('.png', '.webp', '.gif'):
    with Image.open(path) as picture:
      assert np.asarray(picture).std() > 0
  elif path.suffix == '.mp4':
    with av.open(str(path)) as film:
      assert sum(1 for _ in film.decode(video=0)) > 1
  elif path.suffix == '.npz':
    with np.load(path, allow_pickle=False) as arrays:
      assert all(
        np.isfinite(arrays[name]).all() for name in arrays if arrays[name].dtype.kind == 'f'
      )
  assert content or path.name.startswith('.')  # a lock


def test_no_command_is_missing():
  """The page names every command, and each runs above or has its own test."""
  named = {name(words) for words in commands(README)}
  assert set(COMMANDS) - named <= {'profile', 'checkpoints'}
  for command in COMMANDS:
    assert re.search(rf'`{command}`|launch\.py {command}\b|--config=', README), command


def name(words):
  return 'train' if words[0].startswith('-') else words[0]


def test_explore(place):
  """The page is served until Ctrl-C."""
  (words,) = [words for words in commands(README) if words[0] == 'explore']
  with subprocess.Popen(
    [sys.executable, '-u', ROOT / 'launch.py', *words, '--no_browser', '--port=0'],
    cwd=place, env=quick.environment(), stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT, text=True,
  ) as process:  # fmt: skip
    try:
      said = ''
      while not (address := re.search(r'http://127\.0\.0\.1:(\d+)', said)):
        line = process.stdout.readline()
        assert line, said
        said += line
      connection = http.client.HTTPConnection('127.0.0.1', int(address[1]), timeout=60)
      with contextlib.closing(connection):
        connection.request('GET', '/')
        page = connection.getresponse()
        assert page.status == 200
        assert b'<html' in page.read()
    finally:
      process.send_signal(signal.SIGINT)
      assert process.wait(timeout=60) in (0, 130)


def cifar_archive(path):
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


@pytest.fixture
def recipe():
  return commands(CIFAR)


def train(words, folder):
  """Really trains for two steps, in a process of its own; what it prints."""
  words = [*elsewhere(words), *(f'--config.{field}' for field in SMALLER.split())]
  ended = subprocess.run(
    [sys.executable, str(ROOT / 'launch.py'), *words],
    cwd=folder,
    env=quick.environment(),
    capture_output=True,
    text=True,
    check=False,
  )
  assert ended.returncode == 0, ended.stderr
  return ended.stdout


def test_cifar_recipe(recipe, tmp_path):
  cifar_archive(tmp_path / 'cifar-10-python.tar.gz')
  prepare, training, by_class, frogs = recipe
  printed = run(prepare, tmp_path)
  assert 'cifar10/1.0.0: 20 images of 32x32x3' in printed
  assert '10 classes' in printed
  assert all(re.search(rf'\b2 {name}\n', printed) for name in NAMES)
  assert '10 classes' in train(training, tmp_path)
  reals = np.asarray(Image.open(tmp_path / 'runs' / 'cifar10' / 'reals.png'))
  assert reals.shape == (2 * 64, 10 * 64, 3)
  assert reals[::64, ::64, 0].tolist() == [[20 * n for n in range(10)]] * 2  # a class a column
  run(by_class, tmp_path)
  grid = np.asarray(Image.open(tmp_path / 'classes.png'))
  assert grid.shape[0] == 10 * 64
  margin = grid.shape[1] - 8 * 64
  assert margin > 0
  assert all((grid[64 * n : 64 * n + 64, :margin] > 128).any() for n in range(10))  # a name
  run(frogs, tmp_path)
  drawn = np.asarray(Image.open(tmp_path / 'frogs.png'))
  row = grid[6 * 64 : 7 * 64, margin:]
  np.testing.assert_array_equal(drawn[:64, : 6 * 64], row[:, : 6 * 64])  # seeds 0-5 of 0-23
