"""What a run ran with: versions, the commit of the code, devices."""

import importlib.metadata
import os
import pathlib
import platform
import shutil
import subprocess

import jax

from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.words import one_line

_PACKAGES = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'grain', 'numpy', 'pillow')
_PACKAGE = pathlib.Path(__file__).parents[1]


def about(settings: Settings, run: RunDirectory) -> dict[str, str]:
  """Name and value of what decides how fast and how exactly a run computes, for people to read.

  Never raises: what cannot be found out is 'unknown'.
  """
  facts = {
    'stylegan2_jax': lambda: _version('stylegan2_jax'),
    'git commit': _commit,
    'python': platform.python_version,
    **{name: lambda name=name: _version(name) for name in _PACKAGES},
    'system': lambda: f'{platform.platform()}, {os.cpu_count()} CPU cores',
    'devices': _devices,
    'hosts': lambda: str(jax.process_count()),
    'computes in': lambda: _precision(settings),
    'XLA_FLAGS': lambda: os.environ.get('XLA_FLAGS', '') or 'none',
    'free disk': lambda: f'{shutil.disk_usage(run.path).free / 2**30:.1f} GiB at the start',
  }
  return {name: _found(fact) for name, fact in facts.items()}


def _found(fact):
  try:
    return one_line(fact(), 500)
  except Exception:  # whatever it is, it is not worth a run
    return 'unknown'


def _version(name):
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return 'not installed as a package'


def _commit():
  """The commit that the code is at, and whether the code was changed since."""
  if not any((folder / '.git').exists() for folder in _PACKAGE.parents):
    return 'not a git checkout'
  commit = _git('rev-parse', '--short=12', 'HEAD')
  if commit is None:
    return 'unknown: git does not answer'
  # Installed into an environment that lies in a checkout of something else.
  if _git('ls-files', '--error-unmatch', '__init__.py') is None:
    return 'not a git checkout'
  changed = _git('status', '--porcelain', '--', '.')
  return f'{commit}, and changed since' if changed else commit


def _git(*arguments):
  """What git says about the code; None if it fails."""
  try:
    ended = subprocess.run(
      ['git', '-C', str(_PACKAGE), '--no-optional-locks', *arguments],
      stdin=subprocess.DEVNULL,
      capture_output=True,
      text=True,
      timeout=10,
      check=False,
    )
  except (OSError, subprocess.SubprocessError):
    return None
  return ended.stdout.strip() if ended.returncode == 0 else None


def _devices():
  devices = jax.devices()
  kinds = {device.device_kind: 0 for device in devices}
  for device in devices:
    kinds[device.device_kind] += 1
  text = ', '.join(f'{count} x {kind}' for kind, count in kinds.items())
  version = one_line(devices[0].client.platform_version, 100)
  return text if version == devices[0].platform else f'{text} ({version})'


def _precision(settings):
  precision = jax.config.jax_default_matmul_precision
  text = f'float32 (matrix products: {precision})' if precision else 'float32'
  if settings.network.num_reduced:
    text += f', {settings.network.reduced_dtype} at the {settings.network.num_reduced} highest'
    text += ' resolutions'
  return text
