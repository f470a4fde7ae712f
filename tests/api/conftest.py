"""Models of random weights."""

import pytest

from stylegan2_jax import StyleGAN2
from tests.api.inputs import CLASSES
from tests.helpers import saved_run


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """(folder, state, generator, discriminator) of a conditional run that was saved."""
  return saved_run(tmp_path_factory.mktemp('conditional') / 'run', CLASSES)


@pytest.fixture(scope='module')
def gan(run):
  return StyleGAN2.load(run.path)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
  """An unconditional model."""
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('plain') / 'run').path)
