"""Every field, its meaning and its default. Presets start from this and change a few lines.

Run:      python launch.py --config=configs/default.py --workdir=runs/default
          python launch.py --config=configs/default.py --config.train.batch_size=64 ...
Expected: the paper's networks at 32x32 on the built-in shapes, with the paper's length of 25
          million images: a starting point for presets more than a run. On a CPU take
          configs/shapes.py.

Durations are in kimg: thousands of real images shown. Papers: StyleGAN2 is arXiv 1912.04958,
StyleGAN 1812.04948, ADA 2006.06676 (whose code is the "official" one below).
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  """The default settings, locked: a misspelt field is an error."""
  config = ConfigDict()

  # Root of every random number of the run: parameters, latents, noise, order of the images.
  # 0 to 2**32 - 1. Same seed and config, same machine: same run.
  config.seed = 0

  config.data = _data()
  config.network = _network()
  config.train = _train()
  config.sample = _sample()
  config.log = _log()
  return config.lock()


def _data() -> ConfigDict:
  data = ConfigDict()
  # 'shapes': the built-in data set of coloured shapes, drawn on first use. A path: of a set that
  # `launch.py prepare` made, or of a folder (with its subfolders) or a .zip of images (PNG, JPEG,
  # WebP, ...) as they are, without labels. Anything else is the name of a prepared set in data.dir
  # ('cifar10'), also of one of the TFDS catalogue in TFDS's own folder ('oxford_flowers102:2.1.1').
  # May change on resume, to another place of the same images.
  data.source = 'shapes'
  # Folder where data sets are found by name, and built-in ones are prepared, once per resolution.
  # May change on resume.
  data.dir = 'datasets'
  # The longer side of the images in pixels: 4, 5, 6 or 7 times a power of two, such as 64 (what the
  # papers have), 80, 96 or 112. The networks begin with 4 to 7 pixels and double them from block to
  # block, so this sets their depth. The cost of a step grows about fourfold when it doubles.
  data.resolution = 32
  # Width to height of the images, in lowest terms, of numbers up to 7: '1:1' (square), '4:3', '3:4'
  # (portrait), '3:2', '2:1', '7:4', ... The networks begin with both sides whole: for '4:3' with
  # 4x3 pixels, so 512x384 (resolution 512) will do and 480x360 will not. All images must have this
  # aspect; `launch.py prepare` crops or pads them.
  data.aspect = '1:1'
  # Channels of an image: 1 (grey), 2 (grey with alpha), 3 (colour) or 4 (colour with alpha).
  data.channels = 3
  # Also show every image mirrored left to right, which doubles a data set. Off where left and
  # right differ: text, road signs, faces with a known side.
  data.mirror = False
  # Train conditionally: both networks get the label of the image, its class or a vector. For sets
  # with labels: 'shapes', and those prepared with some.
  data.labels = False
  # Threads that read and decode images. More if `data wait` in stats.jsonl is not near zero.
  # May change on resume.
  data.threads = 2
  return data


def _network() -> ConfigDict:
  network = ConfigDict()
  # Width of the latent z and of the intermediate latent w. 512 in the papers.
  network.z_dim = 512
  network.w_dim = 512
  # Dense layers from z to w. 8 in StyleGAN2, 2 in ADA's `auto`.
  network.mapping_layers = 8
  # Dense layers that map the label in a conditional discriminator; 0 is an embedding alone.
  network.d_mapping_layers = 8
  # Channels at resolution r are min(channel_base // r, channel_max), in both networks; r is 4, 8,
  # 16, ... from block to block, also where the sides are not. 32768 and 512 are config F of the
  # paper; 16384 is config E.
  network.channel_base = 32768
  network.channel_max = 512
  # 'orig' (plain stack), 'skip' (an image at every resolution, summed in G) or 'resnet'. The
  # paper's table 2 finds skip for G and resnet for D best; ADA uses orig for D on CIFAR-10.
  network.g_architecture = 'skip'
  network.d_architecture = 'resnet'
  # Minibatch standard deviation in D, against mode collapse: images compared as one group (a
  # smaller micro-batch is one group) and the statistics appended as feature maps.
  network.mbstd_group = 4
  network.mbstd_features = 1
  # How many of the highest resolutions compute in reduced_dtype, never the first. 0: all float32.
  # 4 in the official code, for speed on GPUs.
  network.num_reduced = 0
  # 'bfloat16' (no loss scaling needed), 'float16' or 'float32'. Parameters stay float32.
  network.reduced_dtype = 'bfloat16'
  # Activations are clamped to +-clamp where num_reduced > 0, as in ADA. None: never.
  network.clamp = 256.0
  return network


def _train() -> ConfigDict:
  train = ConfigDict()
  # Images per step, over all devices. A multiple of the device count.
  train.batch_size = 32
  # Images that go through a network at once; 0: the whole batch. A batch is cut into micro-batches
  # of consecutive images, spread evenly over the devices, one after another on each; gradients
  # are averaged. Smaller needs less memory. The groups of mbstd, the half batch of the path
  # length and the coin of style mixing belong to a micro-batch, so this changes training a little;
  # the number of devices does not. With d devices set it to batch_size / d or a divisor of that.
  train.micro_batch = 0
  # Length of the run in kimg. May change on resume: raise it to train on.
  train.total_kimg = 25_000.0
  # A grid of fakes and a checkpoint every so many kimg. May change on resume.
  train.snapshot_kimg = 200.0
  # Newest checkpoints kept. May change on resume.
  train.keep = 2
  # Beside those, one checkpoint every so many kimg stays for good. 0: none. May change on resume.
  train.keep_every = 0.0
  # On a GPU: the same numbers to the bit in every run of the same config on the same hardware, by
  # XLA's deterministic operations and fixed choice of kernels; slower. CPUs need no such thing. May
  # change on resume.
  train.deterministic = False
  # What becomes of gradients with NaN or infinite values: 'clean' puts 0 for NaN and +-1e5 for
  # +-infinity, as the official code does; 'skip' leaves out the update of that phase. Both are
  # counted and reported. May change on resume.
  train.on_nonfinite = 'clean'
  # So many steps in a row with such gradients end the run. May change on resume.
  train.max_bad_steps = 20
  # Adam, for both networks. Learning rate: 0.002 (paper) to 0.0025 (ADA below 1024x1024). It and
  # the betas are rescaled for lazy regularization (StyleGAN2, section 3.1).
  train.learning_rate = 0.0025
  train.adam_b1 = 0.0
  train.adam_b2 = 0.99
  train.adam_eps = 1e-8
  # R1: gamma/2 * squared gradient of D at real images. The field to tune for a new data set: ADA's
  # rule of thumb is 2e-4 * pixels of an image / batch_size; larger is calmer. 0 skips it.
  train.r1_gamma = 1.0
  # Every so many steps; its loss is multiplied by that.
  train.r1_interval = 16
  # Path length regularization of G (StyleGAN2, section 3.2), for a smoother latent space. 0 skips
  # it.
  train.pl_weight = 2.0
  # Every so many steps; its loss is multiplied by that.
  train.pl_interval = 4
  # How fast the running mean of path lengths follows the batches, 0 to 1.
  train.pl_decay = 0.01
  # Path lengths are taken on 1/pl_batch_shrink of a micro-batch, to save memory.
  train.pl_batch_shrink = 2
  # Probability that a micro-batch uses two latents, switched at a random layer (StyleGAN, 3.1).
  train.style_mixing_prob = 0.9
  # Half-life of the moving average of G's parameters, from which images are drawn, in kimg.
  # 10 for a batch of 32; ADA's rule is 10 * batch_size / 32.
  train.ema_kimg = 10.0
  # Shortens the half-life to this fraction of the images seen so far, so that the average leaves
  # the start behind: 0.05 in ADA, None (no ramp-up) in StyleGAN2 and for fine-tuning.
  train.ema_rampup = None
  # Share of the old value that w_avg, the centre for truncation, keeps at a step.
  train.w_avg_beta = 0.995
  return train


def _sample() -> ConfigDict:
  sample = ConfigDict()
  # Size of the fakes-*.png and reals.png grids, in images. May change on resume, as all of these.
  sample.grid_rows = 4
  sample.grid_cols = 8
  # Truncation of those fakes: 1 shows all the variety, less (0.7) more typical images.
  sample.truncation_psi = 1.0
  return sample


def _log() -> ConfigDict:
  log = ConfigDict()
  # TensorBoard and W&B get the mean of each number over so many kimg; stats.jsonl in the run's
  # folder has every step. May change on resume, as all of these.
  log.scalars_kimg = 1.0
  # Scalars and grids for `tensorboard --logdir=WORKDIR`.
  log.tensorboard = True
  # Name of a Weights & Biases project to log to, where the package wandb is installed. Empty: none.
  log.wandb = ''
  return log
