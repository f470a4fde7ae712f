"""Times and traces what a training step is made of, one compiled function after another."""

import pathlib
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from stylegan2_jax.training.engine import Engine

TRACED_CALLS = 3
_WARM_UP_CALLS = 2


class Measured(NamedTuple):
  """What was found out about one compiled function."""

  seconds: list[float]  # of each timed call
  trace: pathlib.Path  # the .xplane.pb of TRACED_CALLS more


def measure(
  engine: Engine, batch: dict[str, np.ndarray], calls: int, folder: pathlib.Path
) -> dict[str, Measured]:
  """Runs each phase, and what ends a step, by itself: to warm up, against the clock, and traced.

  A call ends when its results are there, so nothing overlaps. The state moves on as if each phase
  were the only one; use the engine for nothing else.

  Args:
    engine: compiled.
    batch: as for `Engine.step`.
    calls: how many are timed.
    folder: gets a folder for each function, which holds its trace.

  Returns:
    name, as in `Engine.compiled`, -> what was measured, in the order in which they run.
  """
  found: dict[str, Measured] = {}
  compiled = dict(engine.compiled)

  def probe(name):
    def call(state, *rest):
      results, found[name] = _measure_one(compiled[name], state, rest, calls, folder / name)
      return results

    return call

  engine.compiled.update({name: probe(name) for name in compiled})
  try:
    engine.step(0, batch)  # in which all phases are due
  finally:
    engine.compiled.update(compiled)
  return found


def _measure_one(function, state, rest, calls, folder) -> tuple[Any, Measured]:
  """(results of the last call, what was measured); each call gets the state of the one before."""
  results = (state,)
  for _ in range(_WARM_UP_CALLS):
    results = jax.block_until_ready(function(results[0], *rest))
  seconds = []
  for _ in range(calls):
    begun = time.perf_counter()
    results = jax.block_until_ready(function(results[0], *rest))
    seconds.append(time.perf_counter() - begun)
  options = jax.profiler.ProfileOptions()
  options.python_tracer_level = 0  # Python waits: what it calls meanwhile says nothing
  with jax.profiler.trace(str(folder), profiler_options=options):
    for number in range(TRACED_CALLS):
      with jax.profiler.StepTraceAnnotation(folder.name, step_num=number):
        results = jax.block_until_ready(function(results[0], *rest))
  return results, Measured(seconds, max(folder.rglob('*.xplane.pb')))
