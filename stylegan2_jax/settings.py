"""Settings: the frozen dataclasses that define a run.

`configs/default.py` explains every field, `presets.py` builds a `Settings` from a preset file,
`validation.py` checks the values, `config.py` turns them into JSON and back. Everything below takes
these, or plain arguments.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DataSettings:
  """Where the pictures come from and what form they have."""

  source: str = 'shapes'
  dir: str = 'datasets'
  resolution: int = 32
  aspect: str = '1:1'
  channels: int = 3
  mirror: bool = False
  labels: bool = False
  subset: int = 0
  held_out: float = 0.0
  threads: int = 2

  @property
  def size(self) -> tuple[int, int]:
    """(height, width): `resolution` is the longer side, `aspect` is width:height.

    >>> DataSettings(resolution=512, aspect='4:3').size
    (384, 512)
    """
    width, height = map(int, self.aspect.split(':'))
    longer = max(width, height)
    return self.resolution * height // longer, self.resolution * width // longer


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
  """The architecture of generator and discriminator."""

  z_dim: int = 512
  w_dim: int = 512
  mapping_layers: int = 8
  d_mapping_layers: int = 8
  channel_base: int = 32768
  channel_max: int = 512
  g_architecture: str = 'skip'
  d_architecture: str = 'resnet'
  mbstd_group: int | None = 4
  mbstd_features: int = 1
  noise: bool = True
  demodulation: str = 'weights'
  equalized_lr: bool = True
  num_reduced: int = 0
  reduced_dtype: str = 'bfloat16'
  clamp: float | None = 256.0

  def compared(self, count: int) -> int:
    """Images in a group of the minibatch standard deviation, of `count` at a time; 1: no groups."""
    if not self.mbstd_features:
      return 1
    return count if self.mbstd_group is None else min(self.mbstd_group, count)


@dataclasses.dataclass(frozen=True)
class TrainSettings:
  """The optimization: batch, durations, losses, optimizers, averages."""

  batch_size: int = 32
  micro_batch: int = 0
  total_kimg: float = 25000.0
  snapshot_kimg: float = 200.0
  keep: int = 2
  keep_every: float = 0.0
  deterministic: bool = False
  on_nonfinite: str = 'clean'
  max_bad_steps: int = 20
  learning_rate: float = 0.0025
  d_learning_rate: float | None = None
  adam_b1: float = 0.0
  adam_b2: float = 0.99
  adam_eps: float = 1e-8
  loss: str = 'non_saturating'
  r1_gamma: float = 1.0
  r2_gamma: float = 0.0
  gp_weight: float = 0.0
  r1_interval: int = 16
  pl_weight: float = 2.0
  pl_interval: int = 4
  pl_decay: float = 0.01
  pl_batch_shrink: int = 2
  style_mixing_prob: float = 0.9
  ema_kimg: float = 10.0
  ema_rampup: float | None = None
  w_avg_beta: float = 0.995

  @property
  def chunk_size(self) -> int:
    """Samples in a micro-batch: `micro_batch`, of which 0 means the whole batch."""
    return self.micro_batch or self.batch_size

  @property
  def zero_decides(self) -> bool:
    """Whether D's loss makes a logit of 0 the border between real and fake: r_t builds on that."""
    return self.loss in ('non_saturating', 'hinge')

  @property
  def penalizes_gradient(self) -> bool:
    """Whether any penalty on the gradient of D is on."""
    return any((self.r1_gamma, self.r2_gamma, self.gp_weight))

  @property
  def penalties_not_lazy(self) -> bool:
    """Whether those are part of D's main phase, in every step."""
    return self.penalizes_gradient and self.r1_interval == 0

  @property
  def path_length_not_lazy(self) -> bool:
    """Whether the path length penalty is part of G's main phase, in every step."""
    return self.pl_weight != 0 and self.pl_interval == 0


@dataclasses.dataclass(frozen=True)
class AugmentSettings:
  """What the discriminator sees in place of the images, and how often."""

  kind: str = 'none'
  transforms: str = 'bgc'
  p: float = 0.0
  p_max: float | None = None
  target: float = 0.6
  interval: int = 4
  ada_kimg: float = 500.0
  policy: str = 'color,translation,cutout'


@dataclasses.dataclass(frozen=True)
class FinetuneSettings:
  """Where the first weights come from, and which of them stay."""

  start: str = ''
  freeze_d: int = 0
  freeze_mapping: bool = False


@dataclasses.dataclass(frozen=True)
class SampleSettings:
  """The grids of fakes drawn while training."""

  grid_rows: int = 4
  grid_cols: int = 8
  truncation_psi: float = 1.0


@dataclasses.dataclass(frozen=True)
class MetricSettings:
  """What is measured of the generator while training, how often, and what the best is."""

  names: str = ''
  kimg: float = 0.0
  best: str = ''


@dataclasses.dataclass(frozen=True)
class LogSettings:
  """Where the numbers and pictures of a run go, beside its folder's own log."""

  scalars_kimg: float = 1.0
  tensorboard: bool = True
  wandb: str = ''


@dataclasses.dataclass(frozen=True)
class Settings:
  """Everything that defines a run. Nested as the fields of `configs/default.py`."""

  seed: int = 0
  data: DataSettings = DataSettings()
  network: NetworkSettings = NetworkSettings()
  train: TrainSettings = TrainSettings()
  augment: AugmentSettings = AugmentSettings()
  finetune: FinetuneSettings = FinetuneSettings()
  sample: SampleSettings = SampleSettings()
  metrics: MetricSettings = MetricSettings()
  log: LogSettings = LogSettings()
