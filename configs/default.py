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
  config.augment = _augment()
  config.finetune = _finetune()
  config.sample = _sample()
  config.metrics = _metrics()
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
  # Train on so many of the pictures only, chosen evenly at random and the same ones in every run;
  # 0: on all. How the papers study small data sets.
  data.subset = 0
  # Share of the pictures that are not trained on but shown to D every few steps, for its outputs
  # alone: logits_held_out falls behind logits_real as D learns the data set by heart (ADA, figure
  # 1). The same ones in every run, whatever data.subset is.
  data.held_out = 0.0
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
  # smaller micro-batch is one group; None: the whole one) and the statistics appended as so many
  # feature maps; 0: none.
  network.mbstd_group = 4
  network.mbstd_features = 1
  # Per-pixel noise inputs of G (StyleGAN, section 3.2).
  network.noise = True
  # What normalises the modulated convolutions of G: 'weights' is StyleGAN2's demodulation (section
  # 2.2), 'instance' divides each feature map by what it measures there, as StyleGAN did, droplets
  # included, and 'none' leaves them as they come.
  network.demodulation = 'weights'
  # Equalized learning rate (Progressive GAN, section 4.1): weights are stored with unit variance
  # and scaled at run time. False: stored as they are used, so that Adam moves wide layers faster.
  network.equalized_lr = True
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
  # That of D, where it is another; None: the same.
  train.d_learning_rate = None
  train.adam_b1 = 0.0
  train.adam_b2 = 0.99
  train.adam_eps = 1e-8
  # The adversarial loss: 'non_saturating' (StyleGAN2), 'hinge', 'wgan' (for WGAN-GP set also
  # gp_weight=10 and r1_gamma=0) or 'relativistic' (pairs of a real and a fake image; wants r2_gamma
  # as large as r1_gamma). losses.py has them all.
  train.loss = 'non_saturating'
  # R1: gamma/2 * squared gradient of D at real images. The field to tune for a new data set: ADA's
  # rule of thumb is 2e-4 * pixels of an image / batch_size; larger is calmer. 0 skips it.
  train.r1_gamma = 1.0
  # R2: the same at fake images. 0 skips it.
  train.r2_gamma = 0.0
  # WGAN-GP's penalty: weight * (gradient norm - 1)^2 at random points between real and fake
  # images. 10 in that paper (1704.00028); 0 skips it.
  train.gp_weight = 0.0
  # These three run every so many steps, their loss multiplied by that, in an update of their own.
  # 0: in every step, in one update with the adversarial loss: not lazily.
  train.r1_interval = 16
  # Path length regularization of G (StyleGAN2, section 3.2), for a smoother latent space. 0 skips
  # it.
  train.pl_weight = 2.0
  # Every so many steps; its loss is multiplied by that. 0: in one update with the adversarial loss.
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


def _augment() -> ConfigDict:
  augment = ConfigDict()
  # What D sees in place of reals and fakes alike: 'none' (the images), 'ada' (transforms with a
  # probability p that adapts to how far D overfits), 'fixed' (the same transforms with a fixed p)
  # or 'diffaugment' (2006.10738: every image, by `policy`). For small data sets.
  augment.kind = 'none'
  # The transforms of 'ada' and 'fixed', separated by commas: groups 'blit', 'geom', 'color',
  # 'filter', 'noise', 'cutout' and their sums 'bg', 'bgc', 'bgcf', 'bgcfn', 'bgcfnc', single
  # transforms such as 'xflip', and NAME=M, which multiplies the probability of NAME by M.
  # 'bgc,noise=0.5' adds noise with probability p/2, 'bgc,hue=0' takes the hue out.
  augment.transforms = 'bgc'
  # Probability of each transform: of 'fixed' for ever, of 'ada' at the start.
  augment.p = 0.0
  # p never rises above this; None: no bound. Beyond 0.8 augmentations begin to leak into G's
  # images (ADA, section 3.1).
  augment.p_max = None
  # p rises while the mean sign of the real logits is above this, and falls below.
  augment.target = 0.6
  # p moves every so many steps ...
  augment.interval = 4
  # ... at a speed that takes it from 0 to 1 in so many kimg. 500 in ADA, 100 for fine-tuning.
  augment.ada_kimg = 500.0
  # What 'diffaugment' does: any of 'color', 'translation' and 'cutout'.
  augment.policy = 'color,translation,cutout'
  return augment


def _finetune() -> ConfigDict:
  finetune = ConfigDict()
  # Begin with the weights of this run's folder (its newest checkpoint) or of one of its
  # checkpoints (runs/a/checkpoints/1000). Blocks that both networks have are carried over, also
  # from a lower resolution; the rest is fresh. Empty: all fresh. With a start, augment.ada_kimg
  # becomes at most 100 and train.ema_rampup None, unless they are on the command line.
  finetune.start = ''
  # Freeze-D (2002.10964): so many layers of D stay as they are, counted from the image: FromRGB,
  # conv0, conv1, the residual skip, the next block's conv0 ...
  finetune.freeze_d = 0
  # The mapping network of G stays as it is.
  finetune.freeze_mapping = False
  return finetune


def _sample() -> ConfigDict:
  sample = ConfigDict()
  # Size of the fakes-*.png and reals.png grids, in images. May change on resume, as all of these.
  sample.grid_rows = 4
  sample.grid_cols = 8
  # Truncation of those fakes: 1 shows all the variety, less (0.7) more typical images.
  sample.truncation_psi = 1.0
  return sample


def _metrics() -> ConfigDict:
  metrics = ConfigDict()
  # Measured of G's average at snapshots, before training goes on, and written to metrics.jsonl:
  # 'fid50k_full', 'swd,frechet5k_random', ... (metrics/names.py has them all). Empty: nothing. May
  # change on resume, as all of these.
  metrics.names = ''
  # At the first snapshot at or after every so many kimg, and at the last; 0: at every snapshot.
  metrics.kimg = 0.0
  # The checkpoint with the best value of this name, such as 'pr50k3_full_recall', stays beside the
  # newest train.keep. Empty: of the first of the names.
  metrics.best = ''
  return metrics


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
