"""Two small saved runs of random weights that the tests of tools share. Nobody writes into them."""

import pytest

from stylegan2_jax import StyleGAN2
from tests.helpers import saved_run


@pytest.fixture(scope='session')
def plain(tmp_path_factory):
  """Folder of an unconditional model."""
  return saved_run(tmp_path_factory.mktemp('plain') / 'run').path


@pytest.fixture(scope='session')
def conditional(tmp_path_factory):
  """Folder of a model of two classes."""
  return saved_run(tmp_path_factory.mktemp('conditional') / 'run', ('ant', 'bee')).path


@pytest.fixture(scope='module')
def gan(plain):
  """The unconditional model."""
  return StyleGAN2.load(plain, discriminator=False)
