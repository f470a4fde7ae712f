"""Pictures of views are those of the Python API, to the last bit, and nothing compiles twice."""

import dataclasses

import jax
import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer.rendering import Renderer, find_directions
from stylegan2_jax.explorer.snippets import snippet
from stylegan2_jax.explorer.views import Move, View, default_view, move_groups
from stylegan2_jax.networks.noise import noise_layers
from stylegan2_jax.tools import directions
from tests.tools.models import saved_model
from tests.training.test_recompilation import compilations

MOVES = (Move('sefa', 'coarse', 1, 1.5), Move('pca', 'all', 0, -2.0))
# Of the fields, those that differ from the default view.
VIEWS = {
  'default': {},
  'truncated': {'seed': 2**32 - 1, 'psi': 0.7},
  'truncated in some layers': {'seed': 5, 'psi': -0.4, 'cutoff': 2},
  'untruncated by cutoff': {'seed': 5, 'psi': 0.1, 'cutoff': 0},
  'mixed': {'seed': 1, 'mix_seed': 9, 'mix_layers': (0, 3)},
  'moved': {'seed': 1, 'moves': MOVES},
  'without noise': {'noise': 'none'},
  'random noise': {'noise': 'random', 'noise_seed': 7},
  'scaled noise': {'noise_scale': 0.35},
  'scaled random noise': {'noise': 'random', 'noise_seed': 2**32 - 1, 'noise_scale': 1.7},
  'all': {
    'seed': 8, 'psi': 0.6, 'cutoff': 3, 'mix_seed': 4, 'mix_layers': (1, 2), 'moves': MOVES,
    'noise': 'random', 'noise_seed': 3, 'noise_scale': 0.5,
  },
}  # fmt: skip
FORMS = {
  'plain': {},
  'conditional, grey, wide': {'channels': 1, 'aspect': '2:1', 'class_names': ('ant', 'bee')},
  'vectors, with alpha': {'vector': 3, 'channels': 4},
}


def pale(params):
  """Parameters of G whose pictures do not leave [-1, 1]: where they do, differences are lost."""

  def scaled(path, x):
    return 0.1 * x if any(part.key == 'torgb' for part in path) else x

  return {**params, 'synthesis': jax.tree.map_with_path(scaled, params['synthesis'])}


@pytest.fixture(scope='module', params=FORMS)
def model(request, tmp_path_factory):
  """(path, gan, renderer) of a small model."""
  path = saved_model(tmp_path_factory.mktemp('model'), edit=pale, **FORMS[request.param])
  gan = StyleGAN2.load(path)
  return path, gan, Renderer(gan)


def view_of(gan, **fields):
  return dataclasses.replace(default_view(gan.labels), **fields)


def by_hand(gan, view):
  """The picture of a view, through the API in a plain way."""
  options = {'psi': view.psi, 'cutoff': view.cutoff, 'center': view.center}
  label, mix_label = view.label or None, view.mix_label or None
  ws = np.array(gan.map(gan.latents([view.seed]), label, **options))
  other = np.asarray(gan.map(gan.latents([view.mix_seed]), mix_label, **options))
  for layer in view.mix_layers:
    ws[:, layer] = other[:, layer]
  for step in view.moves:
    found = find_directions(gan, step.method, step.group)
    ws = directions.move(ws, found, step.number, step.strength, move_groups(gan.num_ws)[step.group])
  scale = view.noise_scale
  if scale == 1 or view.noise == 'none':
    return gan.draw(ws, view.noise, seed=view.noise_seed, batch_size=1)[0]
  maps = gan.noise_maps
  if view.noise == 'random':  # the values of random_noise, taken apart by hand
    key = jax.random.split(jax.random.key(view.noise_seed), 1)[0]
    sizes = [h * w for _, _, (h, w) in noise_layers(gan.size)]
    pieces = np.split(np.asarray(jax.random.normal(key, (sum(sizes),))), np.cumsum(sizes)[:-1])
    maps = {}
    for (block, layer, size), piece in zip(noise_layers(gan.size), pieces, strict=True):
      maps.setdefault(block, {})[layer] = piece.reshape(1, *size)
  return gan.draw(ws, jax.tree.map(lambda m: scale * m, maps), batch_size=1)[0]


