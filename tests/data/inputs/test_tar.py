import gzip
import io
import os
import random
import tarfile
import tracemalloc

import pytest

from stylegan2_jax.data.inputs import tar
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.tar import TarInput

_ENDINGS = ['tar', 'tar.gz', 'tgz', 'tar.bz2', 'tar.xz']


@pytest.mark.parametrize('ending', _ENDINGS)
def test_reads_what_was_written_in_its_order(tmp_path, tarred, ending, check_resume):
  files = [(f'{i * 7 % 40}.png', random.Random(i).randbytes(i * 331 + 1)) for i in range(40)]
  path = tarred(tmp_path / f'a.{ending}', files)
  pictures = check_resume(TarInput(str(path)))
  assert [(p.name, p.content) for p in pictures] == files
  unnamed = path.rename(tmp_path / 'archive')  # found out by looking, not by the name
  source = TarInput(unnamed)
  assert list(source.pictures()) == pictures
  assert source.identity()[3].startswith('21.png 994 ')
  source.close()
  assert list(source.pictures(38)) == pictures[38:]  # opens again
  source.close()


def test_compressed_archives_are_read_once_not_for_every_picture(tmp_path, tarred, monkeypatch):
  opened = []

  def unpack(*args):
    opened.append(args)
    return gzip.open(*args)

  monkeypatch.setattr(tar, '_PACKED', ((b'\x1f\x8b', unpack),))
  path = tarred(tmp_path / 'a.tar.gz', [(f'{i}.png', b'content') for i in range(50)])
  source = TarInput(path)
  assert len(opened) == 1
  assert len(list(source.pictures())) == 50
  assert len(opened) == 2
  source.close()


def test_several_streams_in_one_file(tmp_path, tarred, check_resume):
  path = tarred(tmp_path / 'a.tar', [(f'{i}.png', bytes([i]) * 999) for i in range(9)])
  whole = path.read_bytes()
  path.write_bytes(gzip.compress(whole[:5000]) + gzip.compress(whole[5000:]))  # as pigz does
  assert [p.content for p in check_resume(TarInput(path))] == [bytes([i]) * 999 for i in range(9)]


def test_members_that_are_no_files(tmp_path, check_resume, problems):
  path = tmp_path / 'a.tar'
  kinds = {
    'soft.png': tarfile.SYMTYPE,
    'hard.png': tarfile.LNKTYPE,
    'pipe.png': tarfile.FIFOTYPE,
    'disk.png': tarfile.BLKTYPE,
    'folder.png': tarfile.DIRTYPE,
  }
  with tarfile.open(path, 'w') as archive:
    for name, kind in kinds.items():
      info = tarfile.TarInfo(name)
      info.type, info.linkname = kind, '/etc/passwd'
      archive.addfile(info)
    _add(archive, './a.png', b'a')
  pictures = check_resume(TarInput(path))
  assert problems(pictures) == {
    'soft.png': 'is a link',
    'hard.png': 'is a link',
    'pipe.png': 'is no regular file',
    'disk.png': 'is no regular file',
  }
  assert pictures[-1][:2] == ('a.png', b'a')


