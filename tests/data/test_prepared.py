"""Training on prepared sets: pictures and labels to the bit, and what is said of them."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from tests.helpers import noise_pictures, prepared_set
from tests.prepared_sets import NAMES, PICTURES, RECORD, VECTORS, pixels, settings

pytestmark = pytest.mark.usefixtures('no_other_sets')


def test_pictures_and_classes(made):
  source = open_source(settings(made, 'photos', labels=True))
  np.testing.assert_array_equal(pixels(source), PICTURES)
  assert (source.class_names, source.label_dim, source.component_names) == (NAMES, 3, ())
  assert source.labels().dtype == np.int32
  assert source.labels().tolist() == [2, 0, 1, 1, 0]
  example = source.read(3)
  assert type(example.image) is bytes
  assert (example.label, example.name) == (1, 'photos/1.0.0[3]')


def test_vectors(made):
  source = open_source(settings(made, 'faces', labels=True))
  assert (source.class_names, source.label_dim) == ((), 2)
  assert source.component_names == ('smiling', 'glasses')
  labels = source.labels()
  assert labels.dtype == source.read(0).label.dtype == np.float32
  np.testing.assert_array_equal(labels, VECTORS)
  np.testing.assert_array_equal(source.read(4).label, VECTORS[4])


def test_without_labels(made, refused):
  source = open_source(settings(made, 'plain'))
  assert (source.class_names, source.label_dim, source.labels()) == ((), 0, None)
  assert source.read(0).label == -1
  refused(settings(made, 'plain', labels=True), 'plain has no labels', 'launch.py prepare')


def test_no_tensorflow_and_pickled(made):
  script = (
    'import pickle, sys\n'
    'from stylegan2_jax.settings import DataSettings\n'
    'from stylegan2_jax.data.sources import open_source\n'
    f'source = open_source(DataSettings(source={str(made / "photos")!r}, resolution=8))\n'
    'sys.stdout.buffer.write(pickle.dumps(source))\n'
    'assert "tensorflow" not in sys.modules and "jax" not in sys.modules\n'
  )
  ended = subprocess.run([sys.executable, '-c', script], capture_output=True, check=False)
  assert (ended.returncode, ended.stderr) == (0, b'')
  np.testing.assert_array_equal(pixels(pickle.loads(ended.stdout)), PICTURES)


def test_descriptions(made):
  photos, faces, plain = (f'{n}/1.0.0 ({made}/{n}/1.0.0): 5' for n in ('photos', 'faces', 'plain'))
  unused = ' (not used: data.labels=True trains on them)'
  how = 'prepared by center-crop, lanczos filter (Pillow 13.0.0), content 1a2b3c4d5e6f'
  for source, text in {
    'photos': f'{photos} images of 8x8x3, 3 classes{unused}; {how}',
    'faces': f'{faces} images of 8x8x3, label vectors of 2{unused}; {how}',
    'plain': f'{plain} images of 8x8x3',
  }.items():
    assert open_source(settings(made, source)).describe() == text
  smaller = open_source(settings(made, 'photos', resolution=4, labels=True)).describe()
  assert f'3 classes, downsampled to 4x4 (box filter); {how}' in smaller


def test_fingerprint_is_that_of_the_content(made, tmp_path):
  first = open_source(settings(made, 'photos')).fingerprint()
  moved = shutil.copytree(made / 'photos', tmp_path / 'elsewhere')
  assert open_source(settings(tmp_path, moved)).fingerprint() == first
  record = moved / '1.0.0' / 'preparation.json'
  record.write_text(json.dumps({**RECORD, 'content': 'f' * 32}))
  assert open_source(settings(tmp_path, moved)).fingerprint() != first
  record.unlink()
  assert open_source(settings(tmp_path, moved)).fingerprint() != first


def test_labels_out_of_range(tmp_path, refused):
  labels = np.array(VECTORS)
  labels[3, 0] = np.inf
  prepared_set(tmp_path / 'faces' / '1.0.0', PICTURES, labels)
  refused(settings(tmp_path, 'faces', labels=True), 'faces/1.0.0[3] has a label that is not finite')
  assert len(open_source(settings(tmp_path, 'faces'))) == 5
  prepared_set(tmp_path / 'digits' / '1.0.0', PICTURES, [0, 0, -1, 0, 0], ['a', 'b'])
  words = 'digits/1.0.0[2] has the label -1, but there are 2 classes'
  refused(settings(tmp_path, 'digits', labels=True), words)
  prepared_set(tmp_path / 'large' / '1.0.0', PICTURES, [0, 1, 2, 2, 1], ['a', 'b', 'c'])
  names = tmp_path / 'large' / '1.0.0' / 'label.labels.txt'
  names.write_text('a\nb\n')
  spec = names.with_name('features.json')
  spec.write_text(spec.read_text().replace('"numClasses": "3"', '"numClasses": "2"'))
  words = 'large/1.0.0[2] has the label 2, but there are 2 classes'
  refused(settings(tmp_path, 'large', labels=True), words)
  with pytest.raises(UserError, match=r'has the label 2, but'):
    open_source(settings(tmp_path, 'large')).labels()


def test_pictures_of_several_sizes(tmp_path, refused):
  """As in many sets of the TFDS catalogue: every header is looked at."""
  pictures = [*noise_pictures(2, 16, 16), *noise_pictures(1, 8, 8), *noise_pictures(1, 20, 20)]
  prepared_set(tmp_path / 'wild' / '1.0.0', pictures)
  source = open_source(settings(tmp_path, 'wild'))
  assert '4 images of 8x8x3 to 20x20x3, downsampled to 8x8 (box and lanczos' in source.describe()
  expected = Image.fromarray(pictures[3]).resize((8, 8), Image.Resampling.LANCZOS)
  np.testing.assert_array_equal(pixels(source)[3], np.asarray(expected))
  prepared_set(tmp_path / 'wide' / '1.0.0', [*pictures, *noise_pictures(1, 16, 20)])
  refused(settings(tmp_path, 'wide'), 'wide/1.0.0[4] is not square (20x16)', 'launch.py prepare')


def test_rectangles(tmp_path):
  pictures = noise_pictures(3, 6, 8)
  prepared_set(tmp_path / 'wide' / '1.0.0', pictures)
  source = open_source(settings(tmp_path, 'wide', aspect='4:3'))
  np.testing.assert_array_equal(pixels(source), pictures)
  assert '3 images of 8x6x3' in source.describe()


def test_other_channels_are_refused_at_opening(made, refused):
  refused(settings(made, 'plain', channels=1), 'plain/1.0.0[0] is RGB', 'data.channels=3')
  refused(settings(made, 'plain', resolution=16), 'plain/1.0.0[0] is 8x8, smaller than 16x16')
