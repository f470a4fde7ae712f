"""`StyleGAN2(config).train(workdir)`: a notebook trains as the command does."""

import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2, presets
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training import session
from tests.helpers import assert_trees_equal, saved_run
from tests.training.workplace import BATCH, TINIEST, Workplace, wait_until

ROOT = pathlib.Path(__file__).parents[2]
TINY = str(ROOT / 'configs' / 'tiny.py')
_NOTEBOOK = """
import json, sys
import numpy as np
from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import Preempted

config, overrides, workdir = sys.argv[1:]
gan = StyleGAN2(config, json.loads(overrides))
try:
  assert gan.train(workdir) is gan
except Preempted as stop:
  print('stopped:', stop)
  gan = StyleGAN2.load(workdir)
np.save(workdir + '.npy', gan.sample(2))
"""


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  return Workplace(tmp_path_factory.mktemp('api'))


def start(place, name, steps):
  """A process that trains a run through the API."""
  command = place.command(name, steps)
  overrides = {
    **TINIEST,
    'data.source': str(place.path / 'pictures'),
    'train.total_kimg': steps * BATCH / 1000,
    'train.snapshot_kimg': 8,
  }
  command['args'] = [
    *(sys.executable, '-c', _NOTEBOOK, TINY),
    *(json.dumps(overrides), str(place.path / name)),
  ]
  command['env']['PYTHONPATH'] = str(ROOT)
  return subprocess.Popen(
    **command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1
  )  # a line at a time


def test_trains_as_the_command(place):
  done = place.train('command', 3, train__snapshot_kimg=8.0)
  assert (done.returncode, done.stderr) == (0, '')
  process = start(place, 'notebook', 3)
  output, _ = process.communicate(timeout=300)
  assert process.returncode == 0, output
  assert 'finished at step 3' in output
  assert_trees_equal(place.state('notebook', 3), place.state('command', 3))
  assert place.numbers('notebook') == place.numbers('command')
  drawn = np.load(place.path / 'notebook.npy')  # by the model that trained, without loading
  assert np.abs(drawn - StyleGAN2.load(place.path / 'notebook').sample(2)).max() < 0.02


def test_interrupting_saves(place):
  process = start(place, 'stopped', 100_000)
  stats = place.path / 'stopped' / 'stats.jsonl'
  wait_until(process, lambda: stats.exists() and stats.read_text().count('\n') >= 2)
  process.send_signal(signal.SIGINT)
  output, _ = process.communicate(timeout=120)
  assert process.returncode == 0, output
  assert 'stopped: ' in output
  assert place.last_step('stopped') == place.numbers('stopped')[-1]['step'] >= 2
  assert (place.path / 'stopped.npy').exists()


def test_restart_keeps_what_was_there(tmp_path, monkeypatch):
  old = saved_run(tmp_path / 'run').path
  gan = StyleGAN2(RunDirectory(old).read_settings())
  seen = []

  def train(settings, workdir, stop):
    seen.append((settings, workdir, workdir.exists()))
    saved_run(workdir, seed=5)

  monkeypatch.setattr(session, 'train', train)
  gan.train(old, restart=True)
  assert seen == [(gan.settings, old, False)]
  assert (tmp_path / 'run.1' / 'checkpoints').is_dir()
  gan.train(old, restart=True)
  assert sorted(p.name for p in tmp_path.iterdir()) == ['run', 'run.1', 'run.2']
  np.testing.assert_array_equal(gan.sample(2), StyleGAN2.load(old).sample(2))
  (tmp_path / 'photos').mkdir()
  (tmp_path / 'photos' / 'a.jpg').touch()
  with pytest.raises(UserError, match='holds other files'):
    gan.train(tmp_path / 'photos', restart=True)
  assert (tmp_path / 'photos' / 'a.jpg').exists()


def test_forms_of_a_config(tmp_path):
  config = presets.load_preset(TINY)
  by_file = StyleGAN2(TINY, {'network.w_dim': 24, 'data.mirror': True})
  config.network.w_dim, config.data.mirror = 24, True
  by_config = StyleGAN2(config)
  assert by_file.settings == by_config.settings == StyleGAN2(by_file.settings).settings
  assert by_file.w_dim == 24
  assert_trees_equal(by_file.params, by_config.params)
  assert set(by_file.params) == {'generator', 'w_avg', 'noise_maps', 'discriminator'}
  assert by_file.sample(1).shape == (1, 16, 16, 3)
  with pytest.raises(UserError, match=r'unknown config field network\.w_dmi'):
    StyleGAN2(TINY, {'network.w_dmi': 24})
  with pytest.raises(UserError, match='overrides are for preset files'):
    StyleGAN2(config, {'seed': 1})
  with pytest.raises(UserError, match='no config file'):
    StyleGAN2('nowhere.py')


def test_labels_of_a_fresh_model(tmp_path):
  overrides = {'data.labels': True, 'data.dir': tmp_path, 'data.resolution': 16}
  gan = StyleGAN2(TINY, overrides)
  assert gan.class_names[:2] == ('circle', 'square')
  assert gan.sample(2, label='star').shape == (2, 16, 16, 3)


def test_load_weights(tmp_path):
  path = saved_run(tmp_path / 'run').path
  trained, gan = StyleGAN2.load(path), StyleGAN2(RunDirectory(path).read_settings())
  assert np.any(gan.sample(1) != trained.sample(1))
  gan.load_weights(path)
  np.testing.assert_array_equal(gan.sample(1), trained.sample(1))
  with pytest.raises(UserError, match='has other networks than this model'):
    StyleGAN2(TINY).load_weights(path)
