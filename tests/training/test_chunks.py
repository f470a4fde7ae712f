"""Micro-batches: their indices, and means over them wherever they run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training.chunks import Chunks, chunk_layout, mean_over_chunks


def test_layout():
  layout = chunk_layout(12, 2, 3)
  np.testing.assert_array_equal(layout.index, [[0, 1], [2, 3], [4, 5]])
  expected = [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
  np.testing.assert_array_equal(layout.sample, expected)
  assert layout.index.dtype == layout.sample.dtype == np.int32


@pytest.mark.parametrize(('batch', 'chunk', 'devices'), [(8, 3, 1), (8, 4, 4), (6, 2, 2)])
def test_a_layout_that_does_not_divide(batch, chunk, devices):
  with pytest.raises(ValueError, match=f'{batch} samples in chunks of {chunk}'):
    chunk_layout(batch, chunk, devices)


@pytest.mark.parametrize(('chunk', 'devices'), [(8, 1), (2, 1), (2, 4), (2, 2), (4, 2)])
def test_mean_over_chunks(chunk, devices, x64):
  """A function that is no sum over samples tells chunks of different sizes apart."""
  images = np.random.default_rng(0).standard_normal((8, 2))
  layout = chunk_layout(8, chunk, devices)
  chunks = layout.replace(images=images.reshape(*layout.sample.shape, 2))

  def fn(chunk: Chunks):
    return {'product': chunk.images.prod(axis=0), 'index': chunk.index * 1.0}

  mean = jax.pmap(functools.partial(mean_over_chunks, fn, axis_name='d'), axis_name='d')(chunks)
  products = images.reshape(-1, chunk, 2).prod(axis=1)
  for device in range(devices):
    np.testing.assert_allclose(mean['product'][device], products.mean(axis=0), rtol=1e-12)
    assert mean['index'][device] == (8 // chunk - 1) / 2


def test_without_a_device_axis():
  chunks = jax.tree.map(lambda x: jnp.asarray(x[0]), chunk_layout(6, 2, 1))
  mean = mean_over_chunks(lambda c: c.sample.astype(jnp.float32).max(), chunks, None)
  assert mean == (1 + 3 + 5) / 3
