"""Damaged files end in one line, or in a model; in nothing else."""

import pathlib
import zlib

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader, read
from stylegan2_jax.importers.imported import Imported
from tests.importers.hand_pickles import Tensor, torch_stream, torch_zip

REFERENCE = pathlib.Path(__file__).parents[1] / 'reference'
FILES = ('official_r32_c0.pkl', 'official_tf_r32.pkl')


def outcome(call, path, content):
  """Whether it went well; fails for any exception but a UserError of one line."""
  path.write_bytes(content)
  said = ''
  try:
    call(path)
  except UserError as error:
    said = str(error)
  assert '\n' not in said
  assert len(said) < 600
  assert not said or str(path) in said
  return not said


@pytest.mark.parametrize('name', FILES)
def test_truncated_anywhere(tmp_path, name):
  content = (REFERENCE / name).read_bytes()
  ends = [*range(0, 64, 3), *range(64, len(content), len(content) // 24), len(content) - 1]
  for end in ends:
    assert not outcome(pickle_reader.load, tmp_path / 'a.pkl', content[:end]), end


@pytest.mark.parametrize('name', FILES)
def test_flipped_bytes_in_the_reader(tmp_path, name):
  content = (REFERENCE / name).read_bytes()
  rng = np.random.default_rng(zlib.crc32(name.encode()))
  outcomes = [
    outcome(pickle_reader.load, tmp_path / 'a.pkl', flipped(content, rng, count))
    for count in (1, 1, 2, 8, 64)
    for _ in range(6)
  ]
  assert not all(outcomes)
  assert any(outcomes)


@pytest.mark.parametrize('name', FILES)
def test_flipped_bytes_in_what_names_and_numbers_say(tmp_path, name):
  """Not in the weights, where one more or less is a model too."""
  content = (REFERENCE / name).read_bytes()
  rng = np.random.default_rng(zlib.crc32(name.encode()) + 1)
  found = pickle_reader.load(REFERENCE / name)
  assert found
  outcomes = []
  for _ in range(12):
    changed = bytearray(content)
    at = int(rng.choice(readable(content)))
    changed[at] ^= 1 << int(rng.integers(8))
    outcomes.append(outcome(read.read_model, tmp_path / 'a.pkl', bytes(changed)))
  assert not all(outcomes)


@pytest.mark.parametrize('write', [torch_zip, torch_stream])
def test_flipped_bytes_in_files_of_torch(tmp_path, write):
  content = write({'a': Tensor(np.arange(6.0)), 'b': [Tensor(np.ones((2, 3), np.float32)), 'c']})
  rng = np.random.default_rng(0)
  outcomes = [
    outcome(pickle_reader.load, tmp_path / 'a.pt', flipped(content, rng, 1)) for _ in range(150)
  ]
  assert not all(outcomes)
  for end in range(0, len(content), 7):
    assert not outcome(pickle_reader.load, tmp_path / 'a.pt', content[:end])


def test_the_whole_file_is_a_model():
  for name in FILES:
    assert isinstance(read.read_model(REFERENCE / name), Imported)


def flipped(content, rng, count):
  """The content with `count` random bytes in place of others."""
  changed = bytearray(content)
  for at in rng.integers(len(content), size=count):
    changed[at] = rng.integers(256)
  return bytes(changed)


def readable(content):
  """Places of letters and digits that stand beside some."""
  letters = np.frombuffer(content, np.uint8)
  text = (letters >= 48) & (letters < 123)
  around = np.convolve(text, np.ones(9), 'same') == 9
  return np.flatnonzero(around)
