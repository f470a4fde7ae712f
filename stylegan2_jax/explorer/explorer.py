"""What the explorer's page can ask of one model, apart from how it asks."""

import io
import os
import pathlib
from typing import Any

from stylegan2_jax import images
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer import views
from stylegan2_jax.explorer.favourites import Favourites
from stylegan2_jax.explorer.rendering import Renderer
from stylegan2_jax.explorer.snippets import snippet
from stylegan2_jax.explorer.views import View
from stylegan2_jax.geometry import size_text
from stylegan2_jax.networks.noise import noise_layers
from stylegan2_jax.tools.directions import METHODS


class Explorer:
  """A model to be looked at."""

  def __init__(
    self, gan: StyleGAN2, model: str | os.PathLike, step: int | None, favourites: Favourites
  ):
    """`model` and `step` are what `gan` was loaded from; step None: a file without steps."""
    self._gan, self._renderer = gan, Renderer(gan)
    self._model, self._step = model, step
    self.favourites = favourites
    self._is_ready = False

  @property
  def title(self) -> str:
    """The model in words."""
    return os.fspath(self._model) + ('' if self._step is None else f', step {self._step},')

  def warm_up(self) -> None:
    """Compiles; until then the first picture takes as long."""
    self._renderer.warm_up()
    self._is_ready = True

  def facts(self) -> dict[str, Any]:
    """What the page needs to build itself."""
    gan = self._gan
    sizes = [size for _, _, size in noise_layers(gan.size)] + [gan.size]  # the last is ToRGB's
    return {
      'name': pathlib.Path(self._model).resolve().name,
      'model': os.fspath(self._model),
      'step': self._step,
      'height': gan.size[0],
      'width': gan.size[1],
      'channels': gan.channels,
      'classes': list(gan.class_names),
      'c_dim': gan.c_dim,
      'label_help': gan.labels.choices() if gan.c_dim else '',
      'layers': [size_text(size) for size in sizes],
      'groups': views.move_groups(gan.num_ws),
      'methods': list(METHODS),
      'has_noise': gan.generator.synthesis.use_noise,
      'notice': gan.notice,
      'view': views.default_view(gan.labels).to_json(),
      'ready': self._is_ready,
      **self._listed(),
    }

  def view(self, data: Any) -> View:
    """See `views.parse_view`."""
    return views.parse_view(data, self._gan.num_ws, self._gan.labels)

  def set_of_directions(self, data: Any) -> tuple[str, str]:
    """See `views.parse_set`."""
    return views.parse_set(data, self._gan.num_ws)

  def picture(self, view: View) -> bytes:
    """The PNG of a view."""
    file = io.BytesIO()
    images.pillow(self._renderer.picture(view)).save(file, format='PNG', compress_level=1)
    return file.getvalue()

  def directions(self, method: str, group: str) -> dict[str, Any]:
    """How many directions a set has; they are found here if they are new."""
    return {'count': len(self._renderer.directions(method, group))}

  def snippet(self, view: View) -> str:
    """The code that draws a view."""
    return snippet(view, self._model, self._step)

  def add_favourite(self, view: View) -> dict[str, Any]:
    """Saves a view with its picture; returns all favourites, for the page.

    Raises:
      UserError: nothing can be written there.
    """
    self.favourites.add(view.to_json(), self._step, self._renderer.picture(view))
    return self._listed()

  def remove_favourite(self, number: int) -> dict[str, Any]:
    """Forgets one; returns the others, for the page.

    Raises:
      UserError: it is not there, or nothing can be written there.
    """
    self.favourites.remove(number)
    return self._listed()

  def _listed(self):
    try:
      found, problem = self.favourites.read(), ''
    except UserError as error:
      found, problem = [], str(error)
    return {
      'favourites': [vars(favourite) for favourite in found],
      'favourites_path': str(self.favourites.path),
      'favourites_problem': problem,
    }
