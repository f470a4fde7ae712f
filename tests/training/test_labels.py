"""Training on labels: vectors do what classes do, from the prepared set to the saved model."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import StyleGAN2
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.images import grid
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import SampleSettings
from stylegan2_jax.training import session
from stylegan2_jax.training.engine import Engine
from tests.helpers import assert_trees_equal, noise_pictures, prepared_set, random_state, settings

CLASSES = np.array([2, 0, 1, 1, 0, 2, 2, 1, 0], np.int32)
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]
VECTORS = np.random.default_rng(3).standard_normal((9, 2)).astype(np.float32)
PICTURES = noise_pictures(9, 4, 4)


def test_one_hot_vectors_equal_classes():
  """To the bit, in every phase."""
  config = settings(4, batch_size=8, micro_batch=2, pl_interval=1, r1_interval=2)
  modules = build_networks(config.network, (4, 4), 3, 3)
  results = []
  for labels in (CLASSES, ONE_HOT):
    engine = Engine(config, modules, random_state(*modules, config.train), labels)
    engine.compile(lambda name, seconds: None)
    batches = [
      {'image': np.stack(PICTURES)[i], 'label': labels[i]} for i in (slice(8), slice(1, 9))
    ]
    metrics = [engine.step(step, batch).metrics for step, batch in enumerate(batches)]
    results.append((metrics, engine.state()))
  (class_metrics, class_state), (vector_metrics, vector_state) = results
  assert {'loss_g', 'loss_d', 'r1_penalty', 'pl_mean'} <= set(class_metrics[0])
  assert vector_metrics == class_metrics
  assert_trees_equal(vector_state, class_state)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """(folder, settings) of a run of one step on vectors, from a set called faces."""
  root = tmp_path_factory.mktemp('vectors')
  record = {
    'transform': 'none',
    'filter': 'box',
    'pillow': '13.0.0',
    'content': 'ab' * 16,
    'labels': {'component_names': ['smiling', 'glasses']},
  }
  prepared_set(root / 'datasets' / 'faces' / '1.0.0', PICTURES, VECTORS, record=record)
  data = {'source': 'faces', 'dir': str(root / 'datasets'), 'labels': True}
  config = settings(
    4, data=data, batch_size=8, micro_batch=2, total_kimg=0.008, snapshot_kimg=0.008
  )
  config = dataclasses.replace(config, sample=SampleSettings(grid_rows=2, grid_cols=6))
  session.train(config, root / 'run')
  return root / 'run', config


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def test_the_log_says_what_was_trained_on(run):
  text = (run[0] / 'log.txt').read_text()
  assert 'data: faces/1.0.0 (' in text
  assert '9 images of 4x4x3, label vectors of 2; prepared without cropping, box filter' in text
  assert 'content abababababab' in text


def test_the_checkpoint_knows_its_labels(run):
  info = Checkpoints(run[0] / 'checkpoints').info(1)
  assert info['c_dim'] == 2
  assert info['class_names'] == []
  assert info['component_names'] == ['smiling', 'glasses']
  gan = StyleGAN2.load(run[0])
  assert gan.component_names == ('smiling', 'glasses')
  expected = gan.sample_seeds([0], label=[1, 0])
  np.testing.assert_array_equal(gan.sample_seeds([0], label='smiling'), expected)


def test_fakes_have_the_labels_of_the_reals_beside_them(run):
  path, _ = run
  np.testing.assert_array_equal(pixels(path / 'reals.png'), grid(np.stack(PICTURES), 2, 6))
  fakes = StyleGAN2.load(path).sample_seeds(range(12), label=VECTORS[np.arange(12) % 9])
  np.testing.assert_array_equal(pixels(path / 'fakes-000000.008.png'), grid(fakes, 2, 6))


def test_a_run_goes_on_with_a_set_that_was_moved(run, tmp_path):
  """The set is known by its content."""
  path, config = run
  shutil.copytree(config.data.dir, tmp_path / 'elsewhere')
  shutil.copytree(path, tmp_path / 'run')
  data = dataclasses.replace(config.data, dir=str(tmp_path / 'elsewhere'))
  train = dataclasses.replace(config.train, total_kimg=0.016)
  session.train(dataclasses.replace(config, data=data, train=train), tmp_path / 'run')
  lines = (tmp_path / 'run' / 'stats.jsonl').read_text().splitlines()
  records = [json.loads(line) for line in lines]
  assert [record['step'] for record in records] == [1, 2]
  assert np.isfinite([record['loss_g'] for record in records]).all()
