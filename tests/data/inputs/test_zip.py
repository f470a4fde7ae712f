import os
import struct
import tracemalloc
import warnings
import zipfile

import pytest

from stylegan2_jax.data.inputs.files import ZipInput


def test_hostile_names_are_only_shown(tmp_path, check_resume, problems):
  hostile = [
    '../up.png',
    '/root.png',
    'C:\\dir\\w.png',
    'a\nb.png',
    'x.png',
    'x.png',
    '',
    'x' * 999,
  ]
  path = tmp_path / 'a.zip'
  before = sorted(os.listdir(tmp_path))
  with warnings.catch_warnings(), zipfile.ZipFile(path, 'w') as archive:
    warnings.simplefilter('ignore', UserWarning)  # duplicate names
    for number, name in enumerate(hostile):
      info = zipfile.ZipInfo('x')
      info.filename = name
      archive.writestr(info, f'content {number}')
    archive.writestr('folder/', b'')
  pictures = check_resume(ZipInput(str(path)))
  found = {p.name: p.content for p in pictures if isinstance(p.content, bytes)}
  assert found == {
    '../up.png': b'content 0',
    '/root.png': b'content 1',
    'C:\\dir\\w.png': b'content 2',
    'a\\nb.png': b'content 3',
    'x.png': b'content 4',
    'x.png (2)': b'content 5',
  }
  nameless = 'is no image by its name, which has no ending'
  assert problems(pictures) == {'(no name)': nameless, 'x' * 297 + '...': nameless}
  assert sorted(os.listdir(tmp_path)) == [*before, 'a.zip']


def test_faults_of_single_files(tmp_path, check_resume, problems):
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('a.png', b'content of a' * 9)
    archive.writestr('b.png', b'content of b' * 9)
    archive.writestr('c.png', b'content of c' * 9, zipfile.ZIP_DEFLATED)
    archive.writestr('d.png', b'content of d' * 9, zipfile.ZIP_BZIP2)
    archive.writestr('e.png', b'content of e' * 9, zipfile.ZIP_LZMA)
    archive.writestr('f.png', b'content of f' * 9)
    archive.writestr('g.png', b'content of g' * 9)
    archive.writestr('h.png', b'content of h' * 9)
    infos = {info.filename: info for info in archive.infolist()}
  data = bytearray(path.read_bytes())
  data[infos['b.png'].header_offset + 40] ^= 1
  data[infos['c.png'].header_offset + 35] = 0xFF  # the first byte of the deflate stream
  for name, offset, value in [('f.png', 8, b'\1\0'), ('g.png', 10, b'\x63\0')]:
    at = data.index(b'PK\1\2', data.index(name.encode(), infos['h.png'].header_offset + 99) - 46)
    data[at + offset : at + offset + 2] = value
  data[infos['h.png'].header_offset + 30] ^= 1
  path.write_bytes(data)
  found = problems(check_resume(ZipInput(str(path))))
  assert found.pop('h.png').startswith("cannot be read (File name in directory 'h.png' and")
  assert found == {
    'b.png': 'is damaged',
    'c.png': 'is damaged',
    'd.png': 'has a compression that is not supported (bzip2)',
    'e.png': 'has a compression that is not supported (lzma)',
    'f.png': 'is encrypted',
    'g.png': 'has a compression that is not supported (99)',
  }


@pytest.mark.parametrize('declared', [0, 10, 2**20, 2**31])
def test_lying_sizes_fill_no_memory(tmp_path, declared, problems):
  path = tmp_path / 'bomb.zip'
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('a.png', bytes(2**25))
  data = path.read_bytes()
  at = data.rindex(b'PK\1\2') + 24
  path.write_bytes(data[:at] + struct.pack('<I', declared) + data[at + 4 :])
  source = ZipInput(str(path))
  tracemalloc.start()
  found = problems(source.pictures())['a.png']
  assert tracemalloc.get_traced_memory()[1] < declared % 2**31 * 4 + 2**20
  tracemalloc.stop()
  assert (
    found
    in {
      0: ['is empty', 'is damaged'],
      10: ['is damaged'],
      2**20: ['is damaged'],
      2**31: ['is larger than 256 MiB'],
    }[declared]
  )


def test_archives_that_are_none(tmp_path, classes, as_zip, user_error):
  path = as_zip.write(classes)
  whole = path.read_bytes()
  for cut in (0, 1, 30, len(whole) // 2, len(whole) - 1):
    path.write_bytes(whole[:cut])
    user_error(lambda: ZipInput(str(path)), 'pictures.zip', 'not a readable zip archive', 'again')
  user_error(lambda: ZipInput(str(tmp_path)), 'is no file')


def test_every_damaged_byte_is_survived(as_zip, classes, user_error):
  path = as_zip.write(classes)
  whole = path.read_bytes()
  for at in range(len(whole)):
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    try:
      source = ZipInput(str(path))
    except Exception:
      user_error(lambda: ZipInput(str(path)), 'pictures.zip')
      continue
    assert len(list(source.pictures())) == len(source)
    assert all('\n' not in line for line in source.identity())
    source.close()
