"""What ADA does to images beside geometry and colour: filtering, noise, cutout.

Source: ADA (arXiv 2006.06676), appendix B.3.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.augment.draws import NUM_BANDS, Draws

# Of a natural image's power, how much lies in each band, from low to high frequencies.
_BAND_POWER = np.array([10, 1, 1, 1]) / 13


def filter_bank() -> np.ndarray:
  """Four zero-phase band-pass filters [4, 43] that add up to the identity, low to high.

  From the symlet with two vanishing moments: the low-pass h of its wavelet gives the half-band
  filter L = h ⋆ h, and H = 1 − L is its complement. Each further octave is split the same way with
  filters stretched by two: L(z)L(z²)L(z⁴), H(z⁴)L(z²)L(z), ..., H(z).
  """
  root = np.sqrt(3)
  h = np.array([1 + root, 3 + root, 3 - root, 1 - root]) / 8  # its sum is 1
  low = np.convolve(h, h[::-1])  # [7], |h|², zero phase
  high = np.convolve(h * [1, -1, 1, -1], (h * [1, -1, 1, -1])[::-1])

  def stretched(taps, octave):
    result = np.zeros((len(taps) - 1) * 2**octave + 1)
    result[:: 2**octave] = taps
    return result

  bands = []
  for band in range(NUM_BANDS):
    octave = NUM_BANDS - 1 - band  # how often the low band was split before this one
    parts = [stretched(low, i) for i in range(octave)]
    parts += [stretched(high, octave)] if band else []
    bands.append(functools.reduce(np.convolve, parts))
  longest = max(map(len, bands))
  return np.stack([np.pad(taps, (longest - len(taps)) // 2) for taps in bands])


def band_gains(log2_gains: jax.Array) -> jax.Array:
  """The gain of each band: [N, 4] -> [N, 4].

  The bands are amplified in turn, and after each all are normalised so that a natural image keeps
  its expected power.
  """
  power = jnp.asarray(_BAND_POWER[None], log2_gains.dtype)  # [1, 4]
  total = jnp.ones_like(log2_gains)
  for band in range(NUM_BANDS):
    gains = jnp.ones_like(log2_gains).at[:, band].set(jnp.exp2(log2_gains[:, band]))
    gains = gains / jnp.sqrt((jnp.square(gains) * power).sum(axis=1, keepdims=True))
    total = total * gains
  return total


def imgfilter(img: jax.Array, draws: Draws) -> jax.Array:
  """Amplifies frequency bands; the image is continued by reflection. [N, H, W, C], same out."""
  if draws.imgfilter is None:
    return img
  gains = band_gains(draws.imgfilter).astype(img.dtype)
  rows, columns = (jnp.asarray(_band_matrices(side), img.dtype) for side in img.shape[1:3])
  # Filtering with reflection is a matrix for each axis: one product, of static shape.
  rows = jnp.einsum('nb,bij->nij', gains, rows, precision='highest')
  columns = jnp.einsum('nb,bij->nij', gains, columns, precision='highest')
  img = jnp.einsum('nij,njwc->niwc', rows, img, precision='highest')
  return jnp.einsum('nij,nhjc->nhic', columns, img, precision='highest')


def noise(img: jax.Array, draws: Draws) -> jax.Array:
  """Adds Gaussian noise: [N, H, W, C] -> [N, H, W, C]."""
  if draws.noise is None:
    return img
  return img + draws.pixels.astype(img.dtype) * draws.noise[:, None, None, None].astype(img.dtype)


def cutout(img: jax.Array, draws: Draws) -> jax.Array:
  """Sets a rectangle to 0: [N, H, W, C] -> [N, H, W, C]. A pixel is where its centre is."""
  if draws.cutout is None:
    return img
  outside = []
  for axis, side in ((1, img.shape[1]), (0, img.shape[2])):  # rows are y
    centers = (jnp.arange(side, dtype=img.dtype) + 0.5) / side
    distance = jnp.abs(centers[None, :] - draws.cutout_center[:, axis, None])
    outside.append(distance >= draws.cutout[:, None] / 2)
  kept = outside[0][:, :, None] | outside[1][:, None, :]  # [N, H, W]
  return img * kept[..., None].astype(img.dtype)


@functools.cache
def _band_matrices(side):
  """What each band's filter makes of a row of `side` pixels: [4, side, side]."""
  bank = filter_bank()
  reach = bank.shape[1] // 2
  mirrored = (
    np.pad(np.arange(side), reach, mode='reflect') if side > 1 else np.zeros(1 + 2 * reach, int)
  )
  matrices = np.zeros((NUM_BANDS, side, side))
  for tap in range(bank.shape[1]):
    matrices[:, np.arange(side), mirrored[tap : tap + side]] += bank[:, tap, None]
  return matrices
