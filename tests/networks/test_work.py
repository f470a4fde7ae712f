"""The operations by formula against those of the traced networks, counted one by one."""

import functools
import math
import pathlib
import runpy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from stylegan2_jax.networks import synthesis
from stylegan2_jax.networks.builder import build_networks, example_inputs, variable_shapes
from stylegan2_jax.networks.work import Work, network_work, phase_work
from stylegan2_jax.ops.backend_forms import for_any_backend
from stylegan2_jax.settings import TrainSettings
from stylegan2_jax.training.schedule import intervals
from tests.helpers import network_settings

SIZES = runpy.run_path(str(pathlib.Path(__file__).parents[2] / 'benchmarks' / 'sizes.py'))
NUMBER = 2  # samples; what a product of weights alone takes would not grow with it


def count(fn, *arguments) -> int:
  """Operations of all products and convolutions in fn, 2 per multiply-add. Nothing is compiled."""
  with for_any_backend():  # plain sums: forms for CPUs may need fewer
    return 2 * multiply_adds(jax.make_jaxpr(fn)(*arguments).jaxpr)


def multiply_adds(jaxpr) -> int:
  total = 0
  for equation in jaxpr.eqns:
    times = equation.params['length'] if equation.primitive.name == 'scan' else 1
    for value in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program):
      if is_program(value):
        total += times * multiply_adds(getattr(value, 'jaxpr', value))
    if equation.primitive.name in COUNTED:
      total += COUNTED[equation.primitive.name](equation)
  return total


def is_program(value) -> bool:
  return isinstance(value, (core.Jaxpr, core.ClosedJaxpr))


def product(equation) -> int:
  """As many for each entry of the result as there are terms in its sum."""
  (contracted, _), _ = equation.params['dimension_numbers']
  shape = equation.invars[0].aval.shape
  return math.prod(equation.outvars[0].aval.shape) * math.prod(shape[i] for i in contracted)


def convolution(equation) -> int:
  """Zeros around an image count as pixels, those that are put between pixels do not."""
  params, (x, weight), (y,) = equation.params, equation.invars, equation.outvars
  numbers = params['dimension_numbers']
  batch, features, *_ = numbers.out_spec
  total = y.aval.shape[batch] * y.aval.shape[features] * weight.aval.shape[numbers.rhs_spec[1]]
  for axis, stride in enumerate(params['window_strides']):
    total *= reads(
      x.aval.shape[numbers.lhs_spec[2 + axis]],
      y.aval.shape[numbers.out_spec[2 + axis]],
      weight.aval.shape[numbers.rhs_spec[2 + axis]],
      stride,
      params['padding'][axis][0],
      params['lhs_dilation'][axis],
    )
  return total


def reads(n, n_out, taps, stride, before, spacing) -> int:
  """How often a tap meets a pixel of a row."""
  if spacing == 1:
    return n_out * taps
  places = [o * stride + tap - before for o in range(n_out) for tap in range(taps)]
  return sum(place % spacing == 0 and 0 <= place < n * spacing for place in places)


COUNTED = {'dot_general': product, 'conv_general_dilated': convolution}


@functools.cache
def shapes(network, size, channels=3, c_dim=0):
  """(G, D, (shapes of their parameters, and of the noise))."""
  modules = build_networks(network, size, channels, c_dim)
  return *modules, variable_shapes(*modules)


