"""The draws of training: from what they follow, and their distribution."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training.chunks import Chunks
from stylegan2_jax.training.latents import (
  augment_keys,
  draw_latents,
  draw_mixing_cutoff,
  label_vectors,
  mix_styles,
  phase_key,
)
from stylegan2_jax.training.schedule import PHASES
from tests.helpers import names, networks

ROOT = jax.random.key_data(jax.random.key(0))
GENERATOR, _ = networks(8)
CONDITIONAL, _ = networks(8, c_dim=5)
CLASSES = np.array([0, 0, 0, 3], np.int32)  # 0 is the more frequent; 1, 2 and 4 do not occur


@jax.jit
def draw(samples, chunk=0, step=0):
  key = phase_key(ROOT, step, 'path_length')
  chunks = Chunks(index=jnp.int32(chunk), sample=samples)
  return draw_latents(key, chunks, CONDITIONAL, jnp.asarray(CLASSES), 0.9, True)


def per_sample(latents):
  """The fields that belong to samples."""
  return names(latents.replace(mixing_cutoff=None))


def test_draws_follow_the_global_sample_index():
  """Samples 4 to 7 are the same in whichever chunk and company (the cutoff is the chunk's)."""
  one, other = per_sample(draw(jnp.arange(8))), per_sample(draw(jnp.arange(4, 12), chunk=1))
  for name, value in one.items():
    np.testing.assert_array_equal(value[4:], other[name][:4], name)


def test_shapes():
  shapes = {name: value.shape for name, value in names(draw(jnp.arange(8))).items()}
  assert shapes == {
    'z': (8, 8),
    'label': (8, 5),
    'noise.b4.conv1': (8, 4, 4),
    'noise.b8.conv0': (8, 8, 8),
    'noise.b8.conv1': (8, 8, 8),
    'mixing_z': (8, 8),
    'mixing_cutoff': (),
    'path_noise': (8, 8, 8, 3),
  }


def test_nothing_is_drawn_twice():
  """No value of one field, sample or step turns up in another (but by the chance of rounding)."""
  draws = [draw(jnp.arange(8), step=step) for step in range(2)]
  values = [v for d in draws for name, v in names(d).items() if v.ndim > 0 and name != 'label']
  values = np.concatenate([v.ravel() for v in values])
  assert np.unique(values).size > 0.999 * values.size


def test_phases_and_steps_have_keys_of_their_own():
  keys = {
    tuple(jax.random.key_data(phase_key(ROOT, step, phase)).tolist())
    for step in range(20)
    for phase in PHASES
  }
  assert len(keys) == 20 * len(PHASES)
  other_root = jax.random.key_data(jax.random.key(1))
  assert tuple(jax.random.key_data(phase_key(other_root, 0, 'r1')).tolist()) not in keys


def test_every_use_has_a_key_of_its_own():
  """Also the augmentation of reals and fakes in each phase; those of a sample are its own."""
  phases = (*PHASES, 'interpolation')
  raw = [jax.random.key_data(phase_key(ROOT, 3, phase)).tolist() for phase in phases]
  samples = jnp.arange(4)
  for phase, what in (
    *(('generator', 'fake'), ('generator', 'real'), ('discriminator', 'fake')),
    *(('discriminator', 'real'), ('r1', 'fake'), ('r1', 'real'), ('held_out', 'real')),
  ):
    keys = augment_keys(ROOT, 3, phase, what, samples)
    raw += jax.random.key_data(keys).tolist()
    np.testing.assert_array_equal(
      jax.random.key_data(augment_keys(ROOT, 3, phase, what, samples[2:])),
      jax.random.key_data(keys[2:]),
    )
  assert len({tuple(key) for key in raw}) == len(raw) == 5 + 7 * 4


@pytest.fixture(scope='module')
def many():
  """The draws of samples 0 to 999, field by field."""
  parts = [per_sample(draw(jnp.arange(start, start + 8))) for start in range(0, 1000, 8)]
  return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_draws_are_standard_normal(many):
  for name, value in many.items():
    if name != 'label':
      size = value.size
      assert abs(value.mean()) < 5 / size**0.5, name
      assert abs(value.std() - 1) < 5 / (2 * size) ** 0.5, name
      by_sample = value.reshape(1000, -1)[:, :8]
      correlation = np.corrcoef(by_sample[:-1].ravel(), by_sample[1:].ravel())[0, 1]
      assert abs(correlation) < 0.06, name


def test_labels_are_drawn_from_the_data_set(many):
  labels = many['label']
  assert labels.dtype == np.float32
  counts = np.asarray(labels.sum(axis=0))
  np.testing.assert_array_equal(labels.sum(axis=1), 1)
  assert counts[[1, 2, 4]].sum() == 0
  assert abs(counts[0] - 750) < 5 * (1000 * 0.75 * 0.25) ** 0.5


def test_label_vectors():
  vectors = np.random.default_rng(0).standard_normal((6, 5))
  np.testing.assert_array_equal(label_vectors(jnp.asarray(vectors), 5, 'f4'), vectors.astype('f4'))
  np.testing.assert_array_equal(label_vectors(jnp.array([2, 0]), 3, 'f4'), np.eye(3)[[2, 0]])


@pytest.mark.parametrize(('prob', 'num_ws'), [(0.9, 8), (0.5, 4), (1.0, 2)])
def test_mixing_cutoffs(prob, num_ws):
  """Uniform in {1, …, num_ws − 1} with `prob`, else num_ws: a χ² test."""
  keys = jax.random.split(jax.random.key(1), 4000)
  cutoffs = jax.jit(jax.vmap(lambda k: draw_mixing_cutoff(k, num_ws, prob)))(keys)
  assert cutoffs.dtype == jnp.int32
  counts = collections.Counter(cutoffs.tolist())
  expected = dict.fromkeys(range(1, num_ws), 4000 * prob / (num_ws - 1))
  if prob < 1:
    expected[num_ws] = 4000 * (1 - prob)
  assert set(counts) == set(expected)
  chi2 = sum((counts[i] - e) ** 2 / e for i, e in expected.items())
  freedom = len(expected) - 1
  assert chi2 <= freedom + 4 * (2 * freedom) ** 0.5


def test_a_chunk_has_one_cutoff_of_its_own():
  cutoffs = {
    (chunk, step): int(draw(jnp.arange(8), chunk, step).mixing_cutoff)
    for chunk in range(8)
    for step in range(8)
  }
  for index in range(8):
    assert len({cutoffs[index, step] for step in range(8)}) > 1
    assert len({cutoffs[chunk, index] for chunk in range(8)}) > 1
  assert set(cutoffs.values()) == {1, 2, 3, 4}


def test_what_is_not_needed_is_not_drawn():
  chunk = Chunks(index=jnp.int32(0), sample=jnp.arange(4))
  key = jax.random.key(0)
  latents = jax.eval_shape(lambda key: draw_latents(key, chunk, GENERATOR, None, 0.0), key)
  assert latents.label is latents.mixing_z is latents.mixing_cutoff is latents.path_noise is None


@pytest.mark.parametrize('cutoff', [1, 2, 4])
def test_mix_styles(cutoff):
  ws, others = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
  mixed = mix_styles(ws, others, jnp.int32(cutoff))
  np.testing.assert_array_equal(mixed[:, :cutoff], ws[:, :cutoff])
  np.testing.assert_array_equal(mixed[:, cutoff:], others[:, cutoff:])
