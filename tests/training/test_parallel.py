"""Arrays on the devices of one process, and what differs where a job has several hosts."""

import os
import pathlib
import platform
import subprocess
import sys
import threading
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.training import parallel
from tests.helpers import limit_devices

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(params=[1, 2, 4])
def count(request, monkeypatch):
  limit_devices(monkeypatch, request.param)
  return request.param


def tree():
  return {
    'float': np.array([-0.0, np.nan, 1e-45], np.float32),
    'words': np.arange(3, dtype=np.uint32) + 2**31,
    'number': jnp.asarray(5, jnp.int32),
    'none': None,
  }


def bits(tree):
  return jax.tree.map(lambda x: (np.asarray(x).dtype, np.asarray(x).tobytes()), tree)


def test_replicated_and_back(count):
  copies = parallel.replicate(tree())
  assert copies['float'].shape == (count, 3)
  assert copies['number'].shape == (count,)
  for x in jax.tree.leaves(copies):
    assert len({np.asarray(shard.data).tobytes() for shard in x.addressable_shards}) == 1
    assert len(x.sharding.device_set) == count
  assert bits(parallel.unreplicate(copies)) == bits(tree())
  assert bits(parallel.fetch(copies)) == bits(tree())


def test_unreplicated_arrays_stay_on_the_first_device(count):
  taken = parallel.unreplicate(parallel.replicate(tree()))['float']
  assert taken.devices() == {jax.local_devices()[0]}
  assert isinstance(parallel.fetch(parallel.replicate(tree()))['float'], np.ndarray)


def test_each_device_has_its_piece(count):
  rows = np.arange(count * 6).reshape(count, 2, 3).astype(np.uint8)
  x = parallel.shard(rows)
  np.testing.assert_array_equal(x, rows)
  for piece in x.addressable_shards:
    np.testing.assert_array_equal(piece.data, rows[[jax.local_devices().index(piece.device)]])


def test_a_function_on_all_devices(count):
  def fn(state, x):
    return state + jax.lax.pmean(x, parallel.AXIS_NAME)

  state, x = parallel.replicate(np.ones(2, np.float32)), parallel.shard(np.arange(float(count)))
  said = []
  functions = {'fn': (parallel.parallel(fn), (state, x))}
  compiled = parallel.compile_all(functions, lambda *line: said.append(line))['fn']
  result = compiled(state, x)
  np.testing.assert_array_equal(result, np.full((count, 2), 1 + (count - 1) / 2))
  assert [name for name, seconds in said] == ['fn']


def test_all_is_traced_in_order_by_the_thread_that_asks(count):
  traced = []

  def function(name):
    def fn(x):
      traced.append((name, threading.current_thread()))
      return x + len(traced)

    return jax.jit(fn), (1.0,)

  functions = {name: function(name) for name in 'bac'}
  compiled = parallel.compile_all(functions, lambda *line: None)
  assert traced == [(name, threading.current_thread()) for name in 'bac']
  assert {name: float(fn(1.0)) for name, fn in compiled.items()} == {'b': 2, 'a': 3, 'c': 4}
  assert list(compiled) == ['b', 'a', 'c']


def test_what_cannot_be_traced_ends_compiling(count):
  traced = []

  def wrong(x):
    raise ZeroDivisionError

  functions = {'wrong': (jax.jit(wrong), (1.0,)), 'late': (jax.jit(traced.append), (1.0,))}
  with pytest.raises(ZeroDivisionError):
    parallel.compile_all(functions, lambda *line: None)
  assert traced == []


def test_donating_a_copy_leaves_the_original_alone(count):
  """On CPUs a copy may share the memory of what it was made of."""
  for original in (np.ones((64, 64), np.float32), jnp.ones((64, 64))):
    state = parallel.replicate(original)
    fn = parallel.parallel(lambda x: x + 1)
    compiled = parallel.compile_all({'fn': (fn, (state,))}, lambda *line: None)['fn']
    compiled(compiled(state))
    np.testing.assert_array_equal(original, np.ones((64, 64)))


def test_one_process_has_all_rows(count):
  rows = tree()
  assert parallel.local_rows(rows) is rows
  assert parallel.device_count() == parallel.local_device_count() == count


class Device(NamedTuple):
  """A device of some host."""

  process_index: int
  id: int


def pretend(monkeypatch, counts, index):
  """Makes JAX look like host `index` of as many as there are counts of devices."""
  hosts = [[Device(host, i) for i in range(count)] for host, count in enumerate(counts)]
  monkeypatch.setattr(jax, 'process_count', lambda: len(counts))
  monkeypatch.setattr(jax, 'process_index', lambda: index)
  monkeypatch.setattr(jax, 'local_devices', lambda process_index: hosts[process_index])


def test_the_rows_of_a_host(monkeypatch):
  pretend(monkeypatch, [2, 2, 2], index=1)
  assert (parallel.device_count(), parallel.local_device_count()) == (6, 2)
  rows = parallel.local_rows({'x': np.arange(12).reshape(6, 2)})
  np.testing.assert_array_equal(rows['x'], [[4, 5], [6, 7]])


def test_hosts_with_different_numbers_of_devices(monkeypatch):
  pretend(monkeypatch, [2, 4], index=0)
  message = r'the hosts have different numbers of devices \(host 0: 2, host 1: 4\): give each as'
  with pytest.raises(UserError, match=message):
    parallel.device_count()


# Prints how many pages were new in four calls of a program that needs 128 MiB in between.
FAULTS = """
import resource
from stylegan2_jax import backend
backend.prepare()
import jax
{first}
x = jax.numpy.ones((2**25,))
call = jax.jit(lambda x: jax.numpy.flip(jax.lax.optimization_barrier(x + 1)).sum())
for _ in range(8):
  call(x).block_until_ready()
  if _ == 3:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
WHAT_LOOKS_AT_DEVICES = {
  'training': """
from stylegan2_jax import presets
from stylegan2_jax.errors import UserError
from stylegan2_jax.training import session
try:
  settings = presets.load_settings('configs/shapes.py')
  session.train(presets.override(settings, {'data.source': 'missing'}), 'missing')
except UserError:
  pass
""",
  'a fresh model': """
from stylegan2_jax import StyleGAN2
StyleGAN2('configs/shapes.py', {'network.channel_base': '64'})
""",
  'a saved model': """
from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
try:
  StyleGAN2.load('missing')
except UserError:
  pass
""",
}


def new_pages(first):
  """How many pages programs had to fetch, in a process of its own."""
  environ = {k: v for k, v in os.environ.items() if k != 'GLIBC_TUNABLES' and 'MALLOC_' not in k}
  environ |= {'XLA_FLAGS': '', 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(ROOT)}
  command = [sys.executable, '-c', FAULTS.format(first=first)]
  done = subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=-1)
  return int(done.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='of the GNU C library')
@pytest.mark.parametrize('what', WHAT_LOOKS_AT_DEVICES)
def test_memory_of_programs_is_kept(what):
  """Whatever looks at the devices first. 128 MiB are 2**15 pages, which four calls need again.

  One of them may find its place taken by something small, and the heap grows.
  """
  assert new_pages(WHAT_LOOKS_AT_DEVICES[what]) < 2**16


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='of the GNU C library')
def test_memory_of_programs_is_not_kept_by_jax():
  """Else the test above could not fail."""
  assert new_pages('') > 2**16
