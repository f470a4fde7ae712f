import contextlib
import itertools
import random
import struct

import lmdb
import pytest

from stylegan2_jax.data.inputs import lmdb_file, lsun
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.lsun import LsunInput
from stylegan2_jax.errors import UserError

PAGE = 4096
DAMAGED = Problem('lies on a damaged page')


def contents(count, seed=0):
  """Values of sizes that lie in the tree and beside it."""
  rng = random.Random(seed)
  sizes = [1, 100, 1900, 2100, 4080, 4081, 9000, 20000]
  keys = [f'{rng.getrandbits(160):040x}'.encode() for _ in range(count)]
  return {key: rng.randbytes(sizes[i % len(sizes)]) for i, key in enumerate(keys)}


def write(folder, values, per_transaction=50):
  items = iter(values.items())
  with lmdb.open(str(folder), map_size=2**28) as environment:
    while batch := list(itertools.islice(items, per_transaction)):
      with environment.begin(write=True) as transaction:
        for key, value in batch:
          transaction.put(key, value)
  return folder


@pytest.fixture
def folder(tmp_path):
  return write(tmp_path / 'bedroom_val_lmdb', contents(300))


def opened(path):
  """The pictures of a set, which must be as many as it says."""
  source = LsunInput(path)
  try:
    pictures = list(source.pictures())
    assert len(pictures) == len(source)
    return pictures
  finally:
    source.close()


def test_keys_and_values(folder):
  assert lsun.recognises(folder)
  expected = sorted(contents(300).items())
  assert [(p.name.encode(), p.content) for p in opened(folder)] == expected
  assert {p.label for p in opened(folder)} == {None}
  assert opened(folder / 'data.mdb') == opened(folder)


def test_many_entries_of_a_deep_tree(tmp_path):
  values = {f'{i:0200d}'.encode(): b'%d' % i for i in range(9000)}
  folder = write(tmp_path / 'a', values, 2000)
  assert [p.content for p in opened(folder)] == list(values.values())


def test_after_deletions_and_changes(folder):
  values = contents(300)
  with lmdb.open(str(folder), map_size=2**28) as environment:
    for key in list(values)[::3]:
      with environment.begin(write=True) as transaction:
        transaction.delete(key)
      del values[key]
    with environment.begin(write=True) as transaction:
      for key in list(values)[::5]:
        values[key] = b'new' * 2000
        transaction.put(key, values[key])
  assert [(p.name.encode(), p.content) for p in opened(folder)] == sorted(values.items())


def test_can_go_on_anywhere(folder):
  whole = opened(folder)
  source = LsunInput(folder)
  for start in (0, 1, 123, 299, 300):
    assert list(source.pictures(start)) == whole[start:]
  source.close()
  source.close()


def test_names_are_printable(tmp_path):
  pictures = opened(write(tmp_path / 'a', {b'a\nb': b'1', b'\xff': b'2', 'ä'.encode(): b'3'}))
  assert [p.name for p in pictures] == ['a\\nb', 'ä', '\\xff']


def test_identity(tmp_path, folder):
  one, two = LsunInput(folder), LsunInput(write(tmp_path / 'b', contents(301)))
  status = (folder / 'data.mdb').stat()
  assert one.identity() == [f'data.mdb {status.st_size} {status.st_mtime_ns} 300']
  assert one.identity() != two.identity()
  one.close()
  two.close()


def test_values_that_are_empty_or_too_large(tmp_path, monkeypatch):
  folder = write(tmp_path / 'a', {b'a': b'', b'b': bytes(9000), b'c': b'c'})
  monkeypatch.setattr(lmdb_file, 'MAX_BYTES', 2**12)
  reasons = [p.content for p in opened(folder)]
  assert reasons == [Problem('is empty'), Problem('is larger than 0 MiB'), b'c']


def test_empty_set(tmp_path):
  with pytest.raises(UserError, match=r'data\.mdb holds no pictures: download'):
    LsunInput(write(tmp_path / 'a', {}))


def opened_or_refused(path):
  """The pictures of a set, [] if it is refused."""
  with contextlib.suppress(UserError):
    return opened(path)
  return []


