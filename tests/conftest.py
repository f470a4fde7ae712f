"""Sets JAX up before anything imports it: four CPU devices, strict promotion, a cache."""

import os
import pathlib
import signal

from tests import quick

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_XLA_FLAGS = os.environ.get('XLA_FLAGS', '')
os.environ.update(quick.variables(devices=4))
os.environ['XLA_FLAGS'] += f' {_XLA_FLAGS}' if _XLA_FLAGS else ''  # the last of two counts
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', str(_ROOT / '.pytest_cache' / 'xla'))

from stylegan2_jax import backend  # noqa: E402

backend.prepare()

# A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C, and
# nohup the end of the terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

import jax  # noqa: E402
import pytest  # noqa: E402

_MAPPINGS = pathlib.Path('/proc/self/maps')  # on Linux
_MANY = 10_000  # of the 65,530 that Linux allows a process

jax.config.update('jax_numpy_rank_promotion', 'raise')


def pytest_collection_modifyitems(items):
  """The files that take longest come first, so that at the end no worker waits for another."""
  items.sort(key=lambda item: item.path.parent != _ROOT / 'tests' / 'training')


@pytest.fixture(autouse=True, scope='module')
def few_programs():
  """Forgets compiled programs between files: each holds memory mappings, and too many crash XLA."""
  yield
  if _MAPPINGS.exists() and _MAPPINGS.read_bytes().count(b'\n') > _MANY:
    jax.clear_caches()


@pytest.fixture
def x64():
  """Runs a test in double precision."""
  with jax.enable_x64(True):
    yield


@pytest.fixture(scope='module')
def double():
  """Double precision in all threads, as compilations run side by side."""
  jax.config.update('jax_enable_x64', True)
  yield
  jax.config.update('jax_enable_x64', False)


@pytest.fixture
def run_dir(tmp_path):
  """A path for a run, not yet there."""
  return tmp_path / 'run'
