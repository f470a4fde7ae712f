"""Directions of W that change something: SeFa from the weights, PCA of w, and moving along them.

SeFa: "Closed-Form Factorization of Latent Semantics in GANs", arXiv 2007.06600, equations 5 to 8.
PCA: "GANSpace: Discovering Interpretable GAN Controls", arXiv 2004.02546, section 2.
"""

import dataclasses
import os
import zipfile
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax import files
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import nominal_resolution
from stylegan2_jax.networks.noise import noise_layers
from stylegan2_jax.tools.style_layers import chosen_layers
from stylegan2_jax.words import reason

SAMPLES = 20_000  # of w, for its covariance
_BATCH = 1000
METHODS = ('sefa', 'pca')


@dataclasses.dataclass(frozen=True)
class Directions:
  """K directions of W, the most important first.

  `directions` float32 [K, w_dim]: of length 1, at right angles to each other; of the two signs the
  one whose largest component (by magnitude) is positive. `sigmas` [K]: the standard deviation of w
  along each, the unit of `move`. `eigenvalues` [K]: for SeFa those of AᵀA, for PCA sigmas².
  `layers`: the ones that `move` changes where it is not told others. `source`: of which model.
  """

  directions: np.ndarray
  sigmas: np.ndarray
  eigenvalues: np.ndarray
  method: str
  layers: tuple[int, ...]
  source: str = ''

  def __len__(self) -> int:
    return len(self.directions)

  def save(self, path: str | os.PathLike) -> None:
    """Writes an .npz of plain arrays, whole or not at all: the fields of this class by name.

    Raises:
      OSError: it cannot be written.
    """
    with files.replacing(path) as file:
      np.savez(file, **{name: np.asarray(value) for name, value in vars(self).items()})

  @classmethod
  def load(cls, path: str | os.PathLike) -> 'Directions':
    """What `save` wrote. Nothing is unpickled.

    Raises:
      UserError: it cannot be read, or is something else.
    """
    try:
      with open(path, 'rb') as opened, np.load(opened, allow_pickle=False) as file:
        values = {field.name: file[field.name] for field in dataclasses.fields(cls)}
      values['layers'] = tuple(int(layer) for layer in values['layers'])
      values['method'], values['source'] = str(values['method']), str(values['source'])
      count, w_dim = values['directions'].shape
      shapes = {'directions': (count, w_dim), 'sigmas': (count,), 'eigenvalues': (count,)}
      for name, shape in shapes.items():
        if values[name].shape != shape or not np.isfinite(values[name]).all():
          raise ValueError(f'its {name} are wrong')
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
      raise UserError(
        f'cannot read directions from {path} ({reason(error)}): name a file of '
        '`launch.py directions`'
      ) from None
    return cls(**values)


def sefa(
  gan: StyleGAN2,
  layers: Sequence[int] | None = None,
  k: int = 10,
  samples: int = SAMPLES,
  label=None,
) -> Directions:
  """The directions that change the styles of some layers most, from the weights alone.

  The first k eigenvectors of AᵀA, where A [Σ C_in, w_dim] is the affine layers' weights, one above
  the other. As in the authors' code each row of A is scaled to length 1 (so that every style counts
  alike, whatever its equalized-learning-rate gain), and layer i means the convolution that reads
  w_i, the last one the last ToRGB; the other ToRGBs, which share their w with a convolution, are
  left out.

  Args:
    gan: the model.
    layers: of A, and what `move` changes; None: all.
    k: how many directions.
    samples: number of w that the sigmas are measured with.
    label: of those, as `w_moments`.

  Raises:
    UserError: no such layers, or fewer than k directions.
  """
  layers = chosen_layers(layers, gan.num_ws)
  affine = np.concatenate([_affine_weights(gan, layer) for layer in layers])  # [Σ C_in, w_dim]
  _check_count(k, min(affine.shape), 'SeFa of these layers')
  affine /= np.maximum(np.linalg.norm(affine, axis=1, keepdims=True), 1e-12)
  values, vectors = _principal(affine.T @ affine, k)
  _, covariance = w_moments(gan, samples, label)
  sigmas = np.sqrt(np.einsum('kd,de,ke->k', vectors, covariance, vectors))
  return _directions(vectors, sigmas, values, 'sefa', layers)


