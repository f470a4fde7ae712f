"""Rectangles, and squares that are no powers of two: the same networks on another constant."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.geometry import nominal_resolution, size_at
from stylegan2_jax.networks.builder import variable_shapes
from stylegan2_jax.networks.discriminator import DiscriminatorEpilogue
from stylegan2_jax.networks.noise import random_noise
from tests.helpers import names, networks, random_params, randomized, shapes_of
from tests.ops import plain

pytestmark = pytest.mark.usefixtures('x64')

# Of every size one architecture, of one size all three.
CASES = pytest.mark.parametrize(
  ('size', 'architecture'),
  [
    ((6, 8), 'orig'),
    ((6, 8), 'skip'),
    ((6, 8), 'resnet'),
    ((12, 16), 'skip'),
    ((16, 8), 'resnet'),
    ((12, 8), 'orig'),
    ((2, 10), 'resnet'),
    ((10, 10), 'resnet'),
    ((7, 5), 'skip'),
  ],
)
Z = np.random.default_rng(0).standard_normal((4, 8))


@functools.cache
def pair(size, architecture, channels=3):
  return networks(
    size, channels, dtype=jnp.float64, channel_base=16, channel_max=4, mapping_layers=1,
    g_architecture=architecture, d_architecture=architecture,
  )  # fmt: skip


def turned(x):
  """Height and width exchanged, of [..., H, W, C]."""
  return np.swapaxes(x, -3, -2)


def turned_params(params, size):
  """What the network of the turned size needs to draw, or to see, the same turned."""

  def turn(path, x):
    name = jax.tree_util.keystr(path, simple=True, separator='.')
    if name == 'b4.fc.weight':  # [C·h·w, features]
      height, width = size_at(size, 4)
      rows = np.asarray(x).reshape(-1, height, width, x.shape[1])
      return jnp.asarray(rows.swapaxes(1, 2).reshape(x.shape))
    return jnp.swapaxes(x, 0, 1) if x.ndim > 2 else x  # kernels and the constant

  return jax.tree_util.tree_map_with_path(turn, params)


@CASES
def test_turned_weights_draw_turned_pictures(size, architecture):
  """The resample filter is symmetric, so nothing tells rows from columns."""
  noise = random_noise(jax.random.split(jax.random.key(0), 4), size, jnp.float64)
  params, _ = random_params(*pair(size, architecture))

  def draw(size, params, noise):
    generator, _ = pair(size, architecture)
    return jax.jit(generator.apply)({'params': params}, Z, None, noise)

  img = draw(size, params, noise)
  assert img.shape == (4, *size, 3)
  assert np.abs(img[0] - img[1]).max() > 0.01
  other = draw(size[::-1], turned_params(params, size), jax.tree.map(lambda x: x.mT, noise))
  np.testing.assert_allclose(turned(np.asarray(other)), img, atol=1e-10)


@CASES
def test_turned_weights_judge_turned_pictures_alike(size, architecture):
  img = np.random.default_rng(1).standard_normal((4, *size, 3))
  _, params = random_params(*pair(size, architecture))

  def judge(size, params, img):
    """(logits, their gradient by the images)."""
    _, discriminator = pair(size, architecture)

    def fn(img):
      logits = discriminator.apply({'params': params}, img)
      return logits.sum(), logits

    gradient, logits = jax.jit(jax.grad(fn, has_aux=True))(img)
    return np.asarray(logits), np.asarray(gradient)

  logits, gradient = judge(size, params, img)
  assert np.ptp(logits) > 1e-3
  assert np.abs(gradient).min(axis=(0, 3)).all(), 'a pixel without influence'
  others = judge(size[::-1], turned_params(params, size), turned(img))
  np.testing.assert_allclose(others[0], logits, atol=1e-10)
  np.testing.assert_allclose(turned(others[1]), gradient, atol=1e-10)


@pytest.mark.parametrize('architecture', ['skip', 'resnet'])
def test_a_rectangle_is_the_square_far_from_the_cut(architecture):
  """At a cut right of column 4, 3 columns of the constant's block are as before; of a block twice
  as large 2·3 − 3 again, as an upsampling convolution and one more reach 3 pixels.
  """
  square, rectangle = (28, 28), (28, 16)
  noise = random_noise(jax.random.split(jax.random.key(0), 4), square, jnp.float64)
  g_params, d_params = random_params(*pair(square, architecture))
  const = g_params['synthesis']['b4']['const']
  assert const.shape == (7, 7, 4)
  b4 = {**g_params['synthesis']['b4'], 'const': const[:, :4]}
  cut_params = {**g_params, 'synthesis': {**g_params['synthesis'], 'b4': b4}}
  cut_noise = jax.tree.map(lambda x: x[:, :, : 4 * x.shape[2] // 7], noise)

  def draw(size, params, noise):
    return jax.jit(pair(size, architecture)[0].apply)({'params': params}, Z, None, noise)

  img, cut = draw(square, g_params, noise), draw(rectangle, cut_params, cut_noise)
  assert cut.shape == (4, 28, 16, 3)
  np.testing.assert_allclose(cut[:, :, :3], img[:, :, :3], atol=1e-12)
  assert np.abs(cut - img[:, :, :16]).max() > 0.01

  def features(size, img):
    """What D's last block leaves to the epilogue: [N, h0, w0, C]."""
    _, discriminator = pair(size, architecture)
    fc = d_params['b4']['fc']
    rows = fc['weight'][: 4 * math.prod(size_at(size, 4))]
    params = {**d_params, 'b4': {**d_params['b4'], 'fc': {**fc, 'weight': rows}}}
    run = jax.jit(
      functools.partial(discriminator.apply, capture_intermediates=True, mutable='intermediates')
    )
    return run({'params': params}, img)[1]['intermediates']['b8']['__call__'][0][0]

  img = np.random.default_rng(1).standard_normal((4, *square, 3))
  whole, left = features(square, img), features(rectangle, img[:, :, :16])
  assert (whole.shape, left.shape) == ((4, 7, 7, 4), (4, 7, 4, 4))
  np.testing.assert_allclose(left[:, :, :1], whole[:, :, :1], atol=1e-12)


