"""CIFAR-10 as in the ADA paper, without labels.

Run:      python launch.py prepare --source=cifar-10-python.tar.gz --out=datasets/cifar10
          python launch.py --config=configs/cifar10.py --workdir=runs/cifar10
Expected: G with 19,947,539 parameters and D with 20,720,641. The paper's best FID is 2.92
          (2006.06676). On more than two devices give a smaller train.micro_batch.
"""

from ml_collections import ConfigDict

from configs import default


def get_config() -> ConfigDict:
  """The preset of CIFAR-10."""
  config = default.get_config()

  config.data.source = 'cifar10'

  config.network.mapping_layers = 2
  config.network.d_architecture = 'orig'
  config.network.mbstd_group = 32
  config.network.num_reduced = 4

  config.train.batch_size = 64
  config.train.micro_batch = 32  # that of each of the 2 GPUs which the values were chosen on
  config.train.total_kimg = 100_000.0
  config.train.r1_gamma = 0.01
  # No path length regularization. Learning rate and betas of G stay those of pl_interval.
  config.train.pl_weight = 0.0
  config.train.style_mixing_prob = 0.0
  config.train.ema_kimg = 500.0
  config.train.ema_rampup = 0.05

  config.augment.kind = 'ada'

  return config
