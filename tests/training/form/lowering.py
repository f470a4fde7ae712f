"""The functions of a training step as training makes them, translated but not compiled."""

import functools
import math
import re
import sys

import jax
import numpy as np
import pytest

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.sampler import images_of_seeds
from stylegan2_jax.settings import Settings
from stylegan2_jax.training import parallel
from stylegan2_jax.training.engine import Engine
from tests.helpers import state_shapes


def engine_functions(settings: Settings, c_dim: int = 0) -> dict:
  """What the engine has compiled: name -> (function, arguments). The state is full of zeros."""
  modules = build_networks(settings.network, settings.data.size, settings.data.channels, c_dim)
  shapes = state_shapes(*modules, settings.train)
  state = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
  labels = np.zeros(5, np.int32) if c_dim else None
  found = {}
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(
      parallel, 'compile_all', lambda functions, _: found.update(functions) or functions
    )
    Engine(settings, modules, state, labels).compile(lambda *_: None)
  return found


def lowered(settings: Settings, c_dim: int = 0, only=()) -> dict[str, jax.stages.Lowered]:
  """All functions of the engine, or some of them."""
  functions = engine_functions(settings, c_dim)
  return {
    name: fn.lower(*arguments)
    for name, (fn, arguments) in functions.items()
    if not only or name in only
  }


def lowered_sampling(settings: Settings, noise: str) -> jax.stages.Lowered:
  """Pictures of seeds, drawn by an unconditional G."""
  modules = build_networks(settings.network, settings.data.size, settings.data.channels, 0)
  state = state_shapes(*modules, settings.train)
  draw = jax.jit(functools.partial(images_of_seeds, modules[0], noise))
  weights = state.ema_params, state.w_avg, state.noise_maps
  psi, cutoff = np.float32(0.7), np.int32(modules[0].synthesis.num_ws)
  return draw.lower(weights, np.zeros(4, np.uint32), None, psi, cutoff)


def group_counts(text: str) -> list[int]:
  """The groups that each convolution of a program splits features and batch into."""
  return [int(n) for n in re.findall(r'(?:feature|batch)_group_count = (\d+)', text)]


def orders_of_axes(text: str) -> set[str]:
  """Those of the convolutions of a program: of image, kernel and result."""
  return set(re.findall(r'dim_numbers = (\[[^{]*\]), window', text))


def most_numbers(text: str, dtype: str) -> int:
  """How many numbers the largest array of a dtype has in a program; 0: there is none, 1: scalars.

  >>> most_numbers('stablehlo.convert %0 : (tensor<2x4xbf16>) -> tensor<3xf64>, tensor<f64>', 'f64')
  3
  """
  shapes = re.findall(rf'(?:tensor|complex)<((?:\d+x)*){dtype}\b', text)
  return max((math.prod(map(int, shape.split('x')[:-1])) for shape in shapes), default=0)


def replace_everywhere(patch: pytest.MonkeyPatch, function, other) -> None:
  """Puts another function in the place of one, in all modules of the package that know it."""
  places = [
    (module, name)
    for module_name, module in list(sys.modules.items())
    if module_name.startswith('stylegan2_jax.')
    for name, value in list(vars(module).items())
    if value is function
  ]
  assert len(places) > 1, 'nobody uses it'
  for module, name in places:
    patch.setattr(module, name, other)
