"""What has to be set before JAX starts: flags, memory, the compilation cache, a quiet console.

Importing it imports neither JAX nor anything that does.
"""

import ctypes
import functools
import importlib.metadata
import os
import pathlib
import re
import sys
from collections.abc import Mapping, MutableMapping

# Takes XLA's YNNPACK convolutions out and keeps its reductions: on CPUs that makes 3x3
# convolutions and their gradients faster. Has no effect elsewhere.
_CPU_FLAG = '--xla_cpu_experimental_ynn_fusion_type'
_CPU_FLAG_VALUE = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE'

# jaxlib versions that were seen to know the flag: an unknown one would end the process.
_FLAG_SINCE, _FLAG_BEFORE = (0, 8, 3), (0, 13)


# Options of mallopt(3), by the numbers of glibc's malloc.h.
_MALLOC_OPTIONS = {
  -1: 2**31 - 1,  # M_TRIM_THRESHOLD: never give memory back
  -2: 2**26,  # M_TOP_PAD: take it in pieces of 64 MiB
  -3: 2**31 - 1,  # M_MMAP_THRESHOLD: keep large blocks in the heap, too
}

# On GPUs: only operations that give the same bits every time, and kernels chosen by rule instead of
# by timing them. XLA knows both flags on every platform.
_DETERMINISTIC = {'--xla_gpu_deterministic_ops': 'true', '--xla_gpu_autotune_level': '0'}


def prepare(environ: MutableMapping[str, str] | None = None, deterministic: bool = False) -> None:
  """Sets what JAX and XLA read from the environment when they start. Call it first.

  What the user has set stays: a flag in XLA_FLAGS, JAX_COMPILATION_CACHE_DIR (empty: no
  cache), log levels, and glibc's MALLOC_ variables: without those this process also keeps the
  memory that it frees.

  Args:
    environ: the variables to change; those of the process if not given.
    deterministic: whether GPUs must give the same bits in every run, which makes them slower.
  """
  environ = os.environ if environ is None else environ
  _add_cpu_flag(environ)
  for flag, value in _DETERMINISTIC.items() if deterministic else ():
    _add_flag(environ, flag, value)
  _set_cache(environ)
  _quieten(environ)
  if environ is os.environ:
    _keep_memory(environ)


@functools.cache
def run_where_called() -> None:
  """Makes programs on a single CPU device run in the thread that calls them. Imports JAX.

  There is nothing that they could run beside, and what they allocate can be kept by the main thread
  alone (`prepare`): heaps of other threads hold no more than 64 MiB, and what is larger is fetched
  anew from the kernel for every call. JAX reads this when it first looks at its devices, so call it
  before anything does. Programs on several devices or on GPUs run as always.
  """
  import jax

  jax.config.update('jax_cpu_enable_async_dispatch', False)


def knows_cpu_flag(jaxlib_version: str) -> bool:
  """Whether this jaxlib takes the CPU flag, by the versions tested.

  >>> [knows_cpu_flag(version) for version in ('0.8.2', '0.10.2', '0.12.0.1', '0.13.0')]
  [False, True, True, False]
  """
  numbers = tuple(int(n) for n in re.findall(r'\d+', jaxlib_version)[:3])
  return _FLAG_SINCE <= numbers < _FLAG_BEFORE


def cache_directory(environ: Mapping[str, str], name: str = 'xla') -> pathlib.Path | None:
  """Where compiled programs are kept unless the user says; None where nothing can be written.

  `name`: of the folder, for other things that are kept between commands.
  """
  base = environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
  path = pathlib.Path(base) / 'stylegan2_jax' / name
  try:
    path.mkdir(parents=True, exist_ok=True)
  except OSError:
    return None
  return path if os.access(path, os.W_OK) else None


def _add_cpu_flag(environ: MutableMapping[str, str]) -> None:
  if knows_cpu_flag(importlib.metadata.version('jaxlib')):
    _add_flag(environ, _CPU_FLAG, _CPU_FLAG_VALUE)


def _add_flag(environ: MutableMapping[str, str], flag: str, value: str) -> None:
  """Sets a flag of XLA, unless the user has."""
  flags = environ.get('XLA_FLAGS', '')
  if flag not in flags:
    environ['XLA_FLAGS'] = f'{flags} {flag}={value}'.strip()


def _set_cache(environ: MutableMapping[str, str]) -> None:
  if 'JAX_COMPILATION_CACHE_DIR' not in environ:
    path = cache_directory(environ)
    if path is not None:
      environ['JAX_COMPILATION_CACHE_DIR'] = str(path)
  environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0.5')


def _keep_memory(environ: Mapping[str, str]) -> None:
  """Lets glibc keep freed memory for the next step instead of giving it back to the kernel.

  On a CPU, XLA allocates what a program needs anew for every call, and a fresh page costs far more
  than what is done with it. What the user has set stays; other C libraries are left alone.
  """
  if any(name.startswith('MALLOC_') for name in environ):
    return
  if sys.platform != 'linux' or 'glibc.malloc' in environ.get('GLIBC_TUNABLES', ''):
    return
  library = ctypes.CDLL(None)
  if hasattr(library, 'gnu_get_libc_version'):
    for option, value in _MALLOC_OPTIONS.items():
      library.mallopt(option, value)


def _quieten(environ: MutableMapping[str, str]) -> None:
  # C++ log lines below errors are notes of XLA to its authors; 2 keeps errors.
  environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
