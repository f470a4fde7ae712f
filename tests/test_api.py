"""`StyleGAN2`, the Python API: what it loads, and that each call is the network's own formula."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stylegan2_jax
from stylegan2_jax import StyleGAN2, list_checkpoints, parse_seeds
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import random_noise
from tests.helpers import assert_trees_equal, saved_run

CLASSES = ('ant', 'bee', '0')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """(folder, state, generator, discriminator) of a conditional run that was saved."""
  return saved_run(tmp_path_factory.mktemp('conditional') / 'run', CLASSES)


@pytest.fixture(scope='module')
def gan(run):
  return StyleGAN2.load(run.path)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
  """An unconditional model."""
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('plain') / 'run').path)


def latents(n=3, width=8):
  return np.random.default_rng(5).standard_normal((n, width)).astype(np.float32)


def one_hot(*numbers):
  return np.eye(len(CLASSES), dtype=np.float32)[list(numbers)]


def test_loads_the_average_and_nothing_else_of_g(run, gan):
  expected = {
    'generator': run.state.ema_params,
    'discriminator': run.state.d_params,
    'w_avg': run.state.w_avg,
    'noise_maps': run.state.noise_maps,
  }
  assert_trees_equal(gan.params, expected)
  assert gan.class_names == CLASSES


def test_loading_touches_nothing(run):
  def contents():
    return {path: path.stat().st_mtime_ns for path in run.path.rglob('*')}

  before = contents()
  StyleGAN2.load(run.path)
  assert contents() == before


def test_loads_any_step(tmp_path):
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  second = saved_run(tmp_path / 'run', step=7, seed=2)
  load = StyleGAN2.load
  assert_trees_equal(load(first.path).params['generator'], second.state.ema_params)
  assert_trees_equal(load(first.path, step=3).params['generator'], first.state.ema_params)
  with pytest.raises(UserError, match=r'no checkpoint of step 5.*3, 7'):
    load(first.path, step=5)


def test_no_run(tmp_path):
  with pytest.raises(UserError, match='no run in'):
    StyleGAN2.load(tmp_path)


@pytest.mark.parametrize(('psi', 'cutoff'), [(1.0, None), (0.5, None), (0.5, 2)])
def test_map(run, gan, psi, cutoff):
  label = one_hot(0, 2, 1)
  variables = {'params': run.state.ema_params}
  ws = run.generator.apply(variables, jnp.asarray(latents()), jnp.asarray(label), method='map')
  expected = truncate(ws, run.state.w_avg, psi, cutoff)
  found = gan.map(latents(), label, psi, cutoff)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
  assert found.shape == (3, gan.generator.mapping.num_ws, 8)


@pytest.mark.parametrize('noise', ['const', 'random', 'none'])
def test_synthesize(run, gan, noise):
  ws = gan.map(latents(), 'bee')
  random = random_noise(jax.random.split(jax.random.key(4), 3), (8, 8))
  maps = {'const': run.state.noise_maps, 'random': random, 'none': None}[noise]
  variables = {'params': run.state.ema_params}
  expected = run.generator.apply(variables, ws, maps, method='synthesize')
  found = gan.synthesize(ws, noise, seed=4)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
  assert found.shape == (3, 8, 8, 3)


def test_synthesize_with_unknown_noise(gan):
  with pytest.raises(ValueError, match=r"'loud'.*const, random, none"):
    gan.synthesize(gan.map(latents(), 'bee'), 'loud')


def test_discriminate(run, gan):
  img = np.random.default_rng(6).uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
  label = one_hot(0, 1, 2, 0)
  expected = run.discriminator.apply(
    {'params': run.state.d_params}, jnp.asarray(img), jnp.asarray(label)
  )
  np.testing.assert_allclose(gan.discriminate(img, label), expected, rtol=1e-4, atol=1e-4)


def test_discriminator_may_be_left_out(run):
  gan = StyleGAN2.load(run.path, discriminator=False)
  assert 'discriminator' not in gan.params
  with pytest.raises(UserError, match='discriminator=True'):
    gan.discriminate(np.zeros((2, 8, 8, 3), np.float32), 'bee')


def test_sample_counts_seeds_up(gan):
  images = gan.sample(2, psi=0.7, seed=3, label='bee')
  assert images.dtype == np.float32
  alone = gan.sample_seeds([4], psi=0.7, label='bee')
  np.testing.assert_array_equal(images[1], alone[0].astype(np.float32) / 127.5 - 1)
  assert np.any(images[0] != images[1])


@pytest.mark.parametrize(
  ('label', 'numbers'),
  [
    ('bee', (1, 1)),
    (1, (1, 1)),
    ('0', (2, 2)),
    (0, (2, 2)),
    ('0,1,0', (1, 1)),
    ([0.0, 1.0, 0.0], (1, 1)),
    (['ant', 1], (0, 1)),
    (np.array([0, 1]), (2, 1)),
    (one_hot(1, 0), (1, 0)),
  ],
)
def test_ways_to_name_a_class(gan, label, numbers):
  """A class may be called by a number: then names go before numbers."""
  expected = gan.sample_seeds([0, 1], label=one_hot(*numbers))
  np.testing.assert_array_equal(gan.sample_seeds([0, 1], label=label), expected)
  others = gan.sample_seeds([0, 1], label=one_hot(*(n - 1 for n in numbers)))
  assert np.any(others != expected)


@pytest.mark.parametrize('label', ['wasp', 3, -1, ['bee', 'wasp']])
def test_unknown_class(gan, label):
  with pytest.raises(UserError, match=r'there is no class (wasp|3|-1): there are ant, bee, 0'):
    gan.sample_seeds([0, 1], label=label)


def test_between_classes(run, gan):
  """A vector need not be a class: half of the one, half of the other."""
  middle = np.array([0.5, 0.5, 0], np.float32)
  variables = {'params': run.state.ema_params}
  label = jnp.asarray(np.tile(middle, (3, 1)))
  expected = run.generator.apply(variables, jnp.asarray(latents()), label, method='map')
  for given in (middle, '0.5,0.5,0', [middle] * 3):
    np.testing.assert_allclose(gan.map(latents(), given), expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope='module')
def faces(tmp_path_factory):
  """A model of label vectors."""
  path = tmp_path_factory.mktemp('faces') / 'run'
  return StyleGAN2.load(saved_run(path, vector=2, component_names=('smiling', 'glasses')).path)


def test_a_model_of_label_vectors(faces):
  assert (faces.c_dim, faces.class_names) == (2, ())
  assert faces.component_names == ('smiling', 'glasses')
  expected = faces.sample_seeds([0, 1], label=np.array([[1, 1], [1, 1]]))
  for label in ('smiling+glasses', [1, 1], '1,1'):
    np.testing.assert_array_equal(faces.sample_seeds([0, 1], label=label), expected)
  other = faces.sample_seeds([0, 1], label=np.array([[1, 1], [1, 0]]))
  np.testing.assert_array_equal(other[0], expected[0])
  np.testing.assert_array_equal(other[1], faces.sample_seeds([1], label='smiling')[0])
  assert np.any(other[1] != expected[1])
  with pytest.raises(UserError, match='give a vector of 2 numbers, or names joined by'):
    faces.sample(1)


def test_a_conditional_model_wants_a_class(gan):
  with pytest.raises(UserError, match='name a class out of ant, bee, 0'):
    gan.sample(1)


def test_an_unconditional_model_has_no_classes(plain):
  assert plain.class_names == ()
  assert plain.sample(1).shape == (1, 8, 8, 3)
  with pytest.raises(UserError, match='unconditional'):
    plain.sample(1, label=0)


def test_truncation_towards_each_class(run, gan, plain):
  label, variables = one_hot(0, 2, 1), {'params': run.state.ema_params}
  ws = run.generator.apply(variables, jnp.asarray(latents()), jnp.asarray(label), method='map')
  means = gan.map(latents(), label, psi=0.0, center='class')
  np.testing.assert_allclose(
    gan.map(latents(), label, 0.5, 2, center='class'),
    jnp.concatenate([(ws + means)[:, :2] / 2, ws[:, 2:]], axis=1),
    rtol=1e-5,
    atol=1e-5,
  )
  many = np.random.default_rng(1).standard_normal((4000, 8)).astype(np.float32)
  of_bees = np.asarray(gan.map(many, 'bee'))[:, 0]
  error = 5 * of_bees.std(axis=0) / 4000**0.5 * 1.2
  assert (np.abs(of_bees.mean(axis=0) - means[2, 0]) < error).all()  # label 2 of these is class 1
  pictures = gan.sample_seeds([0, 1], psi=0.0, label='bee', center='class')
  np.testing.assert_array_equal(pictures[0], pictures[1])
  expected = to_uint8(gan.synthesize(means[2:]))
  assert np.abs(pictures[0].astype(int) - np.asarray(expected)[0]).max() <= 1
  with pytest.raises(UserError, match='this model is unconditional'):
    plain.sample(1, center='class')


def test_a_checkpoint_by_its_folder(tmp_path):
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  saved_run(tmp_path / 'run', step=7, seed=2)
  folder = first.path / 'checkpoints' / '3'
  assert_trees_equal(StyleGAN2.load(folder).params['generator'], first.state.ema_params)
  assert_trees_equal(StyleGAN2.load(folder, step=3).params['generator'], first.state.ema_params)
  with pytest.raises(UserError, match=r'checkpoints/3 is not step 7'):
    StyleGAN2.load(folder, step=7)
  assert (
    list_checkpoints(tmp_path / 'run') == StyleGAN2.list_checkpoints(tmp_path / 'run') == [3, 7]
  )
  with pytest.raises(UserError, match='no run in'):
    list_checkpoints(tmp_path)


def test_a_run_without_a_discriminator(tmp_path):
  """As an import of a generator alone."""
  path = saved_run(tmp_path / 'run').path
  expected = StyleGAN2.load(path).sample(2)
  step = path / 'checkpoints' / '1'
  shutil.rmtree(step / 'discriminator')
  sums = json.loads((step / 'checksums.json').read_text())
  kept = {name: value for name, value in sums.items() if not name.startswith('discriminator/')}
  (step / 'checksums.json').write_text(json.dumps(kept))
  gan = StyleGAN2.load(path)
  assert 'discriminator' not in gan.params
  np.testing.assert_array_equal(gan.sample(2), expected)


@pytest.mark.parametrize('noise', ['const', 'none', 'random', 'shared maps', 'own maps'])
def test_draw_is_synthesize_in_batches(gan, noise):
  ws = gan.map(gan.latents(range(5)), 'bee')
  shared = jax.tree.map(lambda x: -x, gan.noise_maps)
  own = random_noise(jax.random.split(jax.random.key(1), 5), (8, 8))
  maps = {'shared maps': shared, 'own maps': own}.get(noise, noise)
  expected = to_uint8(np.asarray(gan.synthesize(ws, maps, seed=2)))
  for batch_size in (2, 5, None):
    drawn = gan.draw(ws, maps, 2, batch_size)
    assert np.abs(drawn.astype(int) - expected).max() <= 1
    assert (drawn != expected).mean() < 0.01
  assert drawn.shape == (5, 8, 8, 3)
  assert drawn.dtype == np.uint8


def test_seeds_in_words(gan):
  """As `--seeds` of the commands."""
  assert parse_seeds('1,5,9-11') == [1, 5, 9, 10, 11]
  images = gan.sample_seeds(parse_seeds('4,2'), label='bee')
  np.testing.assert_array_equal(images[1], gan.sample_seeds([2], label='bee')[0])


def test_the_public_names():
  assert all(getattr(stylegan2_jax, name) for name in stylegan2_jax.__all__)
  with pytest.raises(AttributeError, match="no attribute 'StyleGAN3'"):
    stylegan2_jax.StyleGAN3  # noqa: B018


def test_latents_are_those_of_sample(gan):
  ws = gan.map(gan.latents([3, 9]), 'ant', psi=0.5, cutoff=2)
  sampled = gan.sample_seeds([3, 9], psi=0.5, label='ant', cutoff=2)
  assert np.abs(gan.draw(ws).astype(int) - sampled).max() <= 1
  assert np.any(sampled != gan.sample_seeds([3, 9], psi=0.5, label='ant'))
  np.testing.assert_array_equal(gan.predict(2, seed=4, label=1), gan.sample(2, seed=4, label=1))


def test_sizes(gan, run):
  assert (gan.z_dim, gan.w_dim, gan.num_ws, gan.size, gan.channels) == (8, 8, 4, (8, 8), 3)
  np.testing.assert_array_equal(gan.w_avg, run.state.w_avg)
  assert gan.notice == ''


def _reduced_run(path):
  """A run that was trained with reduced precision at 8x8, and a clamp that is felt."""
  saved_run(path)
  config = json.loads((path / 'config.json').read_text())
  config['network'] |= {'num_reduced': 1, 'reduced_dtype': 'bfloat16', 'clamp': 0.25}
  (path / 'config.json').write_text(json.dumps(config))
  return config


def test_float32_unless_asked_otherwise(tmp_path):
  """Also of a model that was trained in bfloat16."""
  path = tmp_path / 'run'
  _reduced_run(path)
  ws = np.asarray(StyleGAN2.load(path).map(latents()))

  def images(**dtype):
    return np.asarray(StyleGAN2.load(path, **dtype).synthesize(ws))

  with jax.enable_x64(True):
    exact = images(dtype='float64')
  assert exact.dtype == np.float64
  bounds = {'float32': (1e-9, 2e-6), 'bfloat16': (1e-3, 0.1), 'float16': (1e-5, 0.01)}
  for dtype, (least, most) in bounds.items():
    error = np.abs(images(dtype=dtype) - exact).max()
    assert least < error < most, (dtype, error)
  np.testing.assert_array_equal(images(), images(dtype='float32'))


def test_the_clamp_stays_in_any_precision(tmp_path):
  path = tmp_path / 'run'
  config = _reduced_run(path)
  clamped = StyleGAN2.load(path).sample(4)
  config['network']['clamp'] = None
  (path / 'config.json').write_text(json.dumps(config))
  assert np.abs(StyleGAN2.load(path).sample(4) - clamped).max() > 0.1


@pytest.mark.parametrize('dtype', ['int8', 'float', 'float64'])
def test_other_dtypes(plain, run, dtype):
  with pytest.raises(UserError, match='dtype'):
    StyleGAN2.load(run.path, dtype=dtype)
