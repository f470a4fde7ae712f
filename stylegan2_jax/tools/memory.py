"""What memory a compiled training step needs on a device, as XLA plans it."""

import os
from collections.abc import Mapping
from typing import Any

import jax

from stylegan2_jax.tools.tables import aligned, in_bytes


def memory_lines(compiled: Mapping[str, Any]) -> list[str]:
  """Lines: what each program needs on a device, and whether a device has so much.

  Args:
    compiled: name -> a compiled program.
  """
  rows = [('memory of a device', 'arguments', 'results', 'temporary', 'together')]
  peaks = {}
  for name, program in compiled.items():
    found = program.memory_analysis()
    if found is None:  # not every backend knows
      rows.append((name, *['unknown'] * 4))
      continue
    # Results that take the place of arguments, as the train state does, need nothing more.
    results = found.output_size_in_bytes - found.alias_size_in_bytes
    parts = (found.argument_size_in_bytes, results, found.temp_size_in_bytes)
    peaks[name] = sum(parts)
    rows.append((name, *(in_bytes(part) for part in (*parts, peaks[name]))))
  lines = aligned(rows, '<>>>>')
  return [*lines, *_verdict(peaks)] if peaks else lines


def _verdict(peaks: Mapping[str, int]) -> list[str]:
  """Lines: the most that is needed, and a warning if that is too much."""
  name = max(peaks, key=peaks.get)
  there, whose, sharing = _device_memory()
  each = f' on each of {sharing} devices' if sharing > 1 else ''
  lines = [f'at most {in_bytes(peaks[name])}{each}, in {name}; {whose} {in_bytes(there)}']
  if peaks[name] * sharing > there:
    lines.append('warning: that is too little: a smaller train.micro_batch needs less')
  return lines


def _device_memory() -> tuple[int, str, int]:
  """(bytes there are, whose they are, how many devices share them)."""
  stats = jax.local_devices()[0].memory_stats()
  if stats and 'bytes_limit' in stats:
    return stats['bytes_limit'], 'of a device JAX may use', 1
  pages = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
  return pages, 'this machine has', jax.local_device_count()
