"""Golden parameter counts of every preset: a change of the networks' sizes is never an accident."""

import math
import pathlib

import jax
import pytest

from stylegan2_jax import presets
from stylegan2_jax.data.shapes import KINDS
from stylegan2_jax.networks.builder import build_networks, example_inputs

CONFIGS = pathlib.Path(__file__).parents[2] / 'configs'
PRESETS = sorted(path.stem for path in CONFIGS.glob('*.py') if path.stem != '__init__')

# Preset: parameters of G, parameters of D.
GOLDEN = {
  'default': (21_523_475, 21_507_073),
  'emoji': (263_987, 278_753),
  'shapes': (263_987, 278_753),
  'tiny': (57_614, 65_153),
  'wide32': (21_523_475, 21_507_073),
}


def count(tree):
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize('preset', PRESETS)
def test_parameter_counts(preset):
  assert preset in GOLDEN, f'add the parameter counts of configs/{preset}.py here'
  settings = presets.load_settings(CONFIGS / f'{preset}.py')
  data = settings.data
  assert not data.labels or data.source == 'shapes', 'only the data knows how many classes'
  c_dim = len(KINDS) if data.labels else 0
  generator, discriminator = build_networks(settings.network, data.size, data.channels, c_dim)
  z, label, img = jax.eval_shape(lambda: example_inputs(generator, discriminator))
  key = jax.random.key(0)
  counts = (
    count(jax.eval_shape(generator.init, key, z, label)['params']),
    count(jax.eval_shape(discriminator.init, key, img, label)['params']),
  )
  assert counts == GOLDEN[preset]


def test_no_golden_value_without_a_preset():
  assert set(GOLDEN) == set(PRESETS)
