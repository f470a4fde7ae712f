"""Weights of Inception out of every kind of file, and files that are something else."""

import os
import pickle

import numpy as np
import pytest
import safetensors.numpy

from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.torch_writer import write_torch
from stylegan2_jax.metrics.features import inception_files
from stylegan2_jax.metrics.features.inception import fold
from stylegan2_jax.metrics.features.inception_files import load_inception
from tests.helpers import assert_trees_equal
from tests.importers.hand_pickles import Made, Tensor, dumps, torch_stream, torch_zip
from tests.metrics import recipe

LAYER = 'Mixed_6b.branch7x7_2'
JAX_NAMES = {
  'conv.weight': 'conv.kernel',
  'bn.weight': 'bn.scale',
  'bn.running_mean': 'bn.mean',
  'bn.running_var': 'bn.var',
  'fc.weight': 'fc.kernel',
}


@pytest.fixture(scope='module')
def state():
  return recipe.inception_state()


@pytest.fixture(scope='module')
def weights(state):
  with pytest.MonkeyPatch.context() as patch:
    return load(state, patch)


def load(arrays, monkeypatch):
  """Of arrays as if they came from a file: those here are large."""
  monkeypatch.setattr(inception_files, 'read_arrays', lambda path: dict(arrays))
  return load_inception('file.pth')


def jax_layout(state):
  """{'Mixed_6b.branch7x7_2.conv.kernel': HWIO}."""
  found = {}
  for name, value in state.items():
    for old, new in JAX_NAMES.items():
      if name.endswith(old):
        name = name.removesuffix(old) + new
        value = (
          value.T if value.ndim == 2 else value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
        )
        break
    found[name] = np.ascontiguousarray(value)
  return found


def nested(arrays):
  tree: dict = {}
  for name, value in arrays.items():
    *folders, last = name.split('.')
    inner = tree
    for folder in folders:
      inner = inner.setdefault(folder, {})
    inner[last] = value
  return tree


def write(form, path, state):
  """A file of one of the forms that people have."""
  if form == 'pytorch':
    with path.open('wb') as file:
      write_torch(file, state | {f'{LAYER}.bn.num_batches_tracked': np.zeros((), np.int64)})
  elif form == 'old pytorch':
    tensors = {f'module.{name}': Tensor(value) for name, value in state.items()}
    path.write_bytes(torch_stream(Made('collections.OrderedDict', items=tensors)))
  elif form == 'safetensors':
    safetensors.numpy.save_file(state, path)
  elif form == 'npz':
    np.savez(path, **{f'model.{name}': value for name, value in jax_layout(state).items()})
  else:
    with path.open('wb') as file:
      pickle.dump(nested(jax_layout(state)), file, 4)


@pytest.mark.parametrize(
  ('form', 'name'),
  [
    ('pytorch', 'pt_inception-2015-12-05-6726825d.pth'),
    ('old pytorch', 'weights-inception-2015-12-05-6726825d.pth'),
    ('jax', 'inception_v3_weights_fid.pickle'),
    ('npz', 'inception.npz'),
    ('safetensors', 'inception.safetensors'),
  ],
)
def test_files(form, name, state, weights, tmp_path):
  path = tmp_path / name
  write(form, path, state)
  found = load_inception(path)
  path.unlink()  # large
  assert_trees_equal(found, weights)


def test_weights(state, weights):
  """Each array is where it belongs, with its normalisation."""
  for name in ('Conv2d_1a_3x3', LAYER, 'Mixed_7c.branch3x3dbl_3a'):
    norm = [state[f'{name}.bn.{x}'] for x in ('weight', 'bias', 'running_mean', 'running_var')]
    kernel, bias = fold(state[f'{name}.conv.weight'].transpose(2, 3, 1, 0), *norm)
    np.testing.assert_array_equal(weights.convs[name][0], kernel)
    np.testing.assert_array_equal(weights.convs[name][1], bias)
  assert weights.convs[LAYER][0].shape == (1, 7, 128, 128)
  np.testing.assert_array_equal(weights.fc[0], state['fc.weight'].T)
  np.testing.assert_array_equal(weights.fc[1], state['fc.bias'])


