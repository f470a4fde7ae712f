"""What a run computes on, and how much memory it has taken."""

import resource
import sys

import jax

from stylegan2_jax.training import hosts, parallel


def describe() -> str:
  """Number and kind of the devices: '8 x NVIDIA H100 on 2 hosts'."""
  text = f'{parallel.device_count()} x {jax.devices()[0].device_kind}'
  return f'{text} on {hosts.count()} hosts' if hosts.count() > 1 else text


def memory() -> dict[str, float]:
  """The most memory used so far by this process, and on its first device if that tells, in GiB."""
  unit = 2**30 if sys.platform == 'darwin' else 2**20
  found = {'memory_gib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
  device = jax.local_devices()[0].memory_stats()
  if device and 'peak_bytes_in_use' in device:
    found['device_memory_gib'] = device['peak_bytes_in_use'] / 2**30
  return found