@pytest.mark.parametrize('form', [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_hostile_names_are_only_shown(tmp_path, form, check_resume):
  names = [
    '../up.png',
    '/root.png',
    'a\nb.png',
    'x.png',
    'x.png',
    'ü\udcff.png',
    'd/' * 90 + 'e.png',
  ]
  path = tmp_path / 'a.tar'
  with tarfile.open(path, 'w', format=form, encoding='utf-8') as archive:
    for name in names:
      _add(archive, name, name.encode('utf-8', 'surrogateescape'))
  before = sorted(os.listdir(tmp_path))
  pictures = check_resume(TarInput(path))
  assert [p.content for p in pictures] == [n.encode('utf-8', 'surrogateescape') for n in names]
  assert [p.name for p in pictures] == [
    '../up.png',
    '/root.png',
    'a\\nb.png',
    'x.png',
    'x.png (2)',
    'ü\\xff.png',
    names[-1],
  ]
  assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize('ending', ['tar', 'tar.gz', 'tar.bz2', 'tar.xz'])
def test_truncated_archives_give_what_is_whole(tmp_path, tarred, ending, problems, user_error):
  # Noise, so that compressed archives are cut in the midst of contents.
  files = [(f'{i}.png', random.Random(i).randbytes(3000)) for i in range(12)]
  path = tarred(tmp_path / f'a.{ending}', files)
  whole = path.read_bytes()
  found = set()
  for cut in range(20, len(whole) - 11000 if ending == 'tar' else len(whole) - 300, 997):
    path.write_bytes(whole[:cut])
    try:
      source = TarInput(path)
    except Exception:
      user_error(lambda: TarInput(path), 'download', f'a.{ending}')
      found.add(0)
      continue
    pictures = list(source.pictures())
    assert list(source.pictures(len(pictures) - 2)) == pictures[-2:]
    source.close()
    good = [(p.name, p.content) for p in pictures if not isinstance(p.content, Problem)]
    assert good == files[: len(good)]
    faults = problems(pictures)
    n = f'{len(good)} file' + ('s' if len(good) > 1 else '')
    tail = faults.pop(f'(rest of a.{ending})')
    assert tail in (f'the archive is truncated after {n}', f'the archive has no end mark after {n}')
    assert faults in ({}, {f'{len(good)}.png': 'is truncated'})
    found.add(len(good))
  if ending != 'tar.bz2':  # which unpacks nothing of a block that is not whole
    assert found >= set(range(11))


def test_damaged_header(tmp_path, tarred, problems):
  path = tarred(tmp_path / 'a.tar', [(f'{i}.png', b'content') for i in range(5)])
  data = bytearray(path.read_bytes())
  data[2 * 1024 + 5] ^= 1
  path.write_bytes(data)
  for packed in (data, gzip.compress(data)):
    path.write_bytes(packed)
    source = TarInput(path)
    assert source.names == ('0.png', '1.png', '(rest of a.tar)')
    assert problems(source.pictures()) == {
      '(rest of a.tar)': 'the archive is damaged after 2 files'
    }
    source.close()


@pytest.mark.parametrize('ending', ['tar', 'tar.gz', 'tar.bz2', 'tar.xz'])
def test_damage_anywhere_is_survived(tmp_path, tarred, ending, user_error):
  path = tarred(tmp_path / f'a.{ending}', [(f'{i}' * 150 + '.png', b'content') for i in range(3)])
  whole = path.read_bytes()
  step = 7 if ending == 'tar' else 1
  for at in range(0, min(len(whole), 4000), step):
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    try:
      source = TarInput(path)
    except Exception:
      user_error(lambda: TarInput(path), f'a.{ending}')
      continue
    assert len(list(source.pictures())) == len(source)
    source.close()


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('size', [2**28, 2**40, 2**62, 2**80])
def test_lying_sizes_fill_no_memory_and_end(tmp_path, size, packed, problems):
  path = tmp_path / 'a.tar'
  for kind in (tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
    with tarfile.open(path, 'w') as archive:
      _add(archive, 'a.png', b'a')
      info = tarfile.TarInfo('b.png')
      info.size, info.type = size, kind
      archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))
      archive.fileobj.write(bytes(2000))
    if packed:
      path.write_bytes(gzip.compress(path.read_bytes()))
    tracemalloc.start()
    source = TarInput(path)
    pictures = list(source.pictures())
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()
    source.close()
    assert pictures[0][:2] == ('a.png', b'a')
    faults = problems(pictures)
    possible = kind == tarfile.REGTYPE and size < 2**50
    state = 'truncated' if possible else 'damaged'
    assert faults.pop('(rest of a.tar)') == f'the archive is {state} after 1 file'
    assert faults == ({'b.png': 'is truncated'} if possible else {})


def test_negative_size(tmp_path, problems):
  path = tmp_path / 'a.tar'
  with tarfile.open(path, 'w') as archive:
    _add(archive, 'a.png', b'a')
    info = tarfile.TarInfo('b.png')
    info.size = -1024
    archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))
  source = TarInput(path)
  assert problems(source.pictures()) == {'(rest of a.tar)': 'the archive is damaged after 1 file'}
  source.close()


def test_archives_that_are_none(tmp_path, tarred, user_error):
  path = tmp_path / 'a.tar'
  for content in (
    b'',
    b'no archive',
    b'x' * 5000,
    gzip.compress(b'x' * 5000),
    b'BZh9',
    b'\x1f\x8b',
  ):
    path.write_bytes(content)
    user_error(lambda: TarInput(path), 'a.tar', 'is not a readable tar archive', 'again')
  path.write_bytes(bytes(10240))
  user_error(lambda: TarInput(path), 'holds no images')
  user_error(lambda: TarInput(tmp_path), 'is no file')
  tarred(path, [('a.png', b'1' * 5000)])
  path.write_bytes(path.read_bytes()[:2000])
  user_error(lambda: TarInput(path), 'is truncated and holds not one whole file')


def test_files_that_change_underneath(tmp_path, tarred, problems):
  path = tarred(tmp_path / 'a.tar.gz', [('a.png', b'a'), ('b.png', b'b')])
  source = TarInput(path)
  path.write_bytes(path.read_bytes()[:10])
  assert problems(source.pictures()) == {'a.png': 'is truncated', 'b.png': 'is truncated'}
  source.close()


def _add(archive, name, content):
  info = tarfile.TarInfo(name)
  info.size = len(content)
  archive.addfile(info, io.BytesIO(content))
