"""What is read from the text of compiled programs."""

import jax
import jax.numpy as jnp
import pytest

from stylegan2_jax.tools.hlo import Instruction, instructions, origin

TEXT = """\
HloModule jit_f, is_scheduled=true

%fused (param_0: f32[4]) -> f32[4] {
  %param_0 = f32[4]{0} parameter(0)
  ROOT %multiply.3 = f32[4]{0} multiply(%param_0, %param_0), metadata={op_name="jit(f)/mul"}
}

ENTRY %main.7 (x.1: f32[4]) -> f32[4] {
  %x.1 = f32[4]{0} parameter(0), metadata={op_name="x"}
  %while.49 = (s32[], f32[3,3,32,32]{3,2,1,0}, /*index=5*/f32[32]{0}) while(%tuple), body=%body
  %conv-base = f32[2,8,8,4]{3,2,1,0:T(8,128)} convolution(%x.1, %x.1), window={size=3x3}
  %custom-call.2 = (f32[4]{0}, u8[0]{0}) custom-call(%x.1), custom_call_target="__cudnn$convForward"
  ROOT %fusion.1 = f32[4]{0} fusion(%x.1), kind=kLoop, calls=%fused, metadata={op_name="jit(f)/mul"}
}
"""


def test_instructions():
  found = instructions(TEXT)
  assert found == {
    'param_0': Instruction('parameter', '', 'f32[4]'),
    'multiply.3': Instruction('multiply', '', 'mul'),
    'x.1': Instruction('parameter', '', 'x'),
    'while.49': Instruction('while', '', '(s32[], f32[3,3,32,32], f32[32])'),
    'conv-base': Instruction('convolution', '', 'f32[2,8,8,4]'),
    'custom-call.2': Instruction('custom-call __cudnn$convForward', '', '(f32[4], u8[0])'),
    'fusion.1': Instruction('fusion', '', 'mul'),
  }


@pytest.mark.parametrize(
  ('op_name', 'module', 'source'),
  [
    ('jit(_fun)/jvp(Synthesis)/b8/conv0/dot_general', 'Synthesis.b8.conv0', 'dot_general'),
    ('jit(f)/shard_map/while/body/closed_call/jvp(jvp(D))/b4/tile', 'D.b4', 'tile'),
    ('jit(f)/jvp(transpose(jvp(D)))/b8/skip/mul', 'D.b8.skip', 'mul, backward'),
    ('jit(f)/jvp(D)/b8/fromrgb/jit(clip)', 'D.b8.fromrgb', 'clip'),
    ('jit(f)/jit(nan_to_num)/jit(_where)/select_n', '', 'select_n'),
    ('jit(f)/vmap(jvp())/add', '', 'add'),
    ('reduce_sum', '', 'reduce_sum'),
  ],
)
def test_origin(op_name, module, source):
  assert origin(op_name) == (module, source)


def test_a_program_that_jax_compiled():
  def f(x):
    with jax.named_scope('outer'):
      return jax.lax.scan(lambda c, _: (c @ x, None), x, None, 3)[0]

  found = instructions(jax.jit(f).lower(jnp.ones((8, 8))).compile().as_text())
  kinds = {instruction.kind for instruction in found.values()}
  assert {'while', 'dot'} <= kinds
  assert 'unknown' not in kinds
  dots = [i for i in found.values() if i.kind == 'dot']
  assert {(i.module, i.source) for i in dots} == {('outer', 'dot_general')}
