"""A first try on pictures of your own: what depends on them and on your devices is worked out.

ADA's `auto` rules. Any field given on the command line stays as given, and the others follow it.

Run:      python launch.py --config=configs/auto.py --config.data.source=photos.zip \
            --workdir=runs/photos
Expected: the first line says what was set; --dry_run shows what that takes. At 256x256, G has
          23,191,522 parameters and D 24,001,089. ADA's authors advise to tune train.r1_gamma.
"""

from ml_collections import ConfigDict

from configs import default
from stylegan2_jax.facts import Facts
from stylegan2_jax.settings import DataSettings


def get_config() -> ConfigDict:
  """What does not depend on the data."""
  config = default.get_config()

  config.network.mapping_layers = 2
  config.network.num_reduced = 4

  config.train.ema_rampup = 0.05

  config.augment.kind = 'ada'

  return config


def adapt(config: ConfigDict, facts: Facts) -> None:
  """Sets what depends on the pictures and the devices."""
  data, network, train = config.data, config.network, config.train

  if facts.image is not None:
    data.resolution, data.aspect, data.channels = facts.image
  height, width = DataSettings(resolution=data.resolution, aspect=data.aspect).size

  # ADA: max(min(g * min(4096 // res, 32), 64), g) images on g devices. Where g or res are no powers
  # of two, each device takes the next lower one: all have as many, and groups divide it.
  per_device = max(min(4096 // data.resolution, 32, 64 // facts.num_devices), 1)
  train.batch_size = facts.num_devices * 2 ** (per_device.bit_length() - 1)
  # All that a device has. Fewer devices can go on with the run, with as many at a time.
  train.micro_batch = max(train.batch_size // facts.num_devices, 1)
  at_once = train.micro_batch or train.batch_size
  # ADA: min(batch / devices, 4).
  network.mbstd_group = max(n for n in (1, 2, 3, 4) if at_once % n == 0)
  train.pl_batch_shrink = min(2, at_once)

  network.channel_base = 32768 if data.resolution >= 512 else 16384
  train.learning_rate = 0.002 if data.resolution >= 1024 else 0.0025
  train.r1_gamma = 2e-4 * height * width / train.batch_size
  train.ema_kimg = train.batch_size * 10 / 32
