"""The networks that are measured, from seconds on two cores to the paper's largest."""

import dataclasses

from stylegan2_jax.settings import (
  AugmentSettings,
  DataSettings,
  NetworkSettings,
  Settings,
  TrainSettings,
)


def _settings(resolution, base, widest, z, layers, batch, num_reduced=0, ada=False):
  network = NetworkSettings(
    z_dim=z,
    w_dim=z,
    mapping_layers=layers,
    channel_base=base,
    channel_max=widest,
    num_reduced=num_reduced,
  )
  return Settings(
    data=DataSettings(resolution=resolution),
    network=network,
    train=TrainSettings(batch_size=batch),
    augment=AugmentSettings(kind='ada' if ada else 'none'),
  )


SIZES = {
  'tiny32': _settings(32, 1024, 64, 64, 2, 16),
  'cifar32': _settings(32, 16384, 128, 128, 8, 8),
  '64px': _settings(64, 4096, 256, 512, 8, 8),
  '128px': _settings(128, 8192, 256, 512, 8, 4),
  # On one device. In few bits where the official code is; ADA as in its published speeds.
  'paper256': _settings(256, 16384, 512, 512, 8, 64, num_reduced=4, ada=True),
  'stylegan2': _settings(1024, 32768, 512, 512, 8, 32, num_reduced=4),
}
SMALL = ('tiny32', 'cifar32', '64px', '128px')  # those that two cores can train


def size(name: str, batch: int = 0) -> Settings:
  """The settings of a size, with another batch if one is given.

  Raises:
    KeyError: no such size.
  """
  settings = SIZES[name]
  if not batch:
    return settings
  return dataclasses.replace(settings, train=dataclasses.replace(settings.train, batch_size=batch))
