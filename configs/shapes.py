"""The demo: 32x32 coloured shapes, on a laptop's CPU. What `make train` runs.

Run:      python launch.py --config=configs/shapes.py --workdir=runs/shapes
Expected: crescents, rings, triangles and squares after 60 kimg, crosses and the first stars after
          100; on two CPU cores 9 s per kimg.
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """The demo preset. The EMA and the mapping depth follow ADA's `auto` rules."""
  config = default.get_config()

  config.network.z_dim = config.network.w_dim = 64
  config.network.mapping_layers = config.network.d_mapping_layers = 2
  config.network.channel_base = 1024
  config.network.channel_max = 64
  # A plain stack, as in ADA's `cifar` preset: kinds are told apart sooner than with 'resnet'.
  config.network.d_architecture = 'orig'

  config.train.batch_size = 8
  config.train.total_kimg = 100.0
  config.train.snapshot_kimg = 5.0
  # ADA's rule of thumb gives 0.0256; at half of it D won within 10 kimg, pictures stayed blurs.
  config.train.r1_gamma = 0.5
  config.train.ema_kimg = config.train.batch_size * 10 / 32
  config.train.ema_rampup = 0.05

  return config
