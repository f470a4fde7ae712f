"""The built-in data set `shapes` as a TFDS builder, prepared without TensorFlow or network.

The builder yields encoded PNG files into array_record shards, for which TFDS does not need
TensorFlow. Example i of the prepared set is picture i of `shapes.py`.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import tempfile
import time
from typing import ClassVar

import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from stylegan2_jax.data import shapes
from stylegan2_jax.data.notices import notice
from stylegan2_jax.errors import UserError

NUM_IMAGES = 10_000
_PIXELS_AT_ONCE = 2**18  # drawn together; about what fits into a processor's cache


@dataclasses.dataclass(eq=False)
class ShapesConfig(tfds.core.BuilderConfig):
  """One variant of the data set: a resolution and a number of images."""

  resolution: int = 32
  num_images: int = NUM_IMAGES


def _config(resolution, num_images=NUM_IMAGES):
  name = f'r{resolution}' if num_images == NUM_IMAGES else f'r{resolution}_n{num_images}'
  description = f'{resolution}x{resolution} pixels, {num_images} images'
  return ShapesConfig(
    name=name, description=description, resolution=resolution, num_images=num_images
  )


class Shapes(tfds.core.GeneratorBasedBuilder):
  """Anti-aliased coloured shapes; the kind is the label."""

  name = 'shapes'
  VERSION = tfds.core.Version('1.0.0')
  BUILDER_CONFIGS: ClassVar = [_config(2**k) for k in range(2, 11)]
  # Nothing is downloaded. TFDS would search for checksums, with a package it does not install.
  url_infos = None

  def _info(self):
    resolution = self.builder_config.resolution
    return tfds.core.DatasetInfo(
      builder=self,
      description='Coloured shapes on soft backgrounds, drawn from signed distances.',
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(shape=(resolution, resolution, 3), encoding_format='png'),
          'label': tfds.features.ClassLabel(names=list(shapes.KINDS)),
        }
      ),
      supervised_keys=('image', 'label'),
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager):
    del dl_manager
    return {'train': self._generate_examples()}

  def _generate_examples(self):
    config = self.builder_config
    chunk = max(1, _PIXELS_AT_ONCE // config.resolution**2)
    for start in range(0, config.num_images, chunk):
      indices = range(start, min(start + chunk, config.num_images))
      factors = shapes.sample_factors(indices)
      images = shapes.draw(factors, config.resolution)
      for index, image, kind in zip(indices, images, factors.kind, strict=True):
        yield index, {'image': _png(image), 'label': int(kind)}


def shapes_config(resolution, num_images=NUM_IMAGES):
  """Returns the config of a resolution, named like `r32`, or `r32_n100` for a smaller set."""
  config = _config(resolution, num_images)
  return Shapes.builder_configs.get(config.name, config)  # TFDS wants its own object


def prepare_shapes(directory, config):
  """Returns the builder of a prepared data set; prepares it first if it is not there.

  Preparation happens in a scratch directory beside the final one, which gets its name in one
  step when all is written: a set that is there is whole, and of several processes that prepare
  at once each finishes, and one wins.

  Args:
    directory: path, TFDS data directory (`data.dir`).
    config: ShapesConfig.

  Raises:
    UserError: the directory cannot be written.
  """
  directory = pathlib.Path(directory).expanduser()
  target = _final_path(directory, config)
  if not target.exists():
    try:
      _prepare(directory, target, config)
    except OSError as error:
      raise UserError(
        f'cannot prepare the data set shapes in {directory} ({error.strerror or error}): '
        'set data.dir to a folder that can be written and has space'
      ) from error
  with _quiet():
    return Shapes(data_dir=directory, config=config, file_format='array_record')


def _final_path(directory, config):
  return directory / Shapes.name / config.name / str(Shapes.VERSION)


def _prepare(directory, target, config):
  size = f'{config.resolution}x{config.resolution}'
  notice(f'preparing data set shapes {size} ({config.num_images} images) in {directory} ...')
  start = time.perf_counter()
  directory.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(prefix='.preparing-', dir=directory) as scratch:
    with _quiet():
      builder = Shapes(data_dir=scratch, config=config, file_format='array_record')
      builder.download_and_prepare(
        download_dir=scratch, download_config=tfds.download.DownloadConfig(try_download_gcs=False)
      )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
      os.rename(_final_path(pathlib.Path(scratch), config), target)
    except OSError:
      if not target.exists():  # otherwise another process was faster, with the same result
        raise
  notice(f'prepared data set shapes {size} in {time.perf_counter() - start:.1f} s')


@contextlib.contextmanager
def _quiet():
  """Keeps the prints, logs and nested progress bars of TFDS off the terminal."""
  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  tfds.disable_progress_bar()
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      yield
  finally:
    tfds.enable_progress_bar()
    logging.set_verbosity(verbosity)


def _png(image):
  """Encodes a uint8 image [H, W, 3]."""
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, 'png')
  return buffer.getvalue()