@pytest.mark.parametrize('size', [0, 1, 100, PAGE, PAGE + 100, 2 * PAGE, 5 * PAGE])
def test_truncated_to_almost_nothing(folder, size):
  file = folder / 'data.mdb'
  file.write_bytes(file.read_bytes()[:size])
  with pytest.raises(UserError, match=r'cannot read .*data\.mdb \(it .*\): download') as caught:
    LsunInput(folder)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('part', [0.5, 0.9, 0.99, 1])
def test_truncated(folder, part):
  file = folder / 'data.mdb'
  content = file.read_bytes()
  file.write_bytes(content[: int(len(content) * part) - 1])
  expected = contents(300)
  pictures = opened_or_refused(folder)
  reasons = [p.content for p in pictures if isinstance(p.content, Problem)]
  assert reasons or not pictures or part == 1
  assert set(reasons) <= {DAMAGED, Problem('is truncated')}
  for picture in pictures:
    if not isinstance(picture.content, Problem):
      assert picture.content == expected[picture.name.encode()]


def test_damaged_leaf_loses_its_own_pictures_only(tmp_path):
  expected = contents(300)
  file = write(tmp_path / 'a', expected, 300) / 'data.mdb'
  content = bytearray(file.read_bytes())
  leaf = content.index(max(expected)) // PAGE * PAGE
  content[leaf + 12] = 255  # its list of nodes cannot be that long
  file.write_bytes(content)
  pictures = opened(file)
  lost = [p for p in pictures if p.content == DAMAGED]
  assert 0 < len(lost) < 100
  assert pictures[-len(lost) :] == lost
  assert lost[-1].name == 'data.mdb[299]'
  assert all(p.content == expected[p.name.encode()] for p in pictures[: -len(lost)])


@pytest.mark.parametrize('seed', range(30))
def test_damage_anywhere_is_survived(tmp_path, seed):
  folder = write(tmp_path / 'a', contents(40))
  file = folder / 'data.mdb'
  content = bytearray(file.read_bytes())
  rng = random.Random(seed)
  for _ in range(20):
    place = rng.randrange(len(content) // PAGE) * PAGE + rng.randrange(150)
    content[place] = rng.randrange(256)
  file.write_bytes(content)
  pictures = opened_or_refused(folder)
  assert len({p.name for p in pictures}) == len(pictures)


def _metas(content, place, form, value):
  """Changes a field of both metas."""
  for page in (0, PAGE):
    struct.pack_into(form, content, page + place, value)


@pytest.mark.parametrize(
  ('place', 'form', 'value', 'words'),
  [
    (16, '<I', 0, 'no LMDB file'),
    (20, '<I', 3, 'the format 3 of LMDB, not 1'),
    (40, '<I', 3, 'pages have a size'),
    (40, '<I', 2**31, 'pages have a size'),
    (92, '<H', 4, 'not of LSUN form'),
    (94, '<H', 99, 'truncated or damaged'),
    (120, '<Q', 2**62, 'truncated or damaged'),
    (128, '<Q', 2**63, 'truncated or damaged'),
    (128, '<Q', 0, 'truncated or damaged'),
  ],
)
def test_lying_metas(folder, place, form, value, words):
  file = folder / 'data.mdb'
  content = bytearray(file.read_bytes())
  _metas(content, place, form, value)
  file.write_bytes(content)
  with pytest.raises(UserError, match=words):
    LsunInput(folder)


def test_tree_that_leads_back_to_itself_ends(tmp_path):
  values = {f'{i:0200d}'.encode(): b'%d' % i for i in range(9000)}
  file = write(tmp_path / 'a', values, 9000) / 'data.mdb'
  content = bytearray(file.read_bytes())
  newer = max((0, PAGE), key=lambda page: struct.unpack_from('<Q', content, page + 144)[0])
  (root,) = struct.unpack_from('<Q', content, newer + 128)
  (lower,) = struct.unpack_from('<H', content, root * PAGE + 12)
  for (node,) in struct.iter_unpack('<H', content[root * PAGE + 16 : root * PAGE + lower]):
    struct.pack_into('<I', content, root * PAGE + node, root)
  file.write_bytes(content)
  assert [p.content for p in opened(file)] == [DAMAGED] * 9000


def test_other_things_are_not_recognised(tmp_path):
  (tmp_path / 'data.mdbx').write_text('')
  for name in ('', 'data.mdbx', 'missing', 'missing.mdb'):
    assert not lsun.recognises(tmp_path / name)
