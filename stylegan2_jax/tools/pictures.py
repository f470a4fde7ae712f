"""The pictures that a config trains on, for tools that must not prepare a data set."""

import pathlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.base import Source
from stylegan2_jax.data.choosing import choose, counts
from stylegan2_jax.data.locating import find_prepared
from stylegan2_jax.data.shapes import KINDS, sample_factors
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.settings import DataSettings


class Pictures(NamedTuple):
  """What is known of a data set."""

  source: Source | None  # None: it is not there yet
  description: str
  count: int  # that are trained on
  num_all: int  # held out and left out ones too
  labels: np.ndarray | None  # of all pictures, as `Source.labels`; None unconditional
  c_dim: int  # width of the label vectors; 0 unconditional


def look_at(data: DataSettings) -> Pictures:
  """Opens the data set; of the built-in one that is not there yet, says what it will be.

  Raises:
    UserError: it cannot be trained on.
  """
  if data.source == 'shapes' and not _shapes_are_there(data):
    return _shapes_to_be(data)
  whole = open_source(data)
  source, _ = choose(whole)
  c_dim = source.label_dim if data.labels else 0
  labels = source.labels() if c_dim else None
  return Pictures(source, source.describe(), len(source), len(whole), labels, c_dim)


def _shapes_are_there(data):
  from stylegan2_jax.data import shapes_builder  # only here: it imports TFDS

  name = shapes_builder.shapes_config(data.resolution).name
  folder = pathlib.Path(data.dir).expanduser() / shapes_builder.Shapes.name / name
  return find_prepared(folder, str(shapes_builder.Shapes.VERSION)) is not None


def _shapes_to_be(data):
  from stylegan2_jax.data.shapes_builder import NUM_IMAGES

  size = f'{data.resolution}x{data.resolution}'
  description = f'shapes: {NUM_IMAGES} images of {size}x3, which training would first draw into '
  description += f'{data.dir}'
  labels = sample_factors(range(NUM_IMAGES)).kind if data.labels else None
  count, _ = counts(data, NUM_IMAGES)
  return Pictures(None, description, count, NUM_IMAGES, labels, len(KINDS) if data.labels else 0)
