"""CIFAR-10 as in the ADA paper, conditional on the class.

Run:      python launch.py prepare --source=cifar-10-python.tar.gz --out=datasets/cifar10
          python launch.py --config=configs/cifar10_conditional.py --workdir=runs/conditional
Expected: G with 20,215,315 parameters and D with 20,988,416. The paper's best FID is 2.42
          (2006.06676). On more than two devices give a smaller train.micro_batch.
"""

from ml_collections import ConfigDict

from configs import cifar10


def get_config() -> ConfigDict:
  """The conditional preset, with the label mapping of the published model."""
  config = cifar10.get_config()

  config.data.labels = True

  # D embeds and normalises the label and no more, as the published TensorFlow model does. The
  # PyTorch code has 8 layers there.
  config.network.d_mapping_layers = 0

  config.sample.grid_cols = 10

  return config
