"""Images as a notebook has them: an array that shows, tiles and saves itself."""

import io
import os
import pathlib

import numpy as np

from stylegan2_jax import images
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason


class Images(np.ndarray):
  """float32 [N, H, W, C] in about [-1, 1], or one image [H, W, C]; else a plain NumPy array.

  A notebook shows it as a picture: N images as a grid. Build one by `Images.of(array)`.
  """

  @classmethod
  def of(cls, img) -> 'Images':
    """From an array of images, NumPy's or JAX's, uint8 or float."""
    array = np.asarray(img)
    return (images.to_float(array) if array.dtype == np.uint8 else array).view(cls)

  def pixels(self) -> np.ndarray:
    """The same in uint8."""
    return images.to_uint8(np.asarray(self))

  def grid(self, rows: int | None = None, cols: int | None = None) -> 'Images':
    """All images in one [rows * H, cols * W, C], small ones magnified.

    Left out, rows and columns are as even as can be: 24 are 4 x 6, 6 are 2 x 3, 2 are 1 x 2.

    Raises:
      ValueError: they do not fit into so many cells, or this is one image.
    """
    if self.ndim != 4:
      raise ValueError(f'a grid is made of [N, H, W, C], not of {list(self.shape)}')
    if rows is None and cols is None:
      rows, cols = images.grid_shape(len(self))
    rows = -(-len(self) // cols) if rows is None else rows
    cols = -(-len(self) // rows) if cols is None else cols
    return Images.of(images.grid(self.pixels(), rows, cols))

  def save(self, path: str | os.PathLike) -> None:
    """Writes a PNG: one image, or the grid of several. A path without .png is a folder for each.

    Raises:
      UserError: it cannot be written.
    """
    path = pathlib.Path(path)
    try:
      if path.suffix.lower() == '.png':
        path.parent.mkdir(parents=True, exist_ok=True)
        images.save_png(path, self._one().pixels())
        return
      path.mkdir(parents=True, exist_ok=True)
      for i, img in enumerate(self.pixels() if self.ndim == 4 else self.pixels()[None]):
        images.save_png(path / f'{i:04d}.png', img)
    except OSError as error:
      raise UserError(f'cannot write {path}: {reason(error)}; name another path') from None

  def _one(self):
    return self if self.ndim == 3 else self.grid()

  def _repr_png_(self) -> bytes | None:
    """What a notebook shows; None for arrays that are no images, which it prints."""
    if self.ndim not in (3, 4) or not self.size or not 1 <= self.shape[-1] <= 4:
      return None
    file = io.BytesIO()
    one = self._one().pixels()
    images.pillow(images.magnify(one, 128)).save(file, format='PNG')
    return file.getvalue()
