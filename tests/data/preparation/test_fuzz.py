"""Hundreds of damaged, mislabelled, enormous and oddly named files: each is stored or named."""

import csv
import io
import os
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.records import Records

_KINDS = {'png': {}, 'jpeg': {}, 'webp': {}, 'bmp': {}, 'gif': {}, 'tiff': {}}
_ODD_NAMES = [
  'a b.png', '-rf.png', '$(touch x).png', '"quoted".png', "it's.png", 'line\nbreak.png', 'a,b.png',
  'tab\t.png', 'b\x1b[31m.png', 'grüße.png', '🙂.png', 'CON.png', 'x' * 200 + '.png',
  'a.PNG', 'a.png.png', 'percent%s%n.png', '{0}.png', 'semi;colon.png', '%2e%2e%2f.png',
]  # fmt: skip
_TRAVERSALS = [
  '../outside.png', '../../outside.png', '/outside.png', '/tmp/outside.png', 'a/../../outside.png',
  './here.png', 'a//b.png', '..\\outside.png', 'C:\\outside.png', 'a/./b.png', 'same.png',
]  # fmt: skip


def _encoded(rng, kind):
  buffer = io.BytesIO()
  Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(buffer, kind)
  return buffer.getvalue()


def _png_of_size(width, height):
  """A PNG header that promises this many pixels, and next to no data."""

  def chunk(kind, content):
    return (
      struct.pack('>I', len(content))
      + kind
      + content
      + struct.pack('>I', zlib.crc32(kind + content))
    )

  header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
  data = chunk(b'IDAT', zlib.compress(bytes(1000)))
  return b'\x89PNG\r\n\x1a\n' + header + data + chunk(b'IEND', b'')


def _enormous():
  """Files of a few bytes that promise billions of pixels."""
  tags = [(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 8), (259, 3, 1, 1)]
  tags += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 100_000), (279, 4, 1, 10)]
  tiff = b'II*\0' + struct.pack('<IH', 8, len(tags))
  tiff += b''.join(struct.pack('<HHII', *tag) for tag in tags) + bytes(4)
  bmp = b'BM' + struct.pack('<IHHI', 54, 0, 0, 54)
  bmp += struct.pack('<IiiHHIIiiII', 40, 100_000, 100_000, 1, 24, 0, 0, 0, 0, 0, 0)
  return {
    'enormous.png': _png_of_size(100_000, 100_000),
    'wide.png': _png_of_size(2**31 - 1, 1),
    'large.png': _png_of_size(12_000, 12_000),
    'enormous.gif': b'GIF89a' + struct.pack('<HHBBB', 65535, 65535, 0, 0, 0) + b'\x3b',
    'enormous.tif': tiff,
    'enormous.bmp': bmp,
  }


def _corpus(seed):
  """Several hundred files: name -> bytes, and the names of those that are whole."""
  rng = np.random.default_rng(seed)
  files, whole = {}, set()
  for kind in _KINDS:
    for i in range(6):
      files[f'whole/{i}.{kind}'] = _encoded(rng, kind)
      whole.add(f'whole/{i}.{kind}')
    for i in range(24):
      content = _encoded(rng, kind)
      files[f'cut/{i}.{kind}'] = content[: rng.integers(0, len(content))]
    for i in range(24):
      content = bytearray(_encoded(rng, kind))
      for position in rng.integers(0, len(content), rng.integers(1, 8)):
        content[position] = rng.integers(0, 256)
      files[f'flipped/{i}.{kind}'] = bytes(content)
    files[f'mislabelled/{kind}.png'] = _encoded(rng, kind)
    whole.add(f'mislabelled/{kind}.png')
    files[f'other/{kind}.txt'] = _encoded(rng, kind)
  for i in range(24):
    files[f'noise/{i}.jpg'] = rng.bytes(rng.integers(0, 400))
  for name in _ODD_NAMES:
    files[name] = _encoded(rng, 'png')
    whole.add(name)
  return {
    **files,
    **_enormous(),
    'empty.png': b'',
    '..png': b'hidden',
    'text.png': b'<svg></svg>\n',
  }, whole


def _folder(path, files):
  for name, content in files.items():
    file = path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
  strange = os.fsencode(path) + b'/bytes\xff\xfe.png'
  with open(strange, 'wb') as file:
    file.write(files['whole/0.png'])
  os.mkfifo(path / 'pipe.png')
  (path / 'loop').symlink_to(path)
  (path / 'broken.png').symlink_to(path / 'nothing')
  return path


def _zip(path, files):
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    for name, content in files.items():
      archive.writestr(name, content)
    for name in _TRAVERSALS:
      archive.writestr(name, files['whole/0.png'])
    with pytest.warns(UserWarning, match='Duplicate'):
      archive.writestr('same.png', files['whole/1.png'])
    archive.writestr('bomb.png', bytes(300 * 2**20))
  return path


def _tar(path, files):
  with tarfile.open(path, 'w:gz', format=tarfile.PAX_FORMAT) as archive:

    def add(name, content=b'', **fields):
      info = tarfile.TarInfo(name)
      info.size = len(content)
      for field, value in fields.items():
        setattr(info, field, value)
      archive.addfile(info, io.BytesIO(content))

    for name, content in files.items():
      add(name, content)
    for name in _TRAVERSALS:
      add(name, files['whole/0.png'])
    add('link.png', type=tarfile.SYMTYPE, linkname='/etc/passwd')
    add('hard.png', type=tarfile.LNKTYPE, linkname='../../outside.png')
    add('device.png', type=tarfile.CHRTYPE, devmajor=1, devminor=5)
    add('pipe.png', type=tarfile.FIFOTYPE)
  return path


def _tree(path):
  return {p: p.lstat().st_mtime_ns for p in path.rglob('*') if p.is_file() or p.is_symlink()}


@pytest.mark.parametrize('form', ['folder', 'zip', 'tar'])
def test_every_file_is_stored_or_named(tmp_path, monkeypatch, form):
  files, whole = _corpus(seed=3)
  source = {
    'folder': lambda: _folder(tmp_path / 'in' / 'photos', files),
    'zip': lambda: _zip(tmp_path / 'photos.zip', files),
    'tar': lambda: _tar(tmp_path / 'photos.tar.gz', files),
  }[form]()
  (tmp_path / 'work').mkdir()
  monkeypatch.chdir(tmp_path / 'work')
  before = _tree(tmp_path)
  out = tmp_path / 'sets' / 'photos'
  folder = prepare(Request(str(source), out, workers=2, transform='center-crop', resolution=(8, 8)))

  new = {path for path in _tree(tmp_path) if path not in before}
  assert all(path.is_relative_to(out) for path in new)
  assert {path: stamp for path, stamp in _tree(tmp_path).items() if path in before} == before

  with (folder / 'skipped.csv').open(newline='', encoding='utf-8') as file:
    skipped = dict(list(csv.reader(file))[1:])
  assert all(reason and '\n' not in reason for reason in skipped.values())
  records = Records(folder)
  names = {records.origin(i) for i in range(len(records))}
  for i in range(len(records)):
    assert Image.open(io.BytesIO(records.read(i).image)).size == (8, 8), records.origin(i)
  assert not names & set(skipped)
  assert len(names) + len(skipped) >= len(files)
  printable = {n for n in files if n.isprintable()}
  assert printable <= names | set(skipped)
  assert {n for n in whole if n.isprintable()} <= names
  for name in (*_enormous(), 'empty.png', 'text.png', '..png', 'other/png.txt'):
    assert name in skipped, name
  if form == 'zip':
    assert '256 MiB' in skipped['bomb.png']
