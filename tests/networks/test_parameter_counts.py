"""Golden parameter counts of every preset: a change of the networks' sizes is never an accident."""

import math
import pathlib

import jax
import pytest

from stylegan2_jax import presets
from stylegan2_jax.facts import Facts, ImageForm
from stylegan2_jax.networks.builder import build_networks, example_inputs

CONFIGS = pathlib.Path(__file__).parents[2] / 'configs'
PRESETS = sorted(path.stem for path in CONFIGS.glob('*.py') if path.stem != '__init__')

# Preset: parameters of G, parameters of D.
GOLDEN = {
  'auto': (19_947_539, 21_507_073),  # before it is adapted: 32x32
  'cifar10': (19_947_539, 20_720_641),
  'cifar10_conditional': (20_215_315, 20_988_416),
  'config_e': (24_900_764, 24_038_161),
  'default': (21_523_475, 21_507_073),
  'emoji': (263_987, 278_753),
  'ffhq512': (30_276_583, 28_982_849),
  'paper1024': (30_370_060, 29_012_513),
  'paper256': (24_767_458, 24_001_089),
  'paper512': (30_276_583, 28_982_849),
  'shapes': (263_987, 278_753),
  'stylegan2': (30_370_060, 29_012_513),
  'tiny': (57_614, 65_153),
  'wide32': (21_523_475, 21_507_073),
}
# Preset: the width of its labels, where it has some: only the data knows.
LABELS = {'cifar10_conditional': 10}


def count(tree):
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize('preset', PRESETS)
def test_parameter_counts(preset):
  assert preset in GOLDEN, f'add the parameter counts of configs/{preset}.py here'
  settings = presets.load(CONFIGS / f'{preset}.py').settings()
  assert settings.data.labels == (preset in LABELS)
  assert counts(settings, LABELS.get(preset, 0)) == GOLDEN[preset]


def counts(settings, c_dim):
  """(parameters of G, parameters of D), of shapes alone."""
  data = settings.data
  generator, discriminator = build_networks(settings.network, data.size, data.channels, c_dim)
  z, label, img = jax.eval_shape(lambda: example_inputs(generator, discriminator))
  key = jax.random.key(0)
  return (
    count(jax.eval_shape(generator.init, key, z, label)['params']),
    count(jax.eval_shape(discriminator.init, key, img, label)['params']),
  )


def test_no_golden_value_without_a_preset():
  assert set(GOLDEN) == set(PRESETS)


def test_published_counts():
  """Config F at 1024x1024: what the TensorFlow original prints, and the sum written out.

  The style affines' biases count alike, whether stored as 1 or as 0 with 1 added at run time. w_avg
  and the noise maps are no parameters in either.
  """
  width = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
  mapping = 8 * (512 * 512 + 512)
  g, d = mapping + 4 * 4 * 512, 0
  for r, c in width.items():
    c_in = width.get(r // 2)  # channels from below
    for i in [c] if r == 4 else [c_in, c]:
      g += 9 * i * c + c + 1 + 512 * i + i  # convolution, bias, noise strength, affine
    g += 3 * c + 3 + 512 * c + c  # ToRGB and its affine
    if r > 4:  # conv0, conv1 down, skip
      d += 9 * c * c + c + 9 * c * c_in + c_in + c * c_in
  d += 3 * width[1024] + width[1024]  # FromRGB
  d += 9 * 513 * 512 + 512 + 4 * 4 * 512 * 512 + 512 + 512 + 1  # 4x4, with the statistics
  assert (g, d) == (30_370_060, 29_012_513) == GOLDEN['stylegan2']


@pytest.mark.parametrize(
  ('resolution', 'expected'),
  [
    (64, (22_243_608, 23_407_361)),
    (256, (23_191_522, 24_001_089)),
    (512, (28_700_647, 28_982_849)),
    (1024, (28_794_124, 29_012_513)),
  ],
)
def test_auto(resolution, expected):
  """At 1024x1024 config F without 6 of its 8 mapping layers, each of 512·512 + 512."""
  facts = Facts(lambda: 1, lambda: ImageForm(resolution, '1:1', 3))
  settings = presets.load_settings(CONFIGS / 'auto.py', {}, facts)
  assert counts(settings, 0) == expected
