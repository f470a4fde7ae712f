"""A model in one .safetensors: all of it comes back, and other files are refused in one line."""

import json

import numpy as np
import pytest
import safetensors.numpy

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from tests.helpers import assert_trees_equal, saved_run


@pytest.fixture(scope='module')
def gan(tmp_path_factory):
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('run') / 'run', ('ant', 'bee')).path)


@pytest.fixture(scope='module')
def saved(gan, tmp_path_factory):
  path = tmp_path_factory.mktemp('saved') / 'model.safetensors'
  gan.save_weights(path)
  return path


def rewritten(saved, path, change=None, **text):
  """The file with other arrays or text."""
  arrays = safetensors.numpy.load_file(saved)
  with safetensors.safe_open(saved, 'np') as file:
    metadata = file.metadata() | text
  if change is not None:
    change(arrays)
  safetensors.numpy.save_file(arrays, path, metadata)
  return path


def test_all_of_it_comes_back(gan, saved):
  found = StyleGAN2.load(saved)
  assert_trees_equal(found.params, gan.params)
  assert (found.settings, found.labels, found.notice) == (gan.settings, gan.labels, '')
  np.testing.assert_array_equal(found.sample(2, label='bee'), gan.sample(2, label='bee'))
  img = np.asarray(gan.sample(2, label='bee'))
  np.testing.assert_array_equal(found.discriminate(img, 'bee'), gan.discriminate(img, 'bee'))


def test_names_that_other_programs_find(gan, saved):
  arrays = safetensors.numpy.load_file(saved)
  weight = gan.params['generator']['synthesis']['b8']['conv0']['weight']
  np.testing.assert_array_equal(arrays['generator.synthesis.b8.conv0.weight'], weight)
  assert arrays['w_avg'].shape == (8,)


def test_without_the_discriminator(saved, tmp_path):
  def remove(arrays):
    for name in [n for n in arrays if n.startswith('discriminator.')]:
      del arrays[name]

  path = rewritten(saved, tmp_path / 'g.safetensors', remove)
  for gan in (StyleGAN2.load(path), StyleGAN2.load(saved, discriminator=False)):
    assert set(gan.params) == {'generator', 'w_avg', 'noise_maps'}
    with pytest.raises(UserError, match='no discriminator was loaded'):
      gan.discriminate(np.zeros((1, 8, 8, 3)), 'ant')


def test_the_notice_stays(saved, tmp_path):
  path = rewritten(saved, tmp_path / 'a.safetensors', notice='from elsewhere')
  gan = StyleGAN2.load(path)
  assert gan.notice == 'from elsewhere'
  gan.save_weights(tmp_path / 'b.safetensors')
  assert StyleGAN2.load(tmp_path / 'b.safetensors').notice == 'from elsewhere'


def _without(name):
  return lambda arrays: arrays.pop(name)


def _reshaped(arrays):
  arrays['w_avg'] = np.zeros((2, 4), np.float32)


@pytest.mark.parametrize(
  ('change', 'text', 'message'),
  [
    (_without('w_avg'), {}, 'is damaged'),
    (_without('generator.mapping.fc0.bias'), {}, 'is damaged'),
    (_reshaped, {}, r'is damaged \(w_avg is \[2, 4\], not \[8\]\): save it again'),
    (None, {'format': 'other'}, 'does not hold a model of this package'),
    (None, {'config': '{'}, 'is not valid JSON'),
    (None, {'config': '{}'}, 'lacks the field'),
    (None, {'labels': 'null'}, 'is damaged'),
    (None, {'labels': '{"c_dim": "many", "class_names": []}'}, 'is damaged'),
    (None, {'labels': '{"c_dim": 3, "class_names": []}'}, 'is damaged'),
  ],
)
def test_other_content(saved, tmp_path, change, text, message):
  path = rewritten(saved, tmp_path / 'x.safetensors', change, **text)
  with pytest.raises(UserError, match=message) as caught:
    StyleGAN2.load(path)
  assert '\n' not in str(caught.value)


def test_a_config_that_no_network_has(saved, tmp_path, gan):
  with safetensors.safe_open(saved, 'np') as file:
    config = json.loads(file.metadata()['config'])
  config['data']['resolution'] = 44
  path = rewritten(saved, tmp_path / 'x.safetensors', config=json.dumps(config))
  with pytest.raises(UserError, match=r'data\.resolution'):
    StyleGAN2.load(path)


def test_cut_short(saved, tmp_path):
  content, path = saved.read_bytes(), tmp_path / 'x.safetensors'
  for length in (0, 4, 8, 100, len(content) // 2, len(content) - 1):
    path.write_bytes(content[:length])
    with pytest.raises(UserError, match='is damaged'):
      StyleGAN2.load(path)


def test_paths(gan, saved, tmp_path):
  with pytest.raises(UserError, match='No such file'):
    StyleGAN2.load(tmp_path / 'no.safetensors')
  with pytest.raises(UserError, match='one file without steps'):
    StyleGAN2.load(saved, step=3)
  with pytest.raises(UserError, match=r'name the file model\.safetensors'):
    gan.save_weights(tmp_path / 'model.pt')
  with pytest.raises(UserError, match='cannot write'):
    gan.save_weights(tmp_path / 'no' / 'model.safetensors')
