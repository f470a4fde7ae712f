"""Operations and their times, from traces as CPUs, GPUs and TPUs write them."""

import pytest
from jax.profiler import ProfileData

from stylegan2_jax.tools.operations import Operation, operations_of

PROGRAM = """\
ENTRY %main (x: f32[4]) -> f32[4] {
  %conv.1 = f32[4]{0} convolution(%x, %x), metadata={op_name="jit(f)/jvp(D)/b8/conv"}
  %while.2 = f32[4]{0} while(%x), body=%body
  %loop_add_fusion.1 = f32[4]{0} fusion(%x), kind=kLoop, metadata={op_name="jit(f)/add"}
}
"""
CONV = ('conv.1', 'convolution', 'D.b8', 'conv')
ADD = ('loop_add_fusion.1', 'fusion', '', 'add')


def plane(name, lines):
  """Text of a plane: {line: [(event, its operation or None, microseconds), ...]}."""
  events = sorted({event for line in lines.values() for event, _, _ in line})
  text = [f'name: "{name}"', 'stat_metadata { key: 1 value { id: 1 name: "hlo_op" } }']
  for number, event in enumerate(events):
    text.append(f'event_metadata {{ key: {number} value {{ id: {number} name: "{event}" }} }}')
  for number, (line, found) in enumerate(lines.items()):
    text.append(f'lines {{ id: {number} name: "{line}"')
    for event, operation, time in found:
      stat = f'stats {{ metadata_id: 1 str_value: "{operation}" }}' if operation else ''
      at = f'metadata_id: {events.index(event)} duration_ps: {round(time * 1e6)}'
      text.append(f'events {{ {at} {stat} }}')
    text.append('}')
  return 'planes { ' + '\n'.join(text) + ' }\n'


def operations(*planes, runs=1):
  serialized = ProfileData.text_proto_to_serialized_xspace(''.join(planes))
  return operations_of(ProfileData.from_serialized_xspace(serialized), PROGRAM, runs)


def test_cpu():
  """What its threads did besides is not counted, nor what only holds other operations."""
  lines = {
    'python': [('r1', None, 500), ('Call', None, 400)],
    'thread/1': [('conv.1', 'conv.1', 30), ('end: conv.1', None, 1), ('while.2', 'while.2', 99)],
    'thread/2': [('conv.1', 'conv.1', 50), ('loop_add_fusion.1', 'loop_add_fusion.1', 4)],
  }
  found = operations(plane('/host:CPU', lines), plane('/host:metadata', {}), runs=2)
  assert found == [
    Operation(*CONV, pytest.approx(40e-6), 1.0),
    Operation(*ADD, pytest.approx(2e-6), 0.5),
  ]


def test_gpu():
  """By operation where the trace says of which, by the kernel's own name where it does not."""
  streams = {
    'Stream #13(Compute)': [
      ('void cudnn_kernel<float>(int)', 'conv.1', 70),
      ('loop_add_fusion_1', None, 10),
      ('void cutlass_kernel(float*)', None, 20),
    ],
    'Stream #14(MemcpyD2D)': [('MemcpyD2D', None, 5)],
    'XLA Ops': [('conv.1', 'conv.1', 70)],  # the same once more
  }
  host = plane('/host:CPU', {'python': [('conv.1', 'conv.1', 1000)]})
  assert operations(host, plane('/device:GPU:0', streams)) == [
    Operation(*CONV, pytest.approx(70e-6), 1.0),
    Operation('void cutlass_kernel(float*)', 'kernel', '', '', pytest.approx(20e-6), 1.0),
    Operation(*ADD, pytest.approx(10e-6), 1.0),
    Operation('MemcpyD2D', 'kernel', '', '', pytest.approx(5e-6), 1.0),
  ]


def test_several_devices():
  planes = [
    plane(f'/device:GPU:{i}', {'Stream #1': [('k', 'conv.1', time)]})
    for i, time in enumerate((30, 50))
  ]
  assert operations(*planes, runs=2) == [Operation(*CONV, pytest.approx(40e-6), 1.0)]


def test_tpu():
  lines = {
    'Steps': [('1', None, 100)],
    'XLA Modules': [('jit_f', None, 100)],
    'XLA Ops': [
      ('%conv.1 = f32[4]{0} convolution(...)', None, 60),
      ('%while.2 = f32[4]{0} while(...)', None, 90),
    ],
  }
  found = operations(plane('/device:TPU:0', lines))
  assert found == [Operation(*CONV, pytest.approx(60e-6), 1.0)]


def test_nothing_ran():
  assert operations(plane('/host:CPU', {})) == []
