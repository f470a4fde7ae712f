"""256x256 as in the ADA paper: FFHQ and LSUN Cat at half the channels of config F.

Run:      python launch.py --config=configs/paper256.py --config.data.source=ffhq256 \
            --workdir=runs/paper256
Expected: G with 24,767,458 parameters and D with 24,001,089. The paper's FID on the 70 thousand
          images of FFHQ is 4.30, without augmentation 5.28 (2006.06676).
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """The preset of 256x256; `data.source` is left empty for the command line to give."""
  config = default.get_config()

  config.data.source = ''
  config.data.resolution = 256

  config.network.channel_base = 16384
  config.network.mbstd_group = 8
  config.network.num_reduced = 4

  config.train.batch_size = 64
  config.train.micro_batch = 8  # that of each of the 8 GPUs which the values were chosen on
  config.train.r1_gamma = 1.0
  config.train.ema_kimg = 20.0

  config.augment.kind = 'ada'

  return config
