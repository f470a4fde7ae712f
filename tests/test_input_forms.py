"""From every form of input to a step of training: what was put in is what is trained on."""

import gzip
import io
import json
import struct
import tarfile
import zipfile

import lmdb
import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training import session
from tests.data.inputs import cifar_archives, stylegan_records
from tests.helpers import limit_devices, settings

COLOURS = np.random.default_rng(5).integers(0, 256, (12, 3), np.uint8)  # of 12 plain pictures
CLASSES = [i % 3 for i in range(12)]


def _pictures(side=8):
  """The twelve, uint8 [12, side, side, 3]."""
  return np.broadcast_to(COLOURS[:, None, None], (12, side, side, 3))


def _encoded(kind='png', **options):
  """(name, bytes, class) of each."""
  for i, pixels in enumerate(_pictures()):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    yield f'{"abc"[CLASSES[i]]}/{i:02d}.{kind}', buffer.getvalue(), CLASSES[i]


def _folder(path):
  for name, content, _ in _encoded():
    (path / 'photos' / name).parent.mkdir(parents=True, exist_ok=True)
    (path / 'photos' / name).write_bytes(content)
  return path / 'photos', {'labels': 'folders'}


def _tar(path):
  with tarfile.open(path / 'photos.tar.gz', 'w:gz') as archive:
    for name, content, _ in _encoded('tiff'):
      info = tarfile.TarInfo(name)
      info.size = len(content)
      archive.addfile(info, io.BytesIO(content))
  return path / 'photos.tar.gz', {'labels': 'folders'}


def _table(path):
  """A folder, and a CSV of label vectors."""
  lines = [f'{name},{number / 4},{-number}' for name, _, number in _encoded()]
  (path / 'labels.csv').write_text('\n'.join(['file,smiling,age', *lines]))
  return _folder(path)[0], {'labels': str(path / 'labels.csv')}


def _stylegan_zip(path):
  labels = [[name, number] for name, _, number in _encoded()]
  with zipfile.ZipFile(path / 'set.zip', 'w', zipfile.ZIP_STORED) as archive:
    for name, content, _ in _encoded():
      archive.writestr(name, content)
    archive.writestr('dataset.json', json.dumps({'labels': labels}))
  return path / 'set.zip', {}


def _plain_zip(path):
  with zipfile.ZipFile(path / 'set.zip', 'w') as archive:
    for name, content, _ in _encoded('webp', lossless=True):
      archive.writestr(name, content)
  return path / 'set.zip', {}


def _rows():
  """As CIFAR stores them: [12, 3072], a plane for each colour."""
  return np.ascontiguousarray(_pictures(32).transpose(0, 3, 1, 2)).reshape(12, -1)


def _cifar10(path):
  meta = {b'label_names': [b'ant', b'bee', b'cat'], b'num_vis': 3072}
  empty = {b'data': _rows()[:0], b'labels': [], b'filenames': []}
  batches = dict.fromkeys(cifar_archives.NAMES_10, empty)
  for i, name in enumerate(list(batches)[:2]):
    half = slice(6 * i, 6 * i + 6)
    batches[name] = {b'data': _rows()[half], b'labels': CLASSES[half], b'filenames': []}
  files = {'batches.meta': meta, **batches, 'test_batch': empty}
  packed = {name: cifar_archives.dump(value) for name, value in files.items()}
  return cifar_archives.pack(path / 'cifar-10-python.tar.gz', packed), {}


def _cifar100(path):
  meta = {b'fine_label_names': [b'ant', b'bee', b'cat'], b'coarse_label_names': [b'insect']}
  train = {b'data': _rows(), b'fine_labels': CLASSES, b'coarse_labels': [0] * 12}
  test = {b'data': _rows()[:1], b'fine_labels': [0], b'coarse_labels': [0]}
  packed = {
    name: cifar_archives.dump(value)
    for name, value in (('meta', meta), ('train', train), ('test', test))
  }
  out = path / 'cifar-100-python.tar.gz'
  return cifar_archives.pack(out, packed, 'cifar-100-python'), {}