def pca(
  gan: StyleGAN2,
  k: int = 10,
  samples: int = SAMPLES,
  label=None,
  layers: Sequence[int] | None = None,
) -> Directions:
  """The directions in which w varies most: the first k principal components of samples of it.

  Args:
    gan: the model.
    k: how many.
    samples: number of w.
    label: of those, as `w_moments`.
    layers: what `move` changes; None: all.

  Raises:
    UserError: no such layers, more than w_dim components, or too few samples for them.
  """
  layers = chosen_layers(layers, gan.num_ws)
  _check_count(k, min(gan.w_dim, samples - 1), f'PCA of {samples} samples')
  _, covariance = w_moments(gan, samples, label)
  values, vectors = _principal(covariance, k)
  values = values.clip(0)
  return _directions(vectors, np.sqrt(values), values, 'pca', layers)


def w_moments(gan: StyleGAN2, samples: int = SAMPLES, label=None) -> tuple[np.ndarray, np.ndarray]:
  """Mean [w_dim] and covariance [w_dim, w_dim] of the w of seeds 0, 1, …, in float64.

  The covariance is the unbiased one, as numpy.cov gives it. It is summed in batches, about a point
  near the mean, so that memory is bounded and nothing cancels.

  Args:
    gan: the model.
    samples: how many seeds, at least 2.
    label: one for all or one for each, as `LabelSpace.vectors` takes them; None if unconditional.
  """
  labels = gan.labels.vectors(label, samples)
  about = np.asarray(gan.w_avg, np.float64)
  first, second = np.zeros(gan.w_dim), np.zeros((gan.w_dim, gan.w_dim))
  for start in range(0, samples, _BATCH):
    seeds = np.arange(start, start + _BATCH)  # always as many: one compilation
    chosen = None if labels is None else labels[seeds % samples]
    w = np.asarray(gan.map(gan.latents(seeds), chosen)[:, 0], np.float64)[: samples - start]
    first += (w - about).sum(axis=0)
    second += (w - about).T @ (w - about)
  mean = first / samples
  return about + mean, (second - samples * np.outer(mean, mean)) / (samples - 1)


def move(ws, found: Directions, k: int, strength, layers: Sequence[int] | None = None) -> jax.Array:
  """ws with strength·σ_k·direction_k added in some layers.

  Args:
    ws: [N, num_ws, w_dim].
    found: the directions.
    k: which of them, from 0.
    strength: in standard deviations: one number, or one for each of the N, [N].
    layers: the ones that change; None: those of `found`.

  Returns:
    [N, num_ws, w_dim]. In all other layers it is what it was.

  Raises:
    UserError: no such direction or layers, or directions of another model.
  """
  ws = jnp.asarray(ws)
  if ws.shape[2] != found.directions.shape[1]:
    raise UserError(
      f'the directions have {found.directions.shape[1]} numbers and w of this model '
      f'{ws.shape[2]}: find them anew'
    )
  if not 0 <= k < len(found):
    raise UserError(f'there is no direction {k}: there are 0 to {len(found) - 1}')
  layers = chosen_layers(found.layers if layers is None else layers, ws.shape[1])
  unit = jnp.asarray(found.sigmas[k] * found.directions[k], ws.dtype)
  steps = jnp.asarray(strength, ws.dtype).reshape(-1, 1, 1) * unit[None, None]
  return ws.at[:, np.array(layers)].add(steps)  # [N or 1, 1, w_dim]


def _affine_weights(gan, layer):
  """The weight of the affine that turns w of a layer into styles: float64 [C_in, w_dim]."""
  convs = [(block, name) for block, name, _ in noise_layers(gan.size)]
  block, name = [*convs, (f'b{nominal_resolution(gan.size)}', 'torgb')][layer]
  weight = gan.params['generator']['synthesis'][block][name]['affine']['weight']  # [w_dim, C_in]
  return np.asarray(weight, np.float64).T


def _principal(matrix, k):
  """(k largest eigenvalues [k], their eigenvectors [k, D] in rows) of a symmetric [D, D]."""
  values, vectors = np.linalg.eigh(matrix)
  values, vectors = values[::-1][:k], vectors.T[::-1][:k]
  largest = np.abs(vectors).argmax(axis=1)
  signs = np.sign(vectors[np.arange(k), largest])
  return values, vectors * signs[:, None]


def _directions(vectors, sigmas, values, method, layers):
  single = [array.astype(np.float32) for array in (vectors, sigmas, values)]
  return Directions(*single, method, layers)


def _check_count(k, limit, what):
  if not 1 <= k <= limit:
    raise UserError(f'{what} gives 1 to {limit} directions, not {k}: ask for that many')
