"""A model in one file: `.safetensors`, which holds arrays and text and can run nothing.

Arrays are named by their place in the weights: `generator.synthesis.b4.conv1.weight`,
`noise_maps.b4.conv1`, `w_avg`. The text beside them is the config as in config.json, the labels,
and the notice of imported weights. Any other program that reads safetensors can use it; layouts
are those of this package (HWIO).
"""

import json
import os
import pathlib

import jax
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from stylegan2_jax import config as config_lib
from stylegan2_jax import files, validation
from stylegan2_jax.errors import UserError
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.model import Model, weight_shapes
from stylegan2_jax.words import reason

SUFFIX = '.safetensors'
_FORMAT = 'stylegan2_jax weights 1'


def save(path: str | os.PathLike, model: Model) -> None:
  """Writes a model, whole or not at all.

  Raises:
    UserError: another suffix, or the path cannot be written.
  """
  path = pathlib.Path(path)
  if path.suffix != SUFFIX:
    raise UserError(f'weights are saved as {SUFFIX}: name the file {path.stem}{SUFFIX}')
  flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, model.weights), sep='.')
  labels = model.labels
  text = {
    'format': _FORMAT,
    'config': config_lib.to_json(model.settings),
    'labels': json.dumps(
      {
        'c_dim': labels.c_dim,
        'class_names': labels.class_names,
        'component_names': labels.component_names,
      }
    ),
    'notice': model.notice,
  }
  arrays = {name: np.asarray(value, order='C') for name, value in flat.items()}
  try:
    with files.replacing(path) as file:
      file.write(safetensors.numpy.save(arrays, text))
  except OSError as error:
    raise UserError(f'cannot write {path}: {reason(error)}; name another file') from None


def load(path: str | os.PathLike, discriminator: bool = True) -> Model:
  """The model of a file that `save` wrote; `discriminator` off leaves that out.

  Raises:
    UserError: it cannot be read, is damaged, or is not such a file.
  """
  path = pathlib.Path(path)
  try:
    with safetensors.safe_open(path, 'np') as file:
      text = file.metadata() or {}
      if text.get('format') != _FORMAT:
        raise UserError(f'{path} does not hold a model of this package: save it by save_weights')
      settings = config_lib.from_json(text['config'], str(path))
      validation.validate_networks(settings)
      labels = LabelSpace.of_checkpoint(json.loads(text['labels']))
      shapes = traverse_util.flatten_dict(weight_shapes(settings, labels.c_dim), sep='.')
      names = set(file.keys())
      if not any(name.startswith('discriminator.') for name in names):
        discriminator = False
      wanted = [n for n in shapes if discriminator or not n.startswith('discriminator.')]
      arrays = {name: _array(file, name, shapes[name]) for name in wanted}
  except OSError as error:
    raise UserError(f'cannot read {path}: {reason(error)}; name another file') from None
  except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
    raise UserError(f'{path} is damaged ({reason(error)}): save it again') from None
  weights = traverse_util.unflatten_dict(arrays, sep='.')
  return Model(settings, labels, weights, text.get('notice', ''))


def _array(file, name, like):
  found = file.get_slice(name)
  if tuple(found.get_shape()) != like.shape:
    raise ValueError(f'{name} is {found.get_shape()}, not {list(like.shape)}')
  return np.asarray(file.get_tensor(name), np.float32)
