"""Config F of the StyleGAN2 paper at 1024x1024, with adaptive augmentation.

Run:      python launch.py --config=configs/stylegan2.py --config.data.source=ffhq \
            --config.data.mirror=True --workdir=runs/stylegan2
Expected: G with 30,370,060 parameters and D with 29,012,513. The paper's FID on mirrored FFHQ is
          2.84, without augmentation (1912.04958, table 1).
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """Config F as in the official code; `data.source` is left empty for the command line to give."""
  config = default.get_config()

  config.data.source = ''
  config.data.resolution = 1024

  config.network.num_reduced = 4

  config.train.micro_batch = 4  # that of each of the 8 GPUs which the values were chosen on
  config.train.learning_rate = 0.002
  config.train.r1_gamma = 10.0

  config.augment.kind = 'ada'

  return config
