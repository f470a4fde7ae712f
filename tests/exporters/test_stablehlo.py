"""`export --format=stablehlo`: a program that draws what the model draws, and needs JAX alone."""

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from stylegan2_jax import StyleGAN2, weights_file
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters import stablehlo
from stylegan2_jax.exporters.parts import part_of
from stylegan2_jax.exporters.stablehlo import exported, write_stablehlo
from stylegan2_jax.ops import conv
from tests import quick
from tests.helpers import saved_run
from tests.tools.models import saved_model

DOCS = pathlib.Path(__file__).parents[2] / 'docs' / 'export.md'
_WITHOUT_THE_PACKAGE = """
import sys


class Refusing:
  def find_spec(self, name, path=None, target=None):
    if name.split('.')[0] in ('stylegan2_jax', 'flax', 'optax', 'orbax', 'PIL'):
      raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Refusing())
"""


@pytest.fixture(scope='module')
def conditional(tmp_path_factory):
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('conditional') / 'run', 'ab').path)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('plain') / 'run').path)


def written(gan, folder, *args):
  """The function of a file that was written and read again."""
  path, _ = write_stablehlo(gan, folder / 'model.stablehlo', *args)
  return jax.jit(export.deserialize(path.read_bytes()).call)


def latents(gan, count):
  return np.asarray(gan.latents(range(count)))


def one_hot(*classes):
  return np.eye(2, dtype=np.float32)[list(classes)]


def isolated(folder, script):
  """Runs a script where this package and Flax cannot be imported."""
  ended = subprocess.run(
    [sys.executable, '-I', '-c', _WITHOUT_THE_PACKAGE + script],
    cwd=folder,
    env=quick.environment(),
    capture_output=True,
    text=True,
    check=False,
  )
  assert ended.returncode == 0, ended.stderr


def assert_same_images(found, expected):
  """Up to the rounding of sums in another order; nothing here is smaller than 1."""
  assert found.shape == expected.shape
  assert np.abs(expected).max() > 1
  np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_runs_without_the_package_at_any_batch_size(plain, tmp_path):
  write_stablehlo(plain, tmp_path / 'images.stablehlo')
  z = latents(plain, 8)
  np.save(tmp_path / 'z.npy', z)
  isolated(
    tmp_path,
    """
import jax, numpy as np
from jax import export

z = np.load('z.npy')
draw = jax.jit(export.deserialize(open('images.stablehlo', 'rb').read()).call)
np.savez('images.npz', **{str(count): draw(z[:count], 0.7) for count in (1, 3, 8)})
""",
  )
  expected = np.asarray(plain.synthesize(plain.map(z, psi=0.7)))
  with np.load(tmp_path / 'images.npz') as found:
    for count in (1, 3, 8):
      assert found[str(count)].dtype == np.float32
      assert_same_images(found[str(count)], expected[:count])


def test_pixels(plain, tmp_path):
  z = latents(plain, 3)
  found = np.asarray(written(plain, tmp_path, 'generator', 'const', 'uint8')(z, 0.7))
  expected = plain.draw(plain.map(z, psi=0.7))
  assert found.dtype == np.uint8
  assert (found != expected).mean() < 0.01  # a value may lie on the border of two numbers
  np.testing.assert_allclose(found, expected.astype(int), atol=1)


def test_code_of_the_docs(plain, tmp_path):
  write_stablehlo(plain, tmp_path / 'shapes.stablehlo')
  first, second = re.findall(r'```python\n(.*?)```', DOCS.read_text(), re.DOTALL)
  isolated(tmp_path, f"{first}\n{second}\nnp.savez('out.npz', images=images, z=z)")
  with np.load(tmp_path / 'out.npz') as out:
    np.testing.assert_allclose(out['z'], plain.latents(range(8)), atol=1e-6)
    own = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    assert_same_images(out['images'], np.asarray(plain.synthesize(plain.map(own, psi=0.7))))


def test_conditional(conditional, tmp_path):
  draw, z = written(conditional, tmp_path), latents(conditional, 3)
  for label in (one_hot(0, 1, 1), np.array([[0.3, 0.7]] * 3, np.float32)):
    expected = conditional.synthesize(conditional.map(z, label, psi=0.5))
    assert_same_images(np.asarray(draw(z, label, 0.5)), np.asarray(expected))
  about = json.loads((tmp_path / 'model.stablehlo.json').read_text())
  assert about['class_names'] == ['a', 'b']
  assert about['inputs'] == {
    'z': 'float32[b,8]', 'label': 'float32[b,2]', 'psi': 'float32[]'
  }  # fmt: skip
  assert about['result'] == {'images': 'float32[b,8,8,3]'}


def test_mapping_and_synthesis_in_turn(conditional, tmp_path):
  z, label = latents(conditional, 3), one_hot(1, 0, 1)
  to_ws = written(conditional, tmp_path, 'mapping')
  ws = np.array(to_ws(z, label, 0.6))
  np.testing.assert_allclose(ws, conditional.map(z, label, psi=0.6), atol=1e-5)
  ws[:, 1:] += 0.5  # edited
  to_images = written(conditional, tmp_path, 'synthesis')
  assert_same_images(np.asarray(to_images(ws)), np.asarray(conditional.synthesize(ws)))


