"""FFHQ at 512x512 with small batches, without augmentation: for one or two large GPUs.

The values of an earlier JAX training on FFHQ, here with all channels, equalized learning rate, path
length and lazy regularization.

Run:      python launch.py --config=configs/ffhq512.py --config.data.source=ffhq512 \
            --workdir=runs/ffhq512
Expected: G with 30,276,583 parameters and D with 28,982,849.
"""

import math

from ml_collections import ConfigDict

from configs import default

_EMA_BETA = 0.9999  # the share of the old average that stays at each step


def get_config() -> ConfigDict:
  """The preset of FFHQ at 512x512; `data.source` is left empty for the command line to give."""
  config = default.get_config()

  config.data.source = ''
  config.data.resolution = 512

  config.train.batch_size = 8
  config.train.micro_batch = 4  # so that two devices can share it
  config.train.total_kimg = 12_000.0
  config.train.learning_rate = 2e-4
  config.train.d_learning_rate = 4e-4
  config.train.r1_gamma = 10.0
  # After n images beta^(n / batch) of the old average is left. That is 1/2 after
  # batch ln(1/2) / ln(beta) images: 55.45 thousand.
  half_life = config.train.batch_size * math.log(0.5) / math.log(_EMA_BETA)
  config.train.ema_kimg = half_life / 1000

  config.sample.truncation_psi = 0.7

  return config
