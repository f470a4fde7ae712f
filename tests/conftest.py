"""Sets JAX up before anything imports it: four CPU devices, strict promotion, a cache."""

import os
import pathlib
import signal

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DEVICES = '--xla_force_host_platform_device_count=4'
os.environ['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {_DEVICES}'.strip()
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

jax.config.update('jax_numpy_rank_promotion', 'raise')
# Compiling is most of the time: the same programs, translated with less effort.
jax.config.update('jax_disable_most_optimizations', True)


def pytest_collection_modifyitems(items):
  """The files that take longest come first, so that at the end no worker waits for another."""
  items.sort(key=lambda item: item.path.parent != _ROOT / 'tests' / 'training')


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