def test_the_epilogue_by_its_formula():
  """Above all the order of the dense layer's inputs: channel, row, column."""
  x = np.random.default_rng(0).standard_normal((4, 3, 4, 2))
  layer = DiscriminatorEpilogue(2, 'orig', 2, 1, dtype=jnp.float64, param_dtype=jnp.float64)
  shapes = jax.eval_shape(layer.init, jax.random.key(0), x, None, None)['params']
  params = randomized(shapes, 1)
  p = names(params)
  assert p['fc.weight'].shape == (2 * 3 * 4, 2)
  deviation = np.sqrt(x.reshape(2, 2, 3, 4, 2).var(axis=0) + 1e-8).mean(axis=(1, 2, 3))  # [N/G]
  y = np.concatenate([x, np.tile(deviation, 2).repeat(12).reshape(4, 3, 4, 1)], axis=3)
  y = plain.conv2d(y, p['conv.weight'] / np.sqrt(3 * 9), 1, 1) + p['conv.bias']
  y = leaky_relu(y)
  flat = np.stack(
    [y[:, i, j, c] for c in range(2) for i in range(3) for j in range(4)], axis=1
  )  # [N, C·h·w]
  y = leaky_relu(flat @ p['fc.weight'] / np.sqrt(24) + p['fc.bias'])
  y = y @ p['out.weight'] / np.sqrt(2) + p['out.bias']
  np.testing.assert_allclose(layer.apply({'params': params}, x, None, None), y, atol=1e-12)


def leaky_relu(x):
  return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)


@pytest.mark.parametrize('size', [(12, 16), (96, 32), (20, 20), (112, 16), (24, 24), (64, 128)])
def test_parameters_differ_from_the_square_by_the_constant_alone(size):
  """And by the dense layer that sees it; names are those of the nominal square."""
  nominal = nominal_resolution(size)
  height, width = size_at(size, 4)
  modules, square = networks(size, channel_base=256), networks(nominal, channel_base=256)
  (g, d), (square_g, square_d) = map(names_of_shapes, (modules, square))
  assert g.pop('synthesis.b4.const') == (height, width, 8)
  assert d.pop('b4.fc.weight') == (8 * height * width, 8)
  assert square_g.pop('synthesis.b4.const') == (4, 4, 8)
  assert square_d.pop('b4.fc.weight') == (8 * 4 * 4, 8)
  assert (g, d) == (square_g, square_d)
  maps = variable_shapes(*modules)[2]
  for block, layers in maps.items():
    scale = int(block[1:]) // 4
    assert {x.shape for x in layers.values()} == {(height * scale, width * scale)}


def names_of_shapes(modules):
  return [
    {
      jax.tree_util.keystr(path, simple=True, separator='.'): leaf.shape
      for path, leaf in jax.tree.leaves_with_path(tree)
    }
    for tree in shapes_of(*modules)
  ]


def test_reduced_precision_goes_by_the_nominal_resolution():
  """(20, 20) is 5·4: b16, b8, b4. Two of three are reduced, as at 16x16."""
  generator, discriminator = networks((20, 20), num_reduced=2)
  g_params, d_params = shapes_of(generator, discriminator)

  def dtypes(module, params, *inputs):
    _, found = jax.eval_shape(
      lambda p: module.apply({'params': p}, *inputs, capture_intermediates=True), params
    )
    outputs = found['intermediates'].items()
    return {name: jax.tree.leaves(x['__call__'])[0].dtype for name, x in outputs if name[0] == 'b'}

  ws = jnp.zeros((2, generator.synthesis.num_ws, 8))
  expected = {'b4': jnp.float32, 'b8': jnp.bfloat16, 'b16': jnp.bfloat16}
  assert dtypes(generator.synthesis, g_params['synthesis'], ws) == expected
  assert dtypes(discriminator, d_params, jnp.zeros((2, 20, 20, 3))) == expected


@pytest.mark.parametrize('size', [(8, 9), (30, 32), (3, 3)])
def test_no_network_of_such_a_size(size):
  with pytest.raises(ValueError, match='must be a power of two times whole numbers'):
    networks(size)


def test_a_turned_picture_is_refused():
  _, discriminator = pair((6, 8), 'orig')
  with pytest.raises(ValueError, match=r'images must be \[N, 6, 8, 3\], got \(4, 8, 6, 3\)'):
    discriminator.apply({}, np.zeros((4, 8, 6, 3)))
