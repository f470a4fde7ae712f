"""What the tests of prepared sets share."""

import numpy as np

from stylegan2_jax.data import decoding
from stylegan2_jax.settings import DataSettings
from tests.helpers import noise_pictures

PICTURES = noise_pictures(5)
CLASSES = [2, 0, 1, 1, 0]
NAMES = ('ant', 'bee, wasp', '7')
VECTORS = np.random.default_rng(1).standard_normal((5, 2)).astype(np.float32)
RECORD = {
  'transform': 'center-crop',
  'filter': 'lanczos',
  'pillow': '13.0.0',
  'content': '1a2b3c4d5e6f7a8b',
  'labels': {'origin': 'labels.csv', 'dim': 2, 'component_names': ['smiling', 'glasses']},
}


def settings(root, source, **changes) -> DataSettings:
  """Of a source at 8x8, with `root` as the data directory."""
  return DataSettings(**{'source': str(source), 'dir': str(root), 'resolution': 8, **changes})


def pixels(source):
  """All pictures of a source."""
  examples = [source.read(i) for i in range(len(source))]
  return [decoding.decode(source.data, e.image, e.name) for e in examples]
