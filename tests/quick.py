"""Programs translated with less effort: compiling is most of the time of the tests."""

import importlib.metadata

_DEVICES = '--xla_force_host_platform_device_count={}'
_PLAIN_LOOPS = '--xla_cpu_use_fusion_emitters=false'  # compiles in half the time


def environment(devices: int = 1) -> dict[str, str]:
  """Variables for a process that uses JAX, with so many CPU devices."""
  flags = [_DEVICES.format(devices)]
  if importlib.metadata.version('jaxlib').startswith('0.10.'):  # others end at unknown flags
    flags.append(_PLAIN_LOOPS)
  return {'XLA_FLAGS': ' '.join(flags), 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'}
