"""The one place that knows how work lies on devices: pmap over all local ones.

A replicated tree has a leading device axis of equal copies; a sharded one has a leading axis of
different pieces. The phases are written against AXIS_NAME and know no more than that.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax
from flax import jax_utils

AXIS_NAME = 'devices'

_identity = jax.pmap(lambda tree: tree)  # made once: each new function would be compiled anew


def device_count() -> int:
  """How many devices share a batch."""
  return jax.local_device_count()


def replicate(tree):
  """Copies every array to every device, with a leading device axis."""
  return jax_utils.replicate(tree)


def shard(tree):
  """Puts piece i of every array [devices, ...] on device i."""
  return _identity(tree)


def unreplicate(tree):
  """The first device's copy, without the device axis."""
  return jax_utils.unreplicate(tree)


def parallel(fn: Callable) -> Callable:
  """fn(state, ...) on every device at once; the state's memory is reused for the result."""
  return jax.pmap(fn, axis_name=AXIS_NAME, donate_argnums=(0,))


def compile_all(
  functions: dict[str, tuple[Callable, tuple]], announce: Callable[[str, float], None]
) -> dict[str, Callable]:
  """Compiles functions side by side, as many at a time as there are processors.

  Args:
    functions: name -> (a jitted or `parallel` function, example arguments).
    announce: called with name and seconds as each is done.

  Returns:
    name -> the compiled function, which takes arguments of just these shapes.
  """

  def compile_one(name):
    start = time.perf_counter()
    fn, arguments = functions[name]
    compiled = fn.lower(*arguments).compile()
    announce(name, time.perf_counter() - start)
    return compiled

  with ThreadPoolExecutor(os.cpu_count()) as pool:
    return dict(zip(functions, pool.map(compile_one, functions), strict=True))
