import dataclasses
import pickle
import threading
import zipfile

import numpy as np
import pytest

from stylegan2_jax.data import checking, decoding
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings

_ORDER = ['a.png', 'b-1.png', 'b/x.png', 'b/y.PNG', 'c.bmp', 'd.webp', 'e.png']
_SEEDS = [0, 3, 1, 2, 4, 5, 6]  # of conftest's pictures, in that order


def test_reads_all_in_the_order_of_names(both, make_image):
  source = open_source(both)
  assert len(source) == 7
  assert (source.class_names, source.component_names, source.label_dim) == ((), (), 0)
  assert source.labels() is None
  for i, (name, seed) in enumerate(zip(_ORDER, _SEEDS, strict=True)):
    example = source.read(i)
    assert example.name == f'{both.source}/{name}'
    assert example.label == -1
    image = decoding.decode(both, example.image, example.name)
    np.testing.assert_array_equal(image, np.asarray(make_image(seed)))
  assert source.describe() == f'{both.source}: 7 images of 8x8'


def test_reading_from_many_threads_and_after_pickling(both):
  source = pickle.loads(pickle.dumps(open_source(both)))
  expected = [source.read(i) for i in range(7)]
  wrong = []

  def read():
    for k in range(200):
      if source.read(k % 7) != expected[k % 7]:
        wrong.append(k)

  threads = [threading.Thread(target=read) for _ in range(4)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not wrong


def test_fingerprint(both, folder, tmp_path, make_image, encode, zipped):
  first = open_source(both).fingerprint()
  assert open_source(both).fingerprint() == first
  assert open_source(dataclasses.replace(both, threads=1)).fingerprint() == first
  assert open_source(dataclasses.replace(both, resolution=4)).fingerprint() != first
  (folder / 'f.png').write_bytes(encode(make_image(9)))
  if both.source.endswith('zip'):
    zipped(folder, tmp_path / 'pictures.zip')
  assert open_source(both).fingerprint() != first


def test_zip_fingerprint_sees_the_content(settings, tmp_path, make_image, encode):
  prints = set()
  for seed in (0, 1):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
      archive.writestr('a.bmp', encode(make_image(seed), 'bmp'))  # the same size in bytes
    data = dataclasses.replace(settings, source=str(tmp_path / 'a.zip'))
    prints.add(open_source(data).fingerprint())
  assert len(prints) == 2


def test_other_files_are_skipped_with_one_line(both, folder, tmp_path, capsys, zipped):
  for name in ['dataset.json', 'notes.txt', 'b/.hidden.png', 'z.npy']:
    (folder / name).write_text('x')
  if both.source.endswith('zip'):
    zipped(folder, tmp_path / 'pictures.zip')
  assert len(open_source(both)) == 7
  assert capsys.readouterr().err == (
    f'warning: skipped 4 files that are no images in {both.source}: '
    'b/.hidden.png, dataset.json, notes.txt, ...\n'
  )


def test_path_does_not_exist(tmp_path, refused):
  data = DataSettings(source=str(tmp_path / 'nothing'))
  refused(data, f'data.source={tmp_path}/nothing does not exist', 'give')


def test_empty_folder(tmp_path, refused):
  refused(DataSettings(source=str(tmp_path)), str(tmp_path), 'holds no images', 'put images')


def test_zip_without_images(tmp_path, refused):
  with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
    archive.writestr('readme.txt', 'x')
  refused(DataSettings(source=str(tmp_path / 'a.zip')), 'a.zip', 'holds no images')


@pytest.mark.parametrize('content', [b'', b'not a zip', b'PK\x03\x04' + bytes(100)])
def test_not_a_zip(tmp_path, content, refused):
  (tmp_path / 'a.zip').write_bytes(content)
  refused(DataSettings(source=str(tmp_path / 'a.zip')), 'a.zip is not a zip archive', 'a folder')


def test_truncated_zip(folder, settings, tmp_path, zipped, refused):
  path = zipped(folder, tmp_path / 'a.zip')
  path.write_bytes(path.read_bytes()[:-100])
  refused(dataclasses.replace(settings, source=str(path)), 'a.zip', 'damaged')


def test_zip_with_a_damaged_member(folder, settings, tmp_path, zipped, refused):
  path = zipped(folder, tmp_path / 'a.zip', zipfile.ZIP_STORED)
  content = bytearray(path.read_bytes())
  with zipfile.ZipFile(path) as archive:
    info = archive.getinfo('c.bmp')
  content[info.header_offset + 30 + len('c.bmp') + 100] ^= 1  # a pixel: only the checksum knows
  path.write_bytes(content)
  refused(dataclasses.replace(settings, source=str(path)), 'a.zip/c.bmp', 'CRC', 'restore')


def test_encrypted_zip(folder, settings, tmp_path, zipped, refused):
  path = zipped(folder, tmp_path / 'a.zip')
  content = bytearray(path.read_bytes())
  start = 0
  while (start := content.find(b'PK\x01\x02', start)) >= 0:  # the flags in the directory
    content[start + 8] |= 1
    start += 4
  path.write_bytes(content)
  refused(dataclasses.replace(settings, source=str(path)), 'a.zip is encrypted', 'password')


def test_describe_names_all_sizes_and_filters(folder, settings, make_image, encode):
  (folder / 'f.png').write_bytes(encode(make_image(9, 16)))
  (folder / 'g.png').write_bytes(encode(make_image(9, 20)))
  text = open_source(settings).describe()
  assert text.endswith('9 images of 8x8 to 20x20, downsampled to 8x8 (box and lanczos filter)')


def test_large_sets_are_checked_by_header_and_then_as_read(folder, settings, monkeypatch, refused):
  path = folder / 'b' / 'x.png'
  path.write_bytes(path.read_bytes()[:-40])
  refused(settings, 'b/x.png', 'truncated')
  monkeypatch.setattr(checking, '_DECODE_UP_TO', 100)
  example = open_source(settings).read(2)
  with pytest.raises(UserError, match=r'b/x\.png is truncated'):
    decoding.decode(settings, example.image, example.name)


def test_long_checks_are_announced(folder, settings, monkeypatch, capsys):
  monkeypatch.setattr(checking, '_ANNOUNCE_AFTER', 0.0)
  open_source(settings)
  first, second = capsys.readouterr().err.splitlines()
  assert first == f'checking 7 images of {folder} ...'
  assert second.startswith(f'checked 7 images of {folder} in ')


def test_file_that_vanishes(folder, settings):
  source = open_source(settings)
  (folder / 'a.png').unlink()
  with pytest.raises(UserError, match=r'cannot read .*a\.png \(No such file.*restore'):
    source.read(0)


def test_labels_wanted_but_absent(settings, refused):
  remedies = ['set data.labels=False', 'launch.py prepare', '--labels=folders']
  refused(dataclasses.replace(settings, labels=True), settings.source, *remedies)


def test_shapes_are_rgb(tmp_path, refused):
  refused(DataSettings(dir=str(tmp_path), channels=1), 'shapes', 'set data.channels=3')
  refused(DataSettings(dir=str(tmp_path), aspect='3:4'), 'shapes', 'set data.aspect=1:1')
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('seed', range(60))
def test_damaged_zip_never_ends_in_another_exception(seed, settings, tmp_path, make_image, encode):
  """Bytes are overwritten anywhere, most of them in the directory that zipfile trusts."""
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    for i in range(3):
      archive.writestr(f'{i}.png', encode(make_image(seed=i)))
    directory = archive.start_dir
  content = bytearray(path.read_bytes())
  rng = np.random.default_rng(seed)
  for position in rng.integers(0 if seed % 4 == 0 else directory, len(content), 1 + seed % 5):
    content[position] = rng.integers(256)
  path.write_bytes(content)
  message = 'a.zip is sound'
  try:
    source = open_source(dataclasses.replace(settings, source=str(path)))
    for i in range(len(source)):
      source.read(i)
  except UserError as error:
    message = str(error)
  assert '\n' not in message
  assert 'a.zip' in message


def test_zip_with_a_name_that_is_not_utf8(settings, tmp_path, make_image, encode, refused):
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('ä.png', encode(make_image(seed=0)))
  path.write_bytes(path.read_bytes().replace('ä'.encode(), b'\xff\xff'))
  refused(dataclasses.replace(settings, source=str(path)), 'a.zip', 'damaged')
