"""Differences between devices are found to the bit, and nothing else is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training import parallel
from stylegan2_jax.training.replicas import unequal_leaves

RNG = np.random.default_rng(0)
TREE = {
  'half': np.asarray(jnp.asarray(RNG.standard_normal((5, 7)), jnp.bfloat16)),
  'matrix': RNG.standard_normal((33, 65)).astype(np.float32),
  'nan': np.array([np.nan, -np.inf, 0.0], np.float32),
  'scalar': np.int32(5),
  'word': np.array([1, 2], np.uint32),
}


def compare(tree):
  """What is compared is given back, as its memory is taken."""
  return tree, unequal_leaves(tree, parallel.AXIS_NAME)


@pytest.fixture(scope='module')
def unequal():
  """From arrays [devices, ...] to the set of names that differ, which all devices agree on."""
  compiled = parallel.parallel(compare)

  def run(tree):
    found = jax.device_get(compiled(parallel.shard(tree))[1])
    assert (found == found[0]).all()
    return {name for name, differs in zip(sorted(tree), found[0], strict=True) if differs}

  return run


def copies():
  count = parallel.device_count()
  assert count > 1
  return {name: np.repeat(np.asarray(x)[None], count, axis=0) for name, x in TREE.items()}


def test_equal_copies(unequal):
  """NaN equals NaN."""
  assert unequal(copies()) == set()


@pytest.mark.parametrize('device', [0, 1, 3])
@pytest.mark.parametrize('name', TREE)
def test_one_bit_on_one_device(name, device, unequal):
  tree = copies()
  bits = tree[name][device : device + 1].reshape(-1).view(np.uint8)
  bits[bits.size // 2] ^= 1
  assert unequal(tree) == {name}


def test_the_sign_of_zero(unequal):
  tree = copies()
  tree['nan'][2, 2] = -0.0
  assert unequal(tree) == {'nan'}


def test_the_order_of_values(unequal):
  """Sums over an array would not see it."""
  tree = copies()
  tree['matrix'][1] = tree['matrix'][1, ::-1]
  tree['word'][1] = tree['word'][1, ::-1]
  assert unequal(tree) == {'matrix', 'word'}


def test_double_precision(x64, unequal):
  x = np.ones((parallel.device_count(), 4))
  x[1, 2] += 2.3e-16  # the last bit
  assert x[1, 2] != 1
  assert unequal({'x': x, 'y': np.ones_like(x)}) == {'x'}