def test_without_noise(plain, tmp_path):
  ws = plain.map(latents(plain, 2))
  found = np.asarray(written(plain, tmp_path, 'synthesis', 'none')(ws))
  assert_same_images(found, np.asarray(plain.synthesize(ws, 'none')))
  assert np.abs(found - plain.synthesize(ws)).max() > 0.1


def test_discriminator_takes_multiples_of_its_group(conditional, tmp_path):
  judge = written(conditional, tmp_path, 'discriminator')
  images = np.random.default_rng(0).standard_normal((6, 8, 8, 3)).astype(np.float32)
  label = one_hot(0, 1, 1, 0, 1, 0)
  for count in (2, 6):
    expected = conditional.discriminate(images[:count], label[:count])
    np.testing.assert_allclose(judge(images[:count], label[:count]), expected, atol=1e-5)
  with pytest.raises(ValueError, match='remainder'):
    judge(images[:3], label[:3])


@pytest.mark.parametrize(
  'form',
  [
    {'aspect': '2:1', 'g_architecture': 'resnet'},
    {'g_architecture': 'orig', 'demodulation': 'instance', 'channels': 1},
    {'demodulation': 'none', 'equalized_lr': False, 'noise': False},
  ],
)
def test_other_forms_of_networks(tmp_path, form):
  gan = StyleGAN2.load(saved_model(tmp_path, **form))
  z = latents(gan, 3)
  expected = np.asarray(gan.synthesize(gan.map(z, psi=0.7)))
  assert_same_images(np.asarray(written(gan, tmp_path)(z, 0.7)), expected)
  with pytest.raises(UserError, match='this model has no discriminator: export another part'):
    part_of(gan, 'discriminator')


@pytest.mark.parametrize('part', ['generator', 'discriminator'])
def test_is_the_same_for_every_platform(conditional, part, monkeypatch):
  """Lowered for each alone it has the same operations, so there is none that only one could do."""
  chosen = part_of(conditional, part)
  program = exported(chosen)
  assert program.platforms == ('cpu', 'cuda', 'tpu')
  # Of what is not StableHLO, JAX keeps only some stable for later versions.
  calls = set(re.findall(r'custom_call @(\w+)', program.mlir_module()))
  assert calls <= {'shape_assertion'}
  texts = set()
  for platform in program.platforms:
    monkeypatch.setattr(stablehlo, 'PLATFORMS', (platform,))
    alone = exported(chosen)
    assert alone.platforms == (platform,)
    texts.add(re.sub(r'loc\(.*|#loc.*', '', alone.mlir_module()))
  (text,) = texts
  assert 'stablehlo.dot_general' in text
  assert 'stablehlo.case' not in text


def test_precision_is_kept(plain):
  with jax.default_matmul_precision('highest'):
    text = exported(part_of(plain)).mlir_module()
  assert 'HIGHEST' in text
  assert 'DEFAULT' not in text


def test_holds_each_weight_once(tmp_path):
  gan = StyleGAN2.load(saved_model(tmp_path, channel_max=64, channel_base=2048))
  path, _ = write_stablehlo(gan, tmp_path / 'model.stablehlo', 'synthesis')
  held = sum(x.nbytes for x in jax.tree.leaves(part_of(gan, 'synthesis').weights))
  assert held > 400_000
  assert held < path.stat().st_size < held + 60_000


def test_carries_the_notice(plain, tmp_path):
  notice = 'Weights © somebody, "as is"\nhttps://example.org/licence'
  source = tmp_path / 'model.safetensors'
  weights_file.save(source, dataclasses.replace(plain.model, notice=notice))
  gan = StyleGAN2.load(source)
  path, about = write_stablehlo(gan, tmp_path / 'model.stablehlo')
  program = export.deserialize(path.read_bytes())
  assert program.fun_name == f'generator\n{notice}'
  assert json.loads(about.read_text())['notice'] == notice
  z = latents(gan, 1)
  np.testing.assert_allclose(program.call(z, jnp.float32(1)), plain.synthesize(plain.map(z)), 1e-4)


@pytest.mark.parametrize(
  ('choice', 'message'),
  [
    ({'name': 'encoder'}, 'encoder cannot be exported: use one of generator, mapping, synthesis'),
    ({'noise': 'random'}, 'random cannot be exported: use one of const, none'),
    ({'pixels': 'int8'}, 'int8 cannot be exported: use one of float32, uint8'),
  ],
)
def test_no_such_choice(plain, choice, message):
  with pytest.raises(UserError, match=message):
    part_of(plain, **choice)


def test_no_forms_for_cpus(plain, monkeypatch):
  """What was exported on a CPU leaves the choice of a form to the backend that runs it."""
  monkeypatch.setattr(conv, '_WINOGRAD_CHANNELS', 1)
  part = part_of(plain, 'synthesis')
  shapes = [jax.ShapeDtypeStruct((2, *x.shape[1:]), x.dtype) for x in part.input_shapes()]
  here = jax.jit(part.function).lower(part.weights, *shapes).as_text()
  assert 'stablehlo.convolution' not in here
  assert 'stablehlo.convolution' in exported(part).mlir_module()
