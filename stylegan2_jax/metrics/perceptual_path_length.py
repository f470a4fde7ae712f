"""Perceptual path length: how much images change along short paths between latents.

Not the regularizer of training, which goes by pixels (training/regularizers.py). Source: StyleGAN
(arXiv 1812.04948), section 4.1; StyleGAN2 (arXiv 1912.04958), section 3. Of one sample

  distance = d(g(x(t)), g(x(t + ε))) / ε²,   ε = 1e-4,   d: LPIPS on VGG16

with x from one latent to another: in w straight, x(t) = w0 + t·(w1 − w0), without truncation; in z
on the great circle of their directions, before the mapping; t uniform in [0, 1) ('full') or 0
('end'). The second end is reached from the first, by ε of the way, as t + ε has no more than three
digits of ε left in float32. Both ends have the same label and the same fresh noise maps. The metric
is the `trimmed_mean` of the distances.

Two latents stand for one sample, by its number and a seed: neither batches nor devices change them.
The official codes draw one set of noise maps for a batch, which has the same mean.

In z the official codes make both ends unit vectors, and so is it here. The mapping normalises them,
where their length counts only beside its 1e-8.

Images are taken as they leave the network: neither clamped nor rounded, as in the official codes
(which scale them to [0, 255], and LPIPS back). `crop` is the window of a face in FFHQ: rows 3/8 to
7/8, columns 2/8 to 6/8. What is left is brought to 256 px by means over blocks. The order matters
at 1024 px: here and in TensorFlow, whence the published numbers of cropped images are, a crop of
512 px is halved; in the official PyTorch code the factor is that of the whole image, and LPIPS sees
128 px. Without crop, and at 256 px, they agree.

Two images differ by so little that all must be computed in true float32: reduced precision is
turned off, as in the official code (the clamp that comes with it stays), and matrix products are of
the highest precision, which GPUs do not have by themselves.

What float32 costs, against float64, with random weights of the networks and of VGG, on a CPU: of 16
samples at 32 px a distance was off by up to 0.7 % and their mean by up to 0.1 %, in w and z, at
ends and in between; of 4 samples at 64 px, 512 channels, in w, by 0.5 % and 0.1 %.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size, size_text
from stylegan2_jax.metrics.features.resizing import shrunk_size
from stylegan2_jax.metrics.features.vgg import MIN_SIDE
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.noise import NoiseMaps, random_noise
from stylegan2_jax.networks.synthesis import Synthesis

SPACES = ('w', 'z')
SAMPLINGS = ('full', 'end')
_ROWS, _COLUMNS = (3, 7), (2, 6)  # of the crop, in eighths


@dataclasses.dataclass(frozen=True)
class PerceptualPathLength:
  """What distances are measured of. `apply` is pure and holds no arrays: jit, pmap it."""

  generator: Generator
  space: str = 'w'  # or 'z'
  sampling: str = 'end'  # or 'full'
  crop: bool = False
  epsilon: float = 1e-4
  seed: int = 0

  def __post_init__(self):
    """Raises ValueError for an unknown choice, UserError where too few pixels are left."""
    if self.space not in SPACES or self.sampling not in SAMPLINGS:
      raise ValueError(f'space {self.space!r}, sampling {self.sampling!r}: {SPACES}, {SAMPLINGS}')
    size = self.generator.synthesis.size
    seen = shrunk_size(cropped_size(size)) if self.crop else shrunk_size(size)
    if min(seen) < MIN_SIDE:
      how = ' cropped to the face' if self.crop else ''
      raise UserError(
        f'the path length of {size_text(size)} images{how} would be that of {size_text(seen)} '
        f'pixels, and needs {MIN_SIDE} on each side: leave it out'
      )

  def apply(
    self, weights: tuple[Any, Any], numbers: jax.Array, labels: jax.Array | None = None
  ) -> dict[str, jax.Array]:
    """The distances of samples, row i that of number i alone.

    Args:
      weights: (the generator's parameters, distance), the latter a tree of arrays with the methods
        `features` and `between` of `lpips.Lpips`.
      numbers: uint32 [N].
      labels: float32 [N, c_dim], those of conditional generators.

    Returns:
      {'distances': [N, 1]}.
    """
    params, distance = weights
    synthesis = self.synthesis
    with jax.default_matmul_precision('highest'):
      t, z, noise = self.draw(numbers)
      ends = self.ends(params['mapping'], t, z, labels)

      def features(ws):
        img = synthesis.apply({'params': params['synthesis']}, ws, noise)
        return distance.features(crop(img) if self.crop else img)

      # One after the other: ends that are equal are equal to the bit.
      found = jax.lax.map(features, ends)
      first, second = (jax.tree.map(lambda x: x[end], found) for end in (0, 1))  # noqa: B023
      return {'distances': distance.between(first, second)[:, None] / self.epsilon**2}

  @property
  def synthesis(self) -> Synthesis:
    """The synthesis network without reduced precision."""
    reduced = self.generator.synthesis
    return reduced.clone(reduced_dtype=reduced.dtype)

  def draw(self, numbers: jax.Array) -> tuple[jax.Array, jax.Array, NoiseMaps]:
    """Of samples t [N], latents z [N, 2, z_dim] and noise maps."""
    mapping, synthesis = self.generator.mapping, self.generator.synthesis
    key = jax.random.key(self.seed)
    keys = jax.vmap(lambda number: jax.random.split(jax.random.fold_in(key, number), 3))(numbers)
    shape = (2, mapping.z_dim)
    z = jax.vmap(lambda key: jax.random.normal(key, shape, mapping.dtype))(keys[:, 0])
    t = jax.vmap(lambda key: jax.random.uniform(key, (), mapping.dtype))(keys[:, 1])
    noise = random_noise(keys[:, 2], synthesis.size, synthesis.dtype)
    return t if self.sampling == 'full' else jnp.zeros_like(t), z, noise

  def ends(self, params, t: jax.Array, z: jax.Array, labels: jax.Array | None) -> jax.Array:
    """Both ends of the paths at t [N] between latents [N, 2, z_dim]: ws [2, N, num_ws, w_dim]."""

    def mapped(z):
      pairs = None if labels is None else jnp.concatenate([labels, labels])
      ws = self.generator.mapping.apply({'params': params}, z.reshape(-1, z.shape[-1]), pairs)
      return ws.reshape(2, -1, *ws.shape[1:])  # [2, N, num_ws, w_dim]

    z = jnp.moveaxis(z, 1, 0)  # [2, N, z_dim]
    if self.space == 'z':
      return mapped(spherical_step(z[0], z[1], t, self.epsilon))
    start, stop = mapped(z)
    first = start + t[:, None, None] * (stop - start)
    return jnp.stack([first, first + self.epsilon * (stop - start)])

  def recipe(self) -> dict[str, Any]:
    """What distances depend on, beside the weights; for JSON."""
    return {
      'space': self.space,
      'sampling': self.sampling,
      'crop': self.crop,
      'epsilon': self.epsilon,
      'seed': self.seed,
      'noise': 'random, the same at both ends',
      'precision': str(jnp.dtype(self.synthesis.dtype)),
    }


def spherical_step(z0: jax.Array, z1: jax.Array, t: jax.Array, epsilon: float) -> jax.Array:
  """The unit vectors at t and t + ε of the way from z0 to z1, directions at an even speed.

  Args:
    z0: [N, z_dim], z_dim > 1; its length does not count.
    z1: likewise.
    t: [N].
    epsilon: ε.

  Returns:
    [2, N, z_dim].
  """
  start, stop, t = _unit(z0), _unit(z1), t[:, None]
  cosine = (start * stop).sum(1, keepdims=True)
  across = stop - cosine * start
  angle = jnp.arctan2(jnp.linalg.norm(across, axis=1, keepdims=True), cosine)
  across = _unit(across)
  here = jnp.cos(t * angle) * start + jnp.sin(t * angle) * across
  ahead = jnp.cos(t * angle) * across - jnp.sin(t * angle) * start  # at a right angle to `here`
  step = epsilon * angle
  return jnp.stack([here, jnp.cos(step) * here + jnp.sin(step) * ahead])


def crop(img: jax.Array) -> jax.Array:
  """The face of an image of FFHQ: [N, H, W, C] -> [N, *cropped_size((H, W)), C]."""
  rows, columns = (slice(*window) for window in _windows(img.shape[1:3]))
  return img[:, rows, columns]


def cropped_size(size: Size) -> Size:
  """The size of what `crop` leaves.

  >>> cropped_size((1024, 1024)), cropped_size((64, 48))
  ((512, 512), (32, 24))
  """
  (top, bottom), (left, right) = _windows(size)
  return bottom - top, right - left


def _windows(size):
  """((top, bottom), (left, right)); as officially, an eighth is a whole number of pixels."""
  eighths = (side // 8 for side in size)
  windows = (_ROWS, _COLUMNS)
  return tuple((n * a, n * b) for n, (a, b) in zip(eighths, windows, strict=True))


def _unit(x):
  return x / jnp.linalg.norm(x, axis=1, keepdims=True)
