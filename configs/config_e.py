"""Config E of the StyleGAN2 paper at 1024x1024: half of config F's channels from 64x64 up.

Run:      python launch.py --config=configs/config_e.py --config.data.source=ffhq \
            --config.data.mirror=True --workdir=runs/config_e
Expected: G with 24,900,764 parameters and D with 24,038,161. The paper's FID on mirrored FFHQ is
          3.31, without augmentation (1912.04958, table 1).
"""

from ml_collections import ConfigDict

from configs import stylegan2


def get_config() -> ConfigDict:
  """Config E; `data.source` is left empty for the command line to give."""
  config = stylegan2.get_config()

  config.network.channel_base = 16384

  config.train.r1_gamma = 100.0

  return config