@pytest.mark.parametrize('fields', VIEWS.values(), ids=VIEWS)
def test_pictures_are_those_of_the_api(model, fields):
  _, gan, renderer = model
  view = view_of(gan, **fields)
  picture = renderer.picture(view)
  assert picture.shape == (*gan.size, gan.channels)
  np.testing.assert_array_equal(picture, by_hand(gan, view))


@pytest.mark.parametrize('fields', VIEWS.values(), ids=VIEWS)
def test_snippets_draw_the_same(model, fields):
  path, gan, renderer = model
  view = view_of(gan, **fields)
  names = {}
  exec(snippet(view, path, None), names)
  np.testing.assert_array_equal(names['picture'], renderer.picture(view))


def test_each_field_changes_the_picture(model):
  _, gan, renderer = model
  pictures = {renderer.picture(view_of(gan, **fields)).tobytes() for fields in VIEWS.values()}
  assert len(pictures) == len(VIEWS)


def test_labels_and_class_centers(tmp_path):
  path = saved_model(tmp_path, class_names=('ant', 'bee'), edit=pale)
  gan = StyleGAN2.load(path)
  renderer = Renderer(gan)
  plain = {'seed': 3, 'psi': 0.5, 'mix_seed': 4, 'mix_layers': (0,)}
  views = [
    View(**plain, label=label, mix_label=mix_label, center=center)
    for label in ('ant', 'bee') for mix_label in ('ant', 'bee') for center in ('global', 'class')
  ]  # fmt: skip
  pictures = [renderer.picture(view) for view in views]
  assert len({picture.tobytes() for picture in pictures}) == len(views)
  for view, picture in zip(views, pictures, strict=True):
    np.testing.assert_array_equal(picture, by_hand(gan, view))
    names = {}
    exec(snippet(view, path, None), names)
    np.testing.assert_array_equal(names['picture'], picture)


def test_nothing_compiles_when_sliders_move(model):
  _, gan, _ = model
  renderer = Renderer(gan)
  renderer.warm_up()
  for method in directions.METHODS:
    for group in move_groups(gan.num_ws):
      renderer.directions(method, group)
  with compilations() as seen:
    for fields in VIEWS.values():
      renderer.picture(view_of(gan, **fields))
    for layer in range(gan.num_ws):
      layers, psi = tuple(range(layer)), 1 - layer / 10
      view = view_of(gan, seed=layer, psi=psi, cutoff=layer, mix_layers=layers)
      renderer.picture(dataclasses.replace(view, noise='random', noise_seed=layer))
    for group in move_groups(gan.num_ws):
      renderer.picture(view_of(gan, moves=(Move('pca', group, 0, 1.0),)))
  assert seen == []


def test_narrow_networks_have_fewer_directions(tmp_path):
  gan = StyleGAN2.load(saved_model(tmp_path, w_dim=3, channel_base=8, channel_max=2))
  renderer = Renderer(gan)
  for method in directions.METHODS:
    for group, layers in move_groups(gan.num_ws).items():
      found = renderer.directions(method, group)
      assert found.layers == layers
      assert 1 <= len(found) <= 3
  assert len(renderer.directions('pca', 'all')) == 3
  with pytest.raises(UserError, match='no direction 4 of pca, all layers: there are 3'):
    renderer.picture(View(moves=(Move('pca', 'all', 3, 1.0),)))


def test_directions_of_conditional_models_are_those_of_all_classes(tmp_path):
  gan = StyleGAN2.load(saved_model(tmp_path, class_names=('ant', 'bee', 'cat')))
  w = [
    np.asarray(gan.map(gan.latents(np.arange(number, 20_000, 3)), name)[:, 0], np.float64)
    for number, name in enumerate(gan.class_names)
  ]
  values = np.linalg.eigvalsh(np.cov(np.concatenate(w).T))[::-1]
  found = find_directions(gan, 'pca', 'all')
  np.testing.assert_allclose(found.eigenvalues, values, rtol=1e-4)


def test_without_noise_layers(tmp_path):
  gan = StyleGAN2.load(saved_model(tmp_path, edit=pale, noise=False))
  assert not gan.generator.synthesis.use_noise
  renderer = Renderer(gan)
  pictures = {renderer.picture(View(noise=mode)).tobytes() for mode in ('const', 'random', 'none')}
  assert len(pictures) == 1