def traced(network, size, channels=3, c_dim=0) -> Work:
  """Operations of the real networks for one image; D's with all that it does with a label."""
  generator, discriminator, variables = shapes(network, size, channels, c_dim)
  g_params, d_params, maps = variables
  z, label, img = jax.eval_shape(lambda: example_inputs(generator, discriminator, NUMBER))
  ws = jax.ShapeDtypeStruct((NUMBER, generator.synthesis.num_ws, network.w_dim), jnp.float32)

  def run(module, params, *arguments):
    return module.apply({'params': params}, *arguments)

  counts = (
    count(functools.partial(run, generator.mapping), g_params['mapping'], z, label),
    count(functools.partial(run, generator.synthesis), g_params['synthesis'], ws, maps),
    count(functools.partial(run, discriminator), d_params, img, label),
  )
  assert not any(n % NUMBER for n in counts)
  return Work(*(n // NUMBER for n in counts))


ARCHITECTURES = ('orig', 'skip', 'resnet')


@pytest.mark.parametrize('architecture', ARCHITECTURES)
@pytest.mark.parametrize('size', [(4, 4), (8, 8), (32, 32), (24, 32), (32, 16)])
def test_every_architecture(architecture, size):
  """Widths that differ from block to block, and in no other way from each other."""
  network = network_settings(
    g_architecture=architecture,
    d_architecture=architecture,
    demodulation='none',
    z_dim=6,
    w_dim=10,
    mapping_layers=3,
    channel_base=96,
    channel_max=20,
    mbstd_features=2,
  )
  assert traced(network, size, channels=4) == network_work(network, size, 4)


def test_architectures_differ():
  works = [
    network_work(network_settings(g_architecture=a, d_architecture=a), (16, 16), 3)
    for a in ARCHITECTURES
  ]
  assert len({work.synthesis for work in works}) == len({work.discriminator for work in works}) == 3


@pytest.mark.parametrize('name', ['tiny32', 'paper256'])
def test_the_sizes_of_the_benchmarks(name):
  """Demodulation may take one product of styles and weights for each convolution beside it."""
  settings = SIZES['size'](name)
  network, size = settings.network, settings.data.size
  found, expected = traced(network, size), network_work(network, size, 3)
  assert (found.mapping, found.discriminator) == (expected.mapping, expected.discriminator)
  assert 0 <= found.synthesis - expected.synthesis <= 2 * demodulation(network, size)


def demodulation(network, size) -> int:
  """Σ C_in·C_out over the convolutions of G."""
  params = shapes(network, size)[2][0]['synthesis']
  layers = [
    block[name] for block in params.values() for name in ('conv0', 'conv1') if name in block
  ]
  return sum(math.prod(layer['weight'].shape[2:]) for layer in layers)


@pytest.mark.parametrize('layers', [1, 3])
def test_conditional(layers):
  """Of what D does with a label nothing is counted: its mapping, and as many outputs as it has."""
  network = network_settings(
    mapping_layers=layers, d_mapping_layers=layers, w_dim=10, z_dim=6, demodulation='none'
  )
  found, expected = traced(network, (16, 16), c_dim=5), network_work(network, (16, 16), 3, 5)
  assert (found.mapping, found.synthesis) == (expected.mapping, expected.synthesis)
  width = 8  # of the last features, and of the mapped label
  label = 5 * width + layers * width * width
  assert found.discriminator - expected.discriminator in (
    2 * label,
    2 * (label + width * width - width),
  )
  unconditional = network_work(network, (16, 16), 3)
  assert expected.mapping - unconditional.mapping == 2 * (5 * 10 + 10 * 10)


@pytest.mark.parametrize(
  ('name', 'gflop', 'places'),
  [
    ('tiny32', 0.8, 1), ('cifar32', 6.7, 1), ('64px', 18.8, 1), ('128px', 75.5, 1),
    ('paper256', 399, 0), ('stylegan2', 1990, -1),
  ],
)  # fmt: skip
def test_a_trained_image(name, gflop, places):
  """4.75·G + 8.375·D with the lazy regularizers, and G's mapping, which is little."""
  settings = SIZES['size'](name)
  work = network_work(settings.network, settings.data.size, 3)
  expected = 4.75 * work.synthesis + 8.375 * work.discriminator
  assert round(expected / 1e9, places) == gflop
  found = trained(work, settings.train) - trained(work._replace(mapping=0), settings.train)
  assert trained(work._replace(mapping=0), settings.train) == pytest.approx(expected, rel=1e-12)
  assert found == pytest.approx(2 * 4.375 * work.mapping, rel=1e-12)
  assert found < 0.02 * expected


def trained(work, train) -> float:
  """Operations for one image, with each phase as often as it runs."""
  every = intervals(train)
  return sum(n / every[phase] for phase, n in phase_work(work, train).items())


def test_phases():
  """By hand, where each network has a power of ten of its own."""
  work, train = Work(1, 100, 10_000), TrainSettings(pl_batch_shrink=1, style_mixing_prob=0.0)
  assert phase_work(work, train) == {
    'generator': 20_303,
    'path_length': 603,
    'discriminator': 60_101,
    'r1': 60_000,
  }
  mixed = phase_work(work, TrainSettings(pl_batch_shrink=2, style_mixing_prob=0.5))
  assert mixed == {
    'generator': 20_306,
    'path_length': 303,
    'discriminator': 60_102,
    'r1': 60_000,
  }


def conv(x, weight, **options):
  numbers = ('NHWC', 'HWIO', 'NHWC')
  return jax.lax.conv_general_dilated(x, weight, dimension_numbers=numbers, **options)


def test_the_counter():
  """Known answers, and the forms that one layer may have."""
  x, weight = np.zeros((2, 4, 6, 3), np.float32), np.zeros((3, 3, 3, 5), np.float32)
  once = 2 * 2 * 4 * 6 * 9 * 3 * 5
  same = functools.partial(conv, window_strides=(1, 1), padding='SAME')
  assert count(same, x, weight) == once
  strided = functools.partial(conv, window_strides=(2, 2), padding='SAME')
  assert count(strided, x, weight) == once // 4
  transposed = functools.partial(
    conv, window_strides=(1, 1), padding=((2, 2),) * 2, lhs_dilation=(2, 2)
  )
  assert count(transposed, x, weight) == once
  flat = np.zeros((2 * 4 * 6, 3), np.float32), np.zeros((3, 45), np.float32)
  assert count(jnp.matmul, *flat) == once
  assert count(jax.jit(lambda *xs: jax.lax.map(lambda _: same(*xs), jnp.arange(7))), x, weight) == (
    7 * once
  )
  per_sample = jax.vmap(lambda x, weight: same(x[None], weight)[0], (0, None))
  assert count(per_sample, x, weight) == once
  assert count(jnp.add, x, x) == 0


def test_it_sees_a_dearer_form(monkeypatch):
  """Upsampling first and then convolving is the same network at four times the price."""

  def dear(x, weight, styles, demodulate=True, up=1):
    del styles, demodulate
    x = jnp.repeat(jnp.repeat(x, up, axis=1), up, axis=2)
    return conv(x, weight, window_strides=(1, 1), padding='SAME')

  monkeypatch.setattr(synthesis, 'modulated_conv2d', dear)
  network = network_settings(demodulation='none')
  expected = network_work(network, (16, 16), 3).synthesis
  assert traced(network, (16, 16)).synthesis > 1.3 * expected