def test_without_a_last_layer(state, weights, monkeypatch):
  found = load({n: x for n, x in state.items() if not n.startswith('fc.')}, monkeypatch)
  assert found.fc is None
  np.testing.assert_array_equal(found.convs[LAYER][0], weights.convs[LAYER][0])


def spoiled(name, value):
  """The change of a state: an array replaced, or gone."""
  return lambda state: {n: x for n, x in {**state, name: value}.items() if x is not None}


@pytest.mark.parametrize(
  ('change', 'line'),
  [
    (spoiled(f'{LAYER}.bn.running_mean', None), f'does not hold {LAYER}.bn.running_mean: give pt_'),
    (
      spoiled(f'{LAYER}.conv.weight', np.zeros((128, 128, 7, 1), np.float32)),
      rf'{LAYER}.conv.weight as float32 \[128, 128, 7, 1\], not float \[128, 128, 1, 7\]',
    ),
    (spoiled(f'{LAYER}.bn.bias', np.zeros(128, np.int64)), r'as int64 \[128\]'),
    (spoiled(f'{LAYER}.bn.bias', np.full(128, np.nan)), f'not finite in {LAYER}.bn.bias'),
    (spoiled(f'{LAYER}.bn.bias', np.full(128, 1e300)), f'not finite in {LAYER}.bn.bias'),
    (spoiled(f'{LAYER}.bn.running_var', np.full(128, -1.0)), 'negative variances in .*running_var'),
    (spoiled('fc.bias', None), 'does not hold fc.bias'),
    (spoiled('fc.weight', np.zeros((10, 2048), np.float32)), r'fc.weight as .*\[10, 2048\]'),
    (
      spoiled('fc.weight', np.zeros((1000, 2048), np.float32)),
      "is torchvision's Inception-v3, not the one of FID",
    ),
    (
      spoiled('AuxLogits.conv0.conv.weight', np.zeros((128, 768, 1, 1), np.float32)),
      "is torchvision's Inception-v3, not the one of FID",
    ),
    (
      lambda state: recipe.linear_state(),
      'holds no Inception-v3 that this program knows: give pt_',
    ),
    (lambda state: {}, 'holds no Inception-v3'),
  ],
)
def test_wrong_weights(change, line, state, monkeypatch):
  with pytest.raises(UserError, match=f'^[^\n]*{line}') as error:
    load(change(state), monkeypatch)
  assert str(error.value).startswith('file.pth ')


def test_names_of_the_other_layout_in_messages(state, monkeypatch):
  arrays = jax_layout(state)
  del arrays[f'{LAYER}.bn.var']
  with pytest.raises(UserError, match=rf'does not hold {LAYER}\.bn\.var: '):
    load(arrays, monkeypatch)


SMALL = Made('collections.OrderedDict', items={'fc.bias': Tensor(np.zeros(1008, np.float32))})
SCRIPT = {'constants.pkl': b'\x80\x02).', 'code/__torch__.py': b'class Inception: ...'}


@pytest.mark.parametrize(
  ('name', 'content', 'line'),
  [
    ('a.pt', torch_zip(SMALL, **SCRIPT), 'is a TorchScript file, which holds code'),
    ('a.pth', torch_zip(SMALL)[:-1000], r'a\.pth'),
    ('a.pth', torch_stream(SMALL)[:-1000], r'a\.pth.* cut short'),
    ('a.pth', b'', 'is empty'),
    ('a.pth', b'<!DOCTYPE html><html>', 'is a web page'),
    ('a.pickle', pickle.dumps({'fc': {'bias': np.zeros(1008)}})[:-100], r'a\.pickle.* cut short'),
    ('a.pickle', dumps({'fc': Made('os.system', 'touch ran')}), 'names os.system'),
    ('a.pickle', pickle.dumps([1]), 'no state dictionary'),
    ('a.npz', torch_zip(SMALL)[:-1000], 'is damaged'),
    ('a.safetensors', b'12345678', 'is damaged'),
    ('a.txt', b'12345678', r'a\.txt'),
  ],
)
def test_other_files(name, content, line, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / name).write_bytes(content)
  with pytest.raises(UserError, match=f'^[^\n]*{line}[^\n]*$'):
    load_inception(tmp_path / name)
  assert os.listdir(tmp_path) == [name]


def test_missing_files(tmp_path):
  with pytest.raises(UserError, match='there is no file'):
    load_inception(tmp_path / 'nothing.pth')
