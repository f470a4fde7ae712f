import dataclasses
import io
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data import shapes, shapes_builder
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError

_PREPARE = """
import sys
from stylegan2_jax.data import prepared, records, shapes_builder
from stylegan2_jax.settings import DataSettings
builder = shapes_builder.prepare_shapes(sys.argv[1], shapes_builder.shapes_config(8, 500))
found = records.Records(builder.data_dir, builder=builder)
source = prepared.PreparedSource(DataSettings(resolution=8), found)
assert len(source) == 500
assert source.read(499).image.startswith(b'\\x89PNG')
print('tensorflow' in sys.modules)
"""


def _start(directory):
  return subprocess.Popen(
    [sys.executable, '-c', _PREPARE, str(directory)],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_two_processes_prepare_at_once_without_tensorflow(tmp_path):
  processes = [_start(tmp_path), _start(tmp_path)]
  results = [process.communicate(timeout=100) for process in processes]
  for process, (out, err) in zip(processes, results, strict=True):
    assert process.returncode == 0, err
    assert out == 'False\n'
    assert len(err.splitlines()) in (0, 2)  # what happens and how long it took, no noise
  assert [path.name for path in tmp_path.iterdir()] == ['shapes']
  assert [path.name for path in (tmp_path / 'shapes' / 'r8_n500').iterdir()] == ['1.0.0']


def test_prepared_pictures_are_the_drawn_ones(shapes_settings):
  source = open_source(shapes_settings)
  assert len(source) == shapes_builder.NUM_IMAGES
  assert source.class_names == shapes.KINDS
  chosen = [0, 1, 4567, 9999]
  factors = shapes.sample_factors(chosen)
  drawn = shapes.draw(factors, 8)
  for i, image, kind in zip(chosen, drawn, factors.kind, strict=True):
    example = source.read(i)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(example.image))), image)
    assert example.label == kind
  assert source.labels().dtype == np.int32
  np.testing.assert_array_equal(source.labels(), shapes.sample_factors(range(10_000)).kind)
  where = f'shapes/r8/1.0.0 ({shapes_settings.dir}/shapes/r8/1.0.0)'
  unused = '(not used: data.labels=True trains on them)'
  assert source.describe() == f'{where}: 10000 images of 8x8x3, 8 classes {unused}'


def test_prepared_once(shapes_settings, capsys):
  first = open_source(shapes_settings).fingerprint()
  assert open_source(shapes_settings).fingerprint() == first
  assert capsys.readouterr() == ('', '')


def test_interrupted_preparation_leaves_nothing(tmp_path, monkeypatch, capsys):
  config = shapes_builder.shapes_config(8, 600)  # drawn in one piece, written one by one
  written = []

  def interrupt(image):
    written.append(image)
    if len(written) > 300:
      raise KeyboardInterrupt
    return png(image)

  png = shapes_builder._png
  monkeypatch.setattr(shapes_builder, '_png', interrupt)
  with pytest.raises(KeyboardInterrupt):
    shapes_builder.prepare_shapes(tmp_path, config)
  assert list(tmp_path.iterdir()) == []
  monkeypatch.undo()
  builder = shapes_builder.prepare_shapes(tmp_path, config)
  assert len(builder.as_data_source(split='train')) == 600
  assert 'preparing data set shapes 8x8 (600 images)' in capsys.readouterr().err


def test_directory_that_cannot_be_written(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match=r'cannot prepare .*file.*: set data\.dir'):
    shapes_builder.prepare_shapes(tmp_path / 'file', shapes_builder.shapes_config(8, 10))


@pytest.mark.parametrize('damage', ['missing', 'truncated'])
def test_damaged_set(tmp_path, shapes_settings, damage):

  shutil.copytree(shapes_settings.dir, tmp_path / 'copy')
  (record_file,) = tmp_path.glob('copy/shapes/r8/1.0.0/*.array_record-*')
  if damage == 'missing':
    record_file.unlink()
  else:
    record_file.write_bytes(record_file.read_bytes()[:1000])
  with pytest.raises(UserError, match=r'cannot read .*/shapes/r8/.*: remove .*1\.0\.0, and'):
    open_source(dataclasses.replace(shapes_settings, dir=str(tmp_path / 'copy')))
