"""What is said of the memory of compiled programs."""

import types

import jax
import jax.numpy as jnp

from stylegan2_jax.tools import memory


class Program:
  """A compiled program of which only the memory is known."""

  def __init__(self, arguments, output, alias, temporary):
    self.sizes = types.SimpleNamespace(
      argument_size_in_bytes=arguments,
      output_size_in_bytes=output,
      alias_size_in_bytes=alias,
      temp_size_in_bytes=temporary,
    )

  def memory_analysis(self):
    return self.sizes


KIB = 1024


def test_what_is_donated_counts_once(monkeypatch):
  monkeypatch.setattr(memory, '_device_memory', lambda: (100 * KIB, 'of a device JAX may use', 1))
  programs = {
    'generator': Program(20 * KIB, 22 * KIB, 19 * KIB, 50 * KIB),
    'r1': Program(20 * KIB, 20 * KIB, 20 * KIB, 0),
  }
  header, generator, r1, most = memory.memory_lines(programs)
  assert header.split()[4:] == ['arguments', 'results', 'temporary', 'together']
  assert generator.split()[1::2] == ['20.0', '3.0', '50.0', '73.0']
  assert r1.split()[1::2] == ['20.0', '0', '0', '20.0']
  assert most == 'at most 73.0 KiB, in generator; of a device JAX may use 100.0 KiB'


def test_too_little(monkeypatch):
  """Devices of one machine share its memory."""
  monkeypatch.setattr(memory, '_device_memory', lambda: (100 * KIB, 'this machine has', 4))
  *_, most, warning = memory.memory_lines({'r1': Program(26 * KIB, 0, 0, 0)})
  assert most == 'at most 26.0 KiB on each of 4 devices, in r1; this machine has 100.0 KiB'
  assert warning.startswith('warning: ')
  assert 'train.micro_batch' in warning


def test_unknown():
  program = Program(0, 0, 0, 0)
  program.sizes = None
  assert [line.split() for line in memory.memory_lines({'r1': program})[1:]] == [
    ['r1', *['unknown'] * 4]
  ]


def test_a_compiled_program():
  compiled = jax.jit(lambda x: x + 1).lower(jnp.zeros(1024)).compile()
  _, line, most = memory.memory_lines({'add': compiled})
  assert line.split()[:5] == ['add', '4.0', 'KiB', '4.0', 'KiB']
  assert 'this machine has' in most
