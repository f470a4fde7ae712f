"""Programs translated with less effort: compiling is most of the time of the tests."""

import importlib.metadata
import os
import pathlib

_DEVICES = '--xla_force_host_platform_device_count={}'
_PLAIN_LOOPS = '--xla_cpu_use_fusion_emitters=false'  # compiles in half the time


def variables(devices: int = 1) -> dict[str, str]:
  """What JAX takes from the environment, for so many CPU devices."""
  flags = [_DEVICES.format(devices)]
  if importlib.metadata.version('jaxlib').startswith('0.10.'):  # others end at unknown flags
    flags.append(_PLAIN_LOOPS)
  return {'XLA_FLAGS': ' '.join(flags), 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'}


def environment(devices: int = 1, cache: pathlib.Path | None = None, **more: str) -> dict[str, str]:
  """The environment of a process of its own.

  Args:
    devices: CPU devices.
    cache: folder that takes the place of ~/.cache, and keeps every program however fast it was
      compiled; None: programs are kept where those of the tests are.
    **more: further variables.
  """
  found = os.environ | variables(devices)
  if cache is not None:
    found |= {'XDG_CACHE_HOME': str(cache), 'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0'}
    found.pop('JAX_COMPILATION_CACHE_DIR', None)
  return found | more
