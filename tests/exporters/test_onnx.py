"""`export --format=onnx`: what onnxruntime draws is what the model draws."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters import onnx as onnx_exporter
from stylegan2_jax.exporters.parts import part_of
from tests.helpers import saved_run
from tests.required import missing


@pytest.fixture(scope='module')
def gan(tmp_path_factory):
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('model') / 'run', 'ab').path)


@pytest.fixture
def runtime():
  if importlib.util.find_spec('jax2onnx') is None:
    missing('jax2onnx is not installed')
  import onnxruntime

  return onnxruntime


def test_draws_the_same_at_any_batch_size(runtime, gan, tmp_path):
  (path,) = onnx_exporter.write_onnx(gan, tmp_path / 'model.onnx')
  session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
  about = session.get_modelmeta().custom_metadata_map
  assert about == {'part': 'generator', 'class_names': 'a\nb'}
  assert {each.name: each.shape for each in session.get_inputs()} == {
    'z': ['b', 8], 'label': ['b', 2], 'psi': []
  }  # fmt: skip
  z, label = np.asarray(gan.latents(range(8))), np.eye(2, dtype=np.float32)[np.arange(8) % 2]
  expected = np.asarray(gan.synthesize(gan.map(z, label, psi=0.7)))
  psi = np.array(0.7, np.float32)
  for count in (1, 3, 8):
    feed = {'z': z[:count], 'label': label[:count], 'psi': psi}
    (found,) = session.run(['images'], feed)
    np.testing.assert_allclose(found, expected[:count], atol=1e-5 * np.abs(expected).max())


def test_discriminator_and_notice(runtime, gan, tmp_path, monkeypatch):
  monkeypatch.setattr(gan, 'model', dataclasses.replace(gan.model, notice='from somewhere'))
  (path,) = onnx_exporter.write_onnx(gan, tmp_path / 'model.onnx', 'discriminator')
  session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
  assert session.get_modelmeta().custom_metadata_map['notice'] == 'from somewhere'
  images = np.random.default_rng(0).standard_normal((4, 8, 8, 3)).astype(np.float32)
  label = np.eye(2, dtype=np.float32)[[0, 1, 1, 0]]
  (found,) = session.run(['logits'], {'images': images, 'label': label})
  np.testing.assert_allclose(found, gan.discriminate(images, label), atol=1e-5)


def test_refuses_a_file_that_computes_something_else(runtime, gan, tmp_path):
  (path,) = onnx_exporter.write_onnx(gan, tmp_path / 'model.onnx', 'mapping')
  part = part_of(gan, 'mapping')
  other = dataclasses.replace(part, weights={**part.weights, 'w_avg': part.weights['w_avg'] + 1})
  with pytest.raises(UserError, match=r'made of the mapping computes something else'):
    onnx_exporter._check(other, path.read_bytes())


def test_what_the_converter_cannot_do_is_said_in_one_line(runtime, gan, tmp_path, monkeypatch):
  monkeypatch.setattr(onnx_exporter, '_in_plain_words', lambda function: function)
  with pytest.raises(UserError, match=r"cannot convert the synthesis \(.* 'correlation'"):
    onnx_exporter.write_onnx(gan, tmp_path / 'model.onnx', 'synthesis')
  assert not (tmp_path / 'model.onnx').exists()


def test_without_the_converter(gan, tmp_path, monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(UserError, match='needs jax2onnx, which is not installed: pip install'):
    onnx_exporter.write_onnx(gan, tmp_path / 'model.onnx')
