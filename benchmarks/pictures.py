"""Pictures to measure with: they compress about as photographs do."""

import io

import numpy as np
from PIL import Image


def picture(rng, side):
  """A picture with soft shapes and some grain: compresses about as photographs do."""
  coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
  soft = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
  return Image.fromarray((soft + rng.integers(-6, 7, soft.shape)).clip(0, 255).astype(np.uint8))


def encoded(image, kind):
  """The bytes of a file."""
  buffer = io.BytesIO()
  image.save(buffer, kind)
  return buffer.getvalue()
