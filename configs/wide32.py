"""The full-width network at 32x32: 512 channels everywhere, 8 mapping layers.

21.5 million parameters in each network and, on a GPU, reduced precision above 4x4.

Run:      python launch.py summary --config=configs/wide32.py
          python launch.py --config=configs/wide32.py --workdir=runs/wide32
Expected: the summary shows G with 21,523,475 parameters and 3,392 buffer values, D with
          21,507,073 and 224.
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """The wide preset: the default network, with the four highest resolutions reduced."""
  config = default.get_config()

  config.network.num_reduced = 4

  config.train.ema_rampup = 0.05

  return config
