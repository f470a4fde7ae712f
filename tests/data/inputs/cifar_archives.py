"""CIFAR archives as published, but small."""

import io
import pickle
import struct
import tarfile

import numpy as np

CLASSES = [b'airplane', b'automobile', b'frog']
NAMES_10 = [f'data_batch_{i}' for i in range(1, 6)]


def rows(count, seed):
  return np.random.default_rng(seed).integers(0, 256, (count, 3072), np.uint8)


def dump(value):
  return pickle.dumps(value, protocol=2)


def python2(data, labels):
  """A batch, byte for byte as Python 2 writes it: its strings are bytes."""

  def text(string):
    return b'U' + bytes([len(string)]) + string

  array = (
    b'cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03'
    + (b'(K\x01' + b'M' + struct.pack('<H', len(data)) + b'M\x00\x0c\x86q\x04')
    + b'cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87Rq\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff'
    + (b'\xff\xffK\x00tb\x89T' + struct.pack('<i', data.size) + data.tobytes() + b'tb')
  )
  items = b''.join(b'K' + bytes([label]) for label in labels)
  return (
    (b'\x80\x02}q\x07(' + text(b'batch_label') + text(b'training batch 1 of 5'))
    + (text(b'labels') + b']q\x08(' + items + b'e' + text(b'data') + array)
    + (text(b'filenames') + b']q\x09(' + text(b'frog_s_04.png') + b'eu.')
  )


def files_10(count=3):
  files = {'batches.meta': dump({b'label_names': CLASSES, b'num_vis': 3072})}
  for seed, name in enumerate([*NAMES_10, 'test_batch']):
    labels = [(seed + i) % 3 for i in range(count)]
    files[name] = dump({b'data': rows(count, seed), b'labels': labels, b'filenames': []})
  return files


def files_100(count=4):
  files = {'meta': dump({b'fine_label_names': [b'apple', b'bee'], b'coarse_label_names': [b'x']})}
  for seed, name in enumerate(['train', 'test']):
    batch = {b'data': rows(count, seed), b'fine_labels': [1, 0] * (count // 2)}
    files[name] = dump(batch | {b'coarse_labels': [0] * count})
  return files


def pack(path, files, folder='cifar-10-batches-py'):
  """Packs an archive; the published ones have another order than their names."""
  with tarfile.open(path, 'w:gz') as tar:
    info = tarfile.TarInfo(folder)
    info.type = tarfile.DIRTYPE
    tar.addfile(info)
    for name, content in [('readme.html', b'<html>'), *reversed(files.items())]:
      info = tarfile.TarInfo(f'{folder}/{name}')
      info.size = len(content)
      tar.addfile(info, io.BytesIO(content))
  return path
