"""Your own small pictures at 32x32 on a CPU: the demo's network on a folder or zip of images.

Made with a zip of emoji in mind: upright, on white, and as good mirrored. With adaptive
augmentation for small sets, and a tenth of the pictures held out to see overfitting.

Run:      python launch.py --config=configs/emoji.py --config.data.source=emoji.zip \
            --workdir=runs/emoji
Expected: on 3,573 emoji with augment.kind=none and data.held_out=0, heads and simple figures after
          85 kimg, faces and couples after 200; 9 s per kimg on two CPU cores.
"""

from ml_collections import ConfigDict

from configs import shapes


def get_config() -> ConfigDict:
  """The emoji preset; `data.source` is left empty for the command line to give."""
  config = shapes.get_config()

  config.data.source = ''
  config.data.mirror = True
  config.data.held_out = 0.1

  config.train.r1_gamma = 1.0

  config.augment.kind = 'ada'
  config.augment.ada_kimg = 30.0  # ADA has 500, longer than a run on a CPU

  return config
