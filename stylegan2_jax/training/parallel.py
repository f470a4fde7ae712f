"""The one place that knows how work lies on devices: pmap over those of all hosts.

A replicated tree has a leading device axis of equal copies; a sharded one has a leading axis of
different pieces. That axis is as long as the whole job has devices, and each host holds the rows of
its own: host 0's come first. The phases are written against AXIS_NAME and know no more than that.
"""

import functools
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np

from stylegan2_jax import backend
from stylegan2_jax.errors import UserError

AXIS_NAME = 'devices'


def devices() -> tuple[jax.Device, ...]:
  """All devices that share a batch, in the order of the device axis.

  Raises:
    UserError: the hosts have different numbers of them.
  """
  backend.run_where_called()
  hosts = [jax.local_devices(process_index=host) for host in range(jax.process_count())]
  counts = [len(host) for host in hosts]
  if len(set(counts)) > 1:
    listed = ', '.join(f'host {host}: {count}' for host, count in enumerate(counts))
    raise UserError(
      f'the hosts have different numbers of devices ({listed}): give each as many, '
      'for example by CUDA_VISIBLE_DEVICES'
    )
  return tuple(device for host in hosts for device in host)


def device_count() -> int:
  """How many devices share a batch, on all hosts together."""
  return len(devices())


def local_device_count() -> int:
  """How many of them this host has."""
  return len(_local(devices()))


def local_rows(tree):
  """Of arrays [devices, ...] the rows of this host's devices; in one process all of them."""
  everywhere = devices()
  here = _local(everywhere)
  if len(here) == len(everywhere):
    return tree
  first = everywhere.index(here[0])
  return jax.tree.map(lambda x: x[first : first + len(here)], tree)


def replicate(tree):
  """Copies every array to every device, with a leading device axis."""
  count = local_device_count()
  return shard(jax.tree.map(lambda x: np.broadcast_to(x, (count, *np.shape(x))), tree))


def shard(tree):
  """Puts piece i of every array [local devices, ...] on device i of this host."""
  everywhere = devices()
  sharding = _sharding(everywhere)

  def put(x):
    return jax.make_array_from_process_local_data(sharding, x, (len(everywhere), *x.shape[1:]))

  return jax.tree.map(put, jax.tree.map(np.asarray, tree))


def unreplicate(tree):
  """The copy on this host's first device, without the device axis; it stays there."""
  return jax.tree.map(lambda x: x.addressable_data(0)[0], tree)


def fetch(tree):
  """The copy on this host's first device as numpy arrays: all on their way at once."""
  rows = jax.device_get(jax.tree.map(lambda x: x.addressable_data(0), tree))
  return jax.tree.map(lambda x: x[0], rows)


def parallel(fn: Callable) -> Callable:
  """fn(state, ...) on every device at once; the state's memory is reused for the result."""
  return jax.pmap(fn, axis_name=AXIS_NAME, donate_argnums=(0,), devices=devices())


class LocalMap:
  """fn(weights, ...) on every device of this host at once, for work that the hosts do not share."""

  def __init__(self, fn: Callable, weights):
    """Puts a copy of `weights`, a tree of arrays, on each device.

    Args:
      fn: pure; returns a tree of arrays. Of equal functions the program is compiled once.
      weights: its first argument.
    """
    here = tuple(_local(devices()))
    self.count = len(here)
    self._sharding = _sharding(here)
    self._fn = _mapped(fn, here)
    self._weights = jax.tree.map(self._copies, weights)

  def __call__(self, *arguments):
    """Arrays [n, ...], of which each device takes an n-th part; n is a multiple of `count`.

    Returns:
      A tree of arrays [count, n / count, ...], which may still be under way.
    """
    return self._fn(self._weights, *jax.tree.map(self._pieces, arguments))

  def _copies(self, x):
    return jax.device_put(np.broadcast_to(x, (self.count, *np.shape(x))), self._sharding)

  def _pieces(self, x):
    return jax.device_put(x.reshape(self.count, -1, *x.shape[1:]), self._sharding)


def compile_all(
  functions: dict[str, tuple[Callable, tuple]], announce: Callable[[str, float], None]
) -> dict[str, Callable]:
  """Compiles functions, each while the next is traced.

  Tracing holds Python's lock, so that all of it happens in the calling thread. XLA itself compiles
  one program on several processors: more programs than half of those at a time take longer.

  Args:
    functions: name -> (a jitted or `parallel` function, example arguments).
    announce: called with name and seconds as each is done, in any thread.

  Returns:
    name -> the compiled function, which takes arguments of just these shapes.
  """
  in_turn = jax.process_count() > 1 and jax.default_backend() == 'cpu'

  def compile_one(name, lowered, seconds):
    start = time.perf_counter()
    compiled = lowered.compile()
    announce(name, seconds + time.perf_counter() - start)
    return _OneAtATime(compiled) if in_turn else compiled

  with ThreadPoolExecutor(max(1, os.cpu_count() // 2)) as pool:
    try:
      futures = {}
      for name, (fn, arguments) in functions.items():
        start = time.perf_counter()
        lowered = fn.lower(*arguments)
        futures[name] = pool.submit(compile_one, name, lowered, time.perf_counter() - start)
      return {name: future.result() for name, future in futures.items()}
    except BaseException:  # such as Ctrl-C: what has not begun is not worth waiting for
      pool.shutdown(wait=False, cancel_futures=True)
      raise


class _OneAtATime:
  """A compiled function that returns when its result is there.

  On the CPUs of several hosts, programs under way side by side may wait for each other for ever:
  the messages of their collective operations are told apart by their order alone.
  """

  def __init__(self, compiled):
    self._compiled = compiled

  def __call__(self, *arguments):
    return jax.block_until_ready(self._compiled(*arguments))

  def __getattr__(self, name):
    return getattr(self._compiled, name)


def _local(everywhere: Sequence[jax.Device]) -> list[jax.Device]:
  return [device for device in everywhere if device.process_index == jax.process_index()]


@functools.lru_cache(maxsize=32)
def _mapped(fn: Callable, here: tuple[jax.Device, ...]) -> Callable:
  """Kept, as JAX compiles again for what it has not mapped itself."""
  return jax.pmap(fn, devices=here)


@functools.cache
def _sharding(everywhere: tuple[jax.Device, ...]) -> jax.sharding.Sharding:
  mesh = jax.sharding.Mesh(np.array(everywhere), (AXIS_NAME,))
  return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(AXIS_NAME))
