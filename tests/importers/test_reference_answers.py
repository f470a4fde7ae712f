"""Official pickles and the answers that the official code gives: `official_*.pkl` of a folder.

The folder is the one that STYLEGAN2_REFERENCE names, else tests/reference.
"""

import pathlib

import numpy as np
import pytest

import launch
from stylegan2_jax import StyleGAN2
from tests.parity.reference import FOLDER

PICKLES = sorted(FOLDER.glob('official_*.pkl'))
TOLERANCE = 1e-4


@pytest.fixture(scope='module', params=PICKLES, ids=lambda path: path.stem)
def case(request, tmp_path_factory):
  """(the model of the file, that of its imported run, the answers)."""
  path = request.param
  workdir = tmp_path_factory.mktemp('imported') / 'run'
  assert not launch.main(['import', f'--pickle={path}', f'--workdir={workdir}'])
  with np.load(path.with_name(f'{path.stem}_answers.npz')) as file:
    answers = dict(file)
  return StyleGAN2.load(path), StyleGAN2.load(workdir), answers


def test_there_are_some():
  assert PICKLES or pathlib.Path(FOLDER).name != 'reference'


def test_images(case):
  for model in case[:2]:
    for name, psi in (('image', 1.0), ('image_psi0_5', 0.5)):
      ws = model.map(case[2]['z'], labels(case[2]), psi=psi)
      compare(model.synthesize(ws), nhwc(case[2][name]))


def test_logits(case):
  for model in case[:2]:
    compare(model.discriminate(nhwc(case[2]['image']), labels(case[2])), case[2]['logits'])


def test_the_run_holds_the_same_model(case):
  direct, run, _ = case
  assert run.notice == direct.notice
  assert 'licence' in run.notice
  assert run.settings == direct.settings
  assert run.labels == direct.labels
  for name, value in flat(direct.params).items():
    np.testing.assert_array_equal(value, flat(run.params)[name], name)


def flat(tree, prefix=''):
  if not isinstance(tree, dict):
    return {prefix: np.asarray(tree)}
  return {k: v for key, inner in tree.items() for k, v in flat(inner, f'{prefix}/{key}').items()}


def labels(answers):
  return answers['c'] if answers['c'].shape[1] else None


def nhwc(image):
  return image.transpose(0, 2, 3, 1)


def compare(actual, expected):
  """Within the tolerance, in float32."""
  assert actual.dtype == np.float32
  np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)
