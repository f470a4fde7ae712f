"""The operations in a trace of JAX's profiler: which there were, and how long each took."""

import collections
import pathlib
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import jax

from stylegan2_jax.tools.hlo import Instruction, instructions

# These last as long as the operations in them, which are in the trace themselves.
_CONTAINERS = ('while', 'conditional', 'call')


class Operation(NamedTuple):
  """One operation of a program, over all the times that it ran in a trace."""

  name: str  # in the program; of a GPU's kernel that is no single operation the kernel's
  kind: str
  module: str  # this and the next as in `hlo.Instruction`
  source: str
  seconds: float  # in one call of the program on one device
  count: float  # how often it runs in such a call


def read_operations(trace: pathlib.Path, program: str, runs: int) -> list[Operation]:
  """The operations in a trace, the most expensive first.

  Args:
    trace: an .xplane.pb in which only this program ran.
    program: its text, as `Compiled.as_text()` gives it.
    runs: how often it ran, counting each device by itself.
  """
  return operations_of(jax.profiler.ProfileData.from_file(str(trace)), program, runs)


def operations_of(profile: jax.profiler.ProfileData, program: str, runs: int) -> list[Operation]:
  """As `read_operations`, of a trace that is in memory."""
  known = instructions(program)
  by_kernel = {re.sub(r'[.\-]', '_', name): name for name in known}  # as GPUs' kernels are named
  nanoseconds, counts = collections.Counter(), collections.Counter()
  for name, duration in _events(profile):
    name = name if name in known else by_kernel.get(name, name)
    nanoseconds[name] += duration
    counts[name] += 1
  found = []
  for name, duration in nanoseconds.most_common():
    instruction = known.get(name, Instruction('kernel', '', ''))
    if instruction.kind not in _CONTAINERS:
      found.append(Operation(name, *instruction, duration / 1e9 / runs, counts[name] / runs))
  return found


def _events(profile: jax.profiler.ProfileData) -> Iterator[tuple[str, float]]:
  """(operation, or kernel where a GPU does not say of which; nanoseconds) of all that ran."""
  with warnings.catch_warnings():
    # JAX's own types lack a __module__, which Python 3.12 and later complain about.
    warnings.filterwarnings('ignore', 'builtin type .* has no __module__', DeprecationWarning)
    lines = [line for plane in profile.planes for line in _device_lines(plane)]
    for line in lines:
      for event in line.events:
        name = dict(event.stats).get('hlo_op') or _leading_name(event.name)
        yield name, event.duration_ns
    if lines:
      return
    for plane in profile.planes:  # a CPU: operations are among what its threads did
      for line in plane.lines:
        for event in line.events:
          name = dict(event.stats).get('hlo_op')
          if name is not None:
            yield name, event.duration_ns


def _device_lines(plane) -> list:
  """Of a GPU its streams; of a TPU the line of operations; of a CPU and all else nothing."""
  if not plane.name.startswith('/device:'):
    return []
  lines = list(plane.lines)
  streams = [line for line in lines if line.name.startswith('Stream')]
  return streams or [line for line in lines if line.name == 'XLA Ops']


def _leading_name(text: str) -> str:
  """`fusion.1` of `%fusion.1 = f32[8] fusion(...)`, as TPUs name events; other names as they are.

  >>> _leading_name('%fusion.1 = f32[8]{0} fusion(...)'), _leading_name('void gemm<float, 4>(int)')
  ('fusion.1', 'void gemm<float, 4>(int)')
  """
  match = re.match(r'%([\w.\-]+) = ', text)
  return match[1] if match else text
