"""Small models of random weights in a file, of any form of image and label."""

import pathlib

from stylegan2_jax import weights_file
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.model import Model
from stylegan2_jax.networks.builder import variable_shapes
from tests.helpers import networks, random_params, randomized, settings


def saved_model(
  path: pathlib.Path,
  resolution: int = 8,
  aspect: str = '1:1',
  channels: int = 3,
  class_names: tuple[str, ...] = (),
  vector: int = 0,
  edit=None,
  **network,
) -> pathlib.Path:
  """Writes FOLDER/model.safetensors and returns its path.

  `edit` takes and returns the parameters of the generator; `network` changes its settings.
  """
  labels = LabelSpace(vector or len(class_names), class_names)
  data = {'aspect': aspect, 'channels': channels, 'labels': bool(labels.c_dim)}
  config = settings(resolution, network, data)
  pair = networks(config.data.size, channels, labels.c_dim, **network)
  g_params = random_params(*pair)[0]
  if edit is not None:
    g_params = edit(g_params)
  w_avg = randomized(g_params['mapping']['fc0']['bias'], 3)
  maps = randomized(variable_shapes(*pair)[2], 2)
  weights = {'generator': g_params, 'w_avg': w_avg, 'noise_maps': maps}
  path = path / 'model.safetensors'
  weights_file.save(path, Model(config, labels, weights))
  return path
