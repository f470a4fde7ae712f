"""What every formula asks of its rows."""

import numpy as np

from stylegan2_jax.errors import UserError


def finite(rows: np.ndarray, first: int = 0, what: str = 'features') -> np.ndarray:
  """The rows, as they are, after a look at every number.

  Args:
    rows: [n, F].
    first: the number of the image that the first row is of.
    what: the rows are, for the message.

  Raises:
    UserError: a number is NaN or infinite.
  """
  bad = ~np.isfinite(rows).all(axis=1)
  if bad.any():
    raise UserError(
      f'the {what} of image {first + int(bad.argmax())} are not finite: '
      'look for damaged images, or damaged weights of the network'
    )
  return rows


def enough(count: int, least: int, whose: str, what_for: str) -> None:
  """Raises UserError where there are fewer than `least` rows."""
  if count < least:
    raise UserError(f'{what_for} takes at least {least} {whose}, not {count}: take more images')
