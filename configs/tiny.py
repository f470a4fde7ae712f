"""16x16 and narrow: to try a change or the command line in seconds, and for tests.

Run:      python launch.py --config=configs/tiny.py --workdir=runs/tiny
Expected: 4 kimg on the built-in shapes; coloured blobs.
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """The tiny preset."""
  config = default.get_config()

  config.data.resolution = 16

  config.network.z_dim = config.network.w_dim = 32
  config.network.mapping_layers = config.network.d_mapping_layers = 2
  config.network.channel_base = 512
  config.network.channel_max = 32

  config.train.batch_size = 8
  config.train.total_kimg = 4.0
  config.train.snapshot_kimg = 1.0
  config.train.ema_kimg = 2.5
  config.train.ema_rampup = 0.05

  return config
