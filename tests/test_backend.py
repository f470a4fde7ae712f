"""The environment that JAX starts with."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

import pytest

from stylegan2_jax import backend

ROOT = pathlib.Path(__file__).parents[1]
FLAG = '--xla_cpu_experimental_ynn_fusion_type'
LIBRARIES = 'LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE'


@pytest.fixture
def version(monkeypatch):
  """Sets the version of jaxlib that seems to be installed."""
  return lambda text: monkeypatch.setattr(importlib.metadata, 'version', lambda name: text)


def prepared(tmp_path, **given):
  environ = {'XDG_CACHE_HOME': str(tmp_path)} | given
  backend.prepare(environ)
  return environ


def test_flag_is_appended(tmp_path, version):
  version('0.10.2')
  assert prepared(tmp_path)['XLA_FLAGS'] == f'{FLAG}={LIBRARIES}'
  assert prepared(tmp_path, XLA_FLAGS='--a=1')['XLA_FLAGS'] == f'--a=1 {FLAG}={LIBRARIES}'


def test_the_users_flag_stays(tmp_path, version):
  version('0.10.2')
  assert prepared(tmp_path, XLA_FLAGS=f'{FLAG}=')['XLA_FLAGS'] == f'{FLAG}='


@pytest.mark.parametrize('unknown', ['0.7.2', '0.8.2', '0.13.0', '1.0'])
def test_no_flag_for_versions_not_seen_to_know_it(tmp_path, version, unknown):
  version(unknown)
  assert 'XLA_FLAGS' not in prepared(tmp_path)


@pytest.mark.parametrize('known', ['0.8.3', '0.9.0.1', '0.10.2', '0.12.0.1', '0.12.1.dev20261101'])
def test_versions_that_know_the_flag(known):
  assert backend.knows_cpu_flag(known)


def test_cache_is_on_unless_the_user_says(tmp_path):
  cache = tmp_path / 'stylegan2_jax' / 'xla'
  assert prepared(tmp_path)['JAX_COMPILATION_CACHE_DIR'] == str(cache)
  assert cache.is_dir()
  for mine in ('/elsewhere', ''):
    assert prepared(tmp_path, JAX_COMPILATION_CACHE_DIR=mine)['JAX_COMPILATION_CACHE_DIR'] == mine


def test_no_cache_where_nothing_can_be_written(tmp_path):
  (tmp_path / 'stylegan2_jax').write_text('a file in the way')
  assert 'JAX_COMPILATION_CACHE_DIR' not in prepared(tmp_path)


def test_jax_starts_quietly_with_it_and_fills_the_cache(tmp_path):
  script = (
    'from stylegan2_jax import backend\n'
    'backend.prepare()\n'
    'import jax, jax.numpy as jnp\n'
    'x = jax.jit(lambda x: jax.lax.conv(x, jnp.ones((3, 3, 3, 3)), (1, 1), "SAME"))\n'
    'print(x(jnp.ones((1, 3, 4, 4))).sum())\n'
  )
  inherited = {k: v for k, v in os.environ.items() if not k.startswith(('XLA_', 'JAX_', 'TF_'))}
  environ = inherited | {
    'XDG_CACHE_HOME': str(tmp_path),
    'JAX_PLATFORMS': 'cpu',
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
  }
  for _ in ('compiled', 'from the cache'):
    ended = subprocess.run(
      [sys.executable, '-c', script],
      cwd=ROOT, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == '900.0\n'
    assert ended.stderr == ''
  assert list((tmp_path / 'stylegan2_jax' / 'xla').iterdir())


# Uses and frees 100 MiB, 8 times, and prints how many pages were new in the last 4 of them.
FAULTS = """
import ctypes, resource
from stylegan2_jax import backend
backend.prepare()
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.free.argtypes = [ctypes.c_void_p]
c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
counts = []
for _ in range(8):
  block = c.malloc(100 << 20)
  c.memset(block, 1, 100 << 20)
  c.free(block)
  counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(counts[-1] - counts[3])
"""


def new_pages(tmp_path, **given):
  kept = {k: v for k, v in os.environ.items() if k != 'GLIBC_TUNABLES' and 'MALLOC_' not in k}
  environ = kept | {'XDG_CACHE_HOME': str(tmp_path), 'PYTHONPATH': str(ROOT)} | given
  command = [sys.executable, '-c', FAULTS]
  return int(subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='of the GNU C library')
def test_freed_memory_is_kept(tmp_path):
  """Unless the user says otherwise: then every page is new every time."""
  assert new_pages(tmp_path) < 100
  for name in ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'):
    assert new_pages(tmp_path, **{name: '100000'}) > 4 * (100 << 20) // 2**21
  tunables = 'glibc.malloc.trim_threshold=100000'
  assert new_pages(tmp_path, GLIBC_TUNABLES=tunables) > 4 * (100 << 20) // 2**21
