"""512x512 as in the ADA paper, which trained BreCaHAD and AFHQ with it.

Run:      python launch.py --config=configs/paper512.py --config.data.source=afhqcat \
            --config.data.mirror=True --workdir=runs/paper512
Expected: G with 30,276,583 parameters and D with 28,982,849.
"""

from ml_collections import ConfigDict

from configs import paper256


def get_config() -> ConfigDict:
  """The preset of 512x512; `data.source` is left empty for the command line to give."""
  config = paper256.get_config()

  config.data.resolution = 512

  config.network.channel_base = 32768

  config.train.r1_gamma = 0.5

  return config
