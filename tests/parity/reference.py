"""Reads the reference answers: which cases there are, their arrays, and networks of their sizes.

The folder is the one that the environment variable STYLEGAN2_REFERENCE names, else
tests/reference. What a case is follows from its entry in index.json, never from its name.
"""

import functools
import json
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.importers.official_names import from_tree
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import NetworkSettings
from tests.official_trees import buffers, to_tree

FOLDER = pathlib.Path(
  os.environ.get('STYLEGAN2_REFERENCE') or pathlib.Path(__file__).parents[1] / 'reference'
)

_KINDS = {
  'fir': lambda entry: 'filter' in (entry.get('cases') or [{}])[0],
  'modulated_conv': lambda entry: 'demodulate' in (entry.get('cases') or [{}])[0],
  'generator': lambda entry: 'z' in entry.get('config', {}),
  'discriminator': lambda entry: 'group' in entry.get('config', {}),
  'augment': lambda entry: 'transform' in (entry.get('cases') or [{}])[0],
  'training_run': lambda entry: 'steps' in entry,
}


@functools.cache
def index() -> dict:
  """The whole of index.json."""
  return json.loads((FOLDER / 'index.json').read_text())


def names(kind: str) -> list[str]:
  """The files of one kind."""
  return [name for name, entry in index().items() if _KINDS[kind](entry)]


@functools.cache
def arrays(name: str) -> dict[str, np.ndarray]:
  """All arrays of a file."""
  with np.load(FOLDER / f'{name}.npz') as file:
    return dict(file)


def under(data: dict, prefix: str) -> dict[str, np.ndarray]:
  """The arrays below a prefix: under(data, 'param/')['b4.conv.weight']."""
  return {key.removeprefix(prefix): value for key, value in data.items() if key.startswith(prefix)}


def nhwc(x: np.ndarray, dtype=np.float64) -> jax.Array:
  """NCHW to NHWC."""
  return jnp.asarray(x, dtype).transpose(0, 2, 3, 1)


def nchw(x: jax.Array) -> np.ndarray:
  """NHWC to NCHW."""
  return np.asarray(x).transpose(0, 3, 1, 2)


def networks(g: dict | None = None, d: dict | None = None, dtype=jnp.float64, channels: int = 3):
  """(generator, discriminator) of the sizes of an entry; what is not given takes the other's."""
  g_sizes, d_sizes = g or d, d or g
  generator = _build(g_sizes, channels, dtype)[0]
  return generator, _build(d_sizes, channels, dtype)[1]


def _build(sizes, channels, dtype):
  settings = NetworkSettings(
    z_dim=sizes.get('z', 16),
    w_dim=sizes.get('w', 16),
    mapping_layers=sizes.get('layers', 2),
    channel_base=sizes['base'],
    channel_max=sizes['cmax'],
    g_architecture=sizes['arch'],
    d_architecture=sizes['arch'],
    mbstd_group=sizes.get('group'),
    mbstd_features=sizes.get('nch', 1),
  )
  size = (sizes['res'], sizes['res'])
  pair = build_networks(settings, size, channels, sizes['c_dim'], dtype)
  generator, discriminator = pair
  # The builder clamps only beside reduced precision; the reference does so in any.
  synthesis = generator.synthesis.clone(clamp=sizes['clamp'], parent=None)
  return (
    generator.clone(synthesis=synthesis, parent=None),
    discriminator.clone(clamp=sizes['clamp'], parent=None),
  )


def generator_weights(official: dict, dtype=np.float64):
  """(parameters, noise maps, w_avg) from official arrays."""
  maps, w_avg = buffers(official, dtype)
  to_jax = functools.partial(jax.tree.map, jnp.asarray)
  return to_jax(to_tree(official, dtype)), to_jax(maps), jnp.asarray(w_avg)


def discriminator_weights(official: dict, dtype=np.float64):
  """Parameters from official arrays."""
  return jax.tree.map(jnp.asarray, to_tree(official, dtype))


def labels(c: np.ndarray, dtype=np.float64):
  """[N, c_dim], or None where c_dim is 0."""
  return jnp.asarray(c, dtype) if c.shape[1] else None


def check(actual, expected, rtol: float, what: str):
  """max |actual − expected| ≤ rtol·max |expected|."""
  actual, expected = np.asarray(actual), np.asarray(expected)
  assert actual.shape == expected.shape, f'{what}: {actual.shape} instead of {expected.shape}'
  scale = np.abs(expected).max()
  error = np.abs(actual - expected).max()
  assert error <= rtol * max(scale, 1e-12), f'{what}: off by {error:.3g}, largest is {scale:.3g}'


def check_norms(gradients, expected: dict[str, np.ndarray], rtol: float, what: str):
  """Norms of every parameter's gradient; a parameter without one in the reference has 0."""
  ours = {name: np.linalg.norm(value) for name, value in from_tree(gradients).items()}
  assert set(expected) <= set(ours), f'{what}: unknown parameters {set(expected) - set(ours)}'
  largest = max(float(value) for value in expected.values())
  for name, norm in ours.items():
    bound = rtol * max(float(expected.get(name, 0)), 1e-6 * largest)
    assert abs(norm - expected.get(name, 0)) <= bound, f'{what} of {name}: {norm}'
