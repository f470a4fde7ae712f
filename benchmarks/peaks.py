"""What this machine can do at best, measured in the process that measures something else.

Machines differ and are shared; shares of a peak that was measured a moment before can be compared.
"""

import statistics
import time

import jax
import jax.numpy as jnp

_SIDES = {'cpu': 2048, 'gpu': 8192, 'tpu': 8192}  # of the matrices
_MIB = {'cpu': 256, 'gpu': 2048, 'tpu': 2048}  # of what is copied


class Peaks:
  """Rates of matrix products in two precisions, and of copying memory."""

  def __init__(self):
    """Compiles; `measure` may then be called as often as there are rounds."""
    platform = jax.default_backend()
    self._side = side = _SIDES.get(platform, 2048)
    # float32 in full, and as the platform multiplies unless told otherwise (TF32 on some GPUs).
    self._matrices = {
      name: (jax.random.normal(jax.random.key(0), (side, side), dtype), precision)
      for name, dtype, precision in (
        ('float32', jnp.float32, 'highest'),
        ('float32_default', jnp.float32, 'default'),
        ('bfloat16', jnp.bfloat16, 'default'),
      )
    }
    self._product = jax.jit(
      lambda x, precision: jnp.matmul(x, x, precision=precision), static_argnums=1
    )
    self._block = jnp.ones((_MIB.get(platform, 256) * 2**18,), jnp.float32)
    self._copy = jax.jit(lambda x: x + 1)
    self._found = {name: [] for name in (*self._matrices, 'copy')}

  def measure(self, repeats: int = 3) -> dict[str, float]:
    """The best of a few: operations/s of the products, bytes/s read and written by the copy."""
    rates = {}
    for name, (x, precision) in self._matrices.items():
      seconds = best_of(repeats, lambda: self._product(x, precision))  # noqa: B023
      rates[name] = 2 * self._side**3 / seconds
    rates['copy'] = 2 * self._block.nbytes / best_of(repeats, lambda: self._copy(self._block))
    for name, rate in rates.items():
      self._found[name].append(rate)
    return rates

  def summary(self) -> dict[str, float]:
    """Medians of all rounds, in 1e9 operations or bytes a second."""
    names = {'copy': 'copy_gbyte_per_s'}
    return {
      names.get(name, f'{name}_gflop_per_s'): round(statistics.median(rates) / 1e9, 1)
      for name, rates in self._found.items()
    }


def best_of(repeats: int, function) -> float:
  """Seconds of the fastest of some calls, to the end of their work; one call before warms up."""
  jax.block_until_ready(function())
  times = []
  for _ in range(repeats):
    begun = time.perf_counter()
    jax.block_until_ready(function())
    times.append(time.perf_counter() - begun)
  return min(times)
