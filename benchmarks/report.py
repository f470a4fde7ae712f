"""What all measurements say about where they were made, and how they are printed and kept."""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import statistics
import sys
from collections.abc import Sequence

import jax
import jaxlib


def machine() -> dict[str, object]:
  """Device, processor, and versions."""
  return {
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'processor': _processor(),
    'cores': len(os.sched_getaffinity(0)),
    'machine': platform.machine(),
    'python': platform.python_version(),
    'jax': jax.__version__,
    'jaxlib': jaxlib.__version__,
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
    'load_average': round(os.getloadavg()[0], 1),
  }


def parser(doc: str) -> argparse.ArgumentParser:
  """A parser with what every benchmark takes."""
  made = argparse.ArgumentParser(
    description=doc.split('\n')[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
  )
  made.add_argument('--rounds', type=int, default=5, help='medians are over so many')
  made.add_argument('--out', help='JSON file')
  return made


def write(path: str | None, results: dict) -> None:
  """Writes JSON; without a path nothing."""
  if path:
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(results, indent=2) + '\n')


def table(rows: Sequence[Sequence[object]]) -> str:
  """Columns of text, the first to the left and the others to the right; floats in 3 digits."""
  cells = [[_text(value) for value in row] for row in rows]
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  lines = []
  for first, *others in cells:
    right = (value.rjust(width) for value, width in zip(others, widths[1:], strict=True))
    lines.append('  '.join([first.ljust(widths[0]), *right]).rstrip())
  return '\n'.join(lines)


def spread(values: Sequence[float]) -> dict[str, float]:
  """Median, least and most, in 4 digits."""
  found = {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
  return {name: digits(value) for name, value in found.items()}


def digits(value: float, count: int = 4) -> float:
  """Rounded to so many significant digits."""
  return float(f'{value:.{count}g}')


def peak_memory() -> int:
  """Bytes: the most that the device, or on a CPU this process, ever held."""
  stats = jax.local_devices()[0].memory_stats()
  if stats and 'peak_bytes_in_use' in stats:
    return stats['peak_bytes_in_use']
  most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return most if sys.platform == 'darwin' else most * 1024


def _text(value):
  return f'{value:.3g}' if isinstance(value, float) and abs(value) < 1000 else f'{value}'


def _processor():
  try:
    text = pathlib.Path('/proc/cpuinfo').read_text()
  except OSError:
    return platform.processor()
  found = re.search(r'^model name\s*:\s*(.*)$', text, re.MULTILINE)
  return found[1] if found else platform.processor()
