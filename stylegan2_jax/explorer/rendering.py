"""From a `View` to its picture, fast enough to follow a slider.

Everything goes through `StyleGAN2.map` and `StyleGAN2.draw`, one picture at a time, so the pictures
are theirs to the last bit. Between the two, w is only some kilobytes, and NumPy has no programs to
compile: whatever slider moves, sizes and programs stay those of the warm-up.
"""

import threading

import jax
import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer.views import MAX_DIRECTIONS, View, default_view, move_groups
from stylegan2_jax.sampler import noise_maps
from stylegan2_jax.tools import directions
from stylegan2_jax.tools.directions import Directions


class Renderer:
  """Draws views of one model. May be used by several threads."""

  def __init__(self, gan: StyleGAN2):
    self._gan = gan
    # With a leading axis like random ones: one compiled program for all noise modes.
    self._stored = jax.tree.map(lambda m: np.asarray(m)[None], gan.noise_maps)
    self._random: tuple[int | None, dict] = (None, {})  # the maps of the seed last used
    self._found: dict[tuple[str, str], Directions] = {}
    self._finding = threading.Lock()

  def warm_up(self) -> None:
    """Compiles what any view needs, but for the means of classes."""
    view = default_view(self._gan.labels)
    self.picture(View(label=view.label, mix_label=view.mix_label, noise='random', mix_layers=(0,)))

  def picture(self, view: View) -> np.ndarray:
    """The picture of a view: uint8 [H, W, channels].

    Raises:
      UserError: it moves along a direction that its set does not have.
    """
    return self._gan.draw(self.ws(view), self.noise(view), batch_size=1)[0]

  def ws(self, view: View) -> np.ndarray:
    """[1, num_ws, w_dim] of a view: truncated, then mixed, then moved.

    Raises:
      UserError: see `picture`.
    """
    ws = self._truncated(view, view.seed, view.label).copy()
    if view.mix_layers:
      layers = list(view.mix_layers)
      ws[:, layers] = self._truncated(view, view.mix_seed, view.mix_label)[:, layers]
    for move in view.moves:
      found = self.directions(move.method, move.group)
      if move.number >= len(found):
        raise UserError(
          f'there is no direction {move.number + 1} of {move.method}, {move.group} layers: there '
          f'are {len(found)}'
        )
      sigma, direction = found.sigmas[move.number], found.directions[move.number]
      ws[:, list(found.layers)] += ws.dtype.type(move.strength) * (sigma * direction)
    return ws

  def noise(self, view: View) -> dict:
    """The noise maps of a view, [1, h, w] each."""
    gan, maps = self._gan, self._stored
    if view.noise == 'random':
      seed, maps = self._random
      if seed != view.noise_seed:
        keys = jax.random.split(jax.random.key(view.noise_seed), 1)
        maps = jax.tree.map(np.asarray, noise_maps('random', {}, keys, gan.size, gan.w_avg.dtype))
        self._random = view.noise_seed, maps
    scale = 0.0 if view.noise == 'none' else view.noise_scale
    return maps if scale == 1 else jax.tree.map(lambda m: m.dtype.type(scale) * m, maps)

  def directions(self, method: str, group: str) -> Directions:
    """A set of directions, as `find_directions`; found when first asked for."""
    with self._finding:
      if (method, group) not in self._found:
        self._found[method, group] = find_directions(self._gan, method, group)
      return self._found[method, group]

  def _truncated(self, view, seed, label):
    gan = self._gan
    cutoff = gan.num_ws if view.cutoff is None else view.cutoff
    ws = gan.map(gan.latents([seed]), label or None, view.psi, cutoff, view.center)
    return np.asarray(ws)


def find_directions(gan: StyleGAN2, method: str, group: str) -> Directions:
  """Up to ten directions for a group of layers: SeFa's of these layers, or PCA's of w.

  For conditional models they are those of all labels together: of samples whose labels are each
  class (or each component of label vectors alone) in turn.

  Args:
    gan: the model.
    method: 'sefa' or 'pca'.
    group: the layers that are moved, a word of `move_groups`.
  """
  layers, label = move_groups(gan.num_ws)[group], None
  if gan.c_dim:
    label = np.eye(gan.c_dim, dtype=np.float32)[np.arange(directions.SAMPLES) % gan.c_dim]
  count = min(MAX_DIRECTIONS, gan.w_dim)
  if method == 'pca':
    return directions.pca(gan, count, layers=layers, label=label)
  for fewer in range(count, 1, -1):  # a layer of few channels has fewer
    try:
      return directions.sefa(gan, layers, fewer, label=label)
    except UserError:
      continue
  return directions.sefa(gan, layers, 1, label=label)
