"""What every layout of another project becomes: networks of this project and their weights."""

import dataclasses
from typing import Any

import numpy as np

from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.model import Model
from stylegan2_jax.settings import DataSettings, NetworkSettings, Settings


@dataclasses.dataclass(frozen=True)
class Imported:
  """A model from another project's file. Trees and layouts are those of this project, float32.

  `kind` says what the file is, in words that fit behind 'is': 'an official PyTorch pickle'.
  `g_params` and `d_params` are None where the file lacks G itself, or D; the fields of `network`
  that concern D alone are then the defaults. `notice` is filled by `read.read_model`.
  """

  kind: str
  network: NetworkSettings
  resolution: int
  channels: int
  c_dim: int
  ema_params: dict[str, Any]  # of G_ema
  w_avg: np.ndarray  # [w_dim]
  noise_maps: dict[str, Any]  # networks/noise.py
  g_params: dict[str, Any] | None = None
  d_params: dict[str, Any] | None = None
  remarks: tuple[str, ...] = ()  # what the user should know of how it was read, a line each
  notice: str = ''

  @property
  def settings(self) -> Settings:
    """The config of a workdir that holds this model."""
    data = DataSettings(
      resolution=self.resolution, channels=self.channels, labels=self.c_dim > 0, source=''
    )
    return Settings(data=data, network=self.network)

  @property
  def labels(self) -> LabelSpace:
    """Classes called by their numbers: such files do not name them."""
    return LabelSpace(self.c_dim, tuple(map(str, range(self.c_dim))))

  def absent(self) -> list[str]:
    """The networks that the file lacks."""
    return [name for name, tree in (('G', self.g_params), ('D', self.d_params)) if tree is None]

  def model(self, discriminator: bool = True) -> Model:
    """The model that draws pictures, and judges them if D is there and wanted."""
    weights = {
      'generator': self.ema_params,
      'w_avg': self.w_avg,
      'noise_maps': self.noise_maps,
    }
    if discriminator and self.d_params is not None:
      weights['discriminator'] = self.d_params
    return Model(self.settings, self.labels, weights, self.notice)
