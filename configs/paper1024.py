"""1024x1024 as in the ADA paper, which trained MetFaces with it: config F with a smaller gamma.

Run:      python launch.py --config=configs/paper1024.py --config.data.source=metfaces \
            --config.data.mirror=True --workdir=runs/paper1024
Expected: G with 30,370,060 parameters and D with 29,012,513.
"""

from ml_collections import ConfigDict

from configs import stylegan2


def get_config() -> ConfigDict:
  """The preset of 1024x1024; `data.source` is left empty for the command line to give."""
  config = stylegan2.get_config()

  config.train.r1_gamma = 2.0

  return config