def _mnist(path):
  (path / 'mnist').mkdir()
  grey = np.repeat(COLOURS[:, :1], 28 * 28, axis=1)
  images = struct.pack('>4I', 0x803, 12, 28, 28) + grey.tobytes()
  labels = struct.pack('>2I', 0x801, 12) + bytes(CLASSES)
  (path / 'mnist' / 'train-images-idx3-ubyte.gz').write_bytes(gzip.compress(images))
  (path / 'mnist' / 'train-labels-idx1-ubyte.gz').write_bytes(gzip.compress(labels))
  return path / 'mnist', {}


def _lsun(path):
  folder = path / 'cat_lmdb'
  with lmdb.open(str(folder), map_size=2**24) as environment, environment.begin(write=True) as t:
    for i, (_, content, _) in enumerate(_encoded('webp', lossless=True)):
      t.put(f'{i:040x}'.encode(), content)
  return folder, {}


def _tfrecords(path):
  planes = np.ascontiguousarray(_pictures().transpose(0, 3, 1, 2))
  labels = np.eye(3, dtype=np.float32)[CLASSES]
  return stylegan_records.write(path / 'ffhq', planes, labels), {}


def _prepared(path):
  """A set that TFDS knows: here one that was prepared before."""
  source, flags = _folder(path)
  folder = prepare(Request(str(source), path / 'tfds' / 'before', workers=0, **flags))
  return folder.parent, {}


FORMS = {
  'folder': _folder,
  'tar': _tar,
  'table': _table,
  'stylegan-zip': _stylegan_zip,
  'zip': _plain_zip,
  'cifar-10': _cifar10,
  'cifar-100': _cifar100,
  'mnist': _mnist,
  'lsun': _lsun,
  'tfrecords': _tfrecords,
  'tfds': _prepared,
}
UNLABELLED = ('zip', 'lsun')
GREY = ('mnist',)


@pytest.mark.parametrize('form', FORMS)
def test_prepare_and_train(tmp_path, monkeypatch, form):
  limit_devices(monkeypatch, 1)  # compiles sooner
  source, flags = FORMS[form](tmp_path)
  out = tmp_path / 'sets' / 'photos'
  prepare(Request(str(source), out, resolution=(8, 8), filter='box', workers=0, **flags))
  labelled = form not in UNLABELLED
  # R1 and path length are left out only to compile less: they do not see where data come from.
  used = settings(
    data={'source': str(out), 'labels': labelled},
    micro_batch=2,
    r1_gamma=0.0,
    pl_weight=0.0,
    total_kimg=0.008,
  )
  _check_first_batch(form, used)
  session.train(used, tmp_path / 'run')
  ((record, _),) = RunDirectory(tmp_path / 'run').stats.records()
  assert record['step'] == 1
  assert np.isfinite(record['loss_g'])
  assert np.isfinite(record['loss_d'])


def _check_first_batch(form, used):
  """Each picture of a batch is one of the twelve, with its own label."""
  source = open_source(used.data)
  assert len(source) == 12
  batches = Batches(source, used.data, 8, seed=1)
  batch = next(batches)
  batches.close()
  colours = np.repeat(COLOURS[:, :1], 3, axis=1) if form in GREY else COLOURS
  for pixels, label in zip(batch['image'], batch['label'], strict=True):
    middle = pixels[4, 4]
    which = int(np.flatnonzero((colours == middle).all(-1))[0])
    if form not in GREY:  # which have a frame
      np.testing.assert_array_equal(pixels, np.broadcast_to(middle, (8, 8, 3)))
    if form == 'table':
      np.testing.assert_array_equal(label, np.float32([CLASSES[which] / 4, -CLASSES[which]]))
    else:
      assert label == (CLASSES[which] if form not in UNLABELLED else -1)
