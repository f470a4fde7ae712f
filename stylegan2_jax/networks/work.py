"""How much the networks compute, counted from their sizes: the yardstick for how fast they run.

Counted are the multiply-adds of all dense layers and convolutions, 2 operations each; a transposed
convolution by the pixels that it reads, any other as a plain sum (`ops.winograd` needs fewer). What
filters, noise, activations and augmentation do comes to little and is left out, so shares of a
machine's peak by these numbers are a little too low.
"""

import math
from typing import NamedTuple

from stylegan2_jax.geometry import Size, block_resolutions, nominal_resolution, size_at
from stylegan2_jax.networks.layers import num_channels
from stylegan2_jax.settings import NetworkSettings, TrainSettings


class Work(NamedTuple):
  """Operations for one image, 2 per multiply-add, of one pass forwards."""

  mapping: int
  synthesis: int
  discriminator: int  # without its label mapping


def network_work(network: NetworkSettings, size: Size, channels: int, c_dim: int = 0) -> Work:
  """Operations of each network.

  Args:
    network: the sizes.
    size: (height, width) of the images.
    channels: of the images.
    c_dim: width of the labels, 0 for unconditional networks.
  """
  resolutions = block_resolutions(nominal_resolution(size))
  width = {r: num_channels(r, network.channel_base, network.channel_max) for r in resolutions}
  pixels = {r: math.prod(size_at(size, r)) for r in resolutions}
  synthesis = _synthesis(network, resolutions, width, pixels, channels)
  discriminator = _discriminator(network, resolutions, width, pixels, channels, c_dim)
  return Work(2 * _mapping(network, c_dim), 2 * synthesis, 2 * discriminator)


def phase_work(work: Work, train: TrainSettings) -> dict[str, float]:
  """Operations of each phase for one image of the batch; a backward pass counts as two passes.

  The phases as training/steps.py has them: G's loss needs no gradient of D's weights, the path
  length is that of a part of the batch and differentiates twice, by ws and by all. Two latents go
  through the mapping where styles are mixed.
  """
  mapping = work.mapping * (2 if train.style_mixing_prob else 1)
  g, d = work.synthesis, work.discriminator
  return {
    'generator': 3 * (mapping + g) + 2 * d,
    'path_length': (3 * mapping + 6 * g) / train.pl_batch_shrink,
    'discriminator': mapping + g + 6 * d,
    'r1': 6 * d,
  }


def _mapping(network, c_dim):
  """Multiply-adds from z and label to w."""
  first = network.z_dim + (network.w_dim if c_dim else 0)
  layers = first + (network.mapping_layers - 1) * network.w_dim
  return (layers + c_dim) * network.w_dim


def _synthesis(network, resolutions, width, pixels, channels):
  """Multiply-adds from ws to an image."""
  total, before = 0, None
  for r in resolutions:
    c = width[r]
    inputs = [c]  # of conv1, then of those that only some blocks have
    total += 9 * c * c * pixels[r]
    if before is not None:
      inputs.append(width[before])
      total += 9 * width[before] * c * pixels[before]
      if network.g_architecture == 'resnet':
        total += width[before] * c * pixels[before]
    if network.g_architecture == 'skip' or r == resolutions[-1]:
      inputs.append(c)
      total += c * channels * pixels[r]
    total += network.w_dim * sum(inputs)  # styles
    before = r
  return total


def _discriminator(network, resolutions, width, pixels, channels, c_dim):
  """Multiply-adds from an image to a logit."""
  total = 0
  for r in reversed(resolutions[1:]):
    c, c_out, below = width[r], width[r // 2], pixels[r // 2]
    if r == resolutions[-1] or network.d_architecture == 'skip':
      total += channels * c * pixels[r]
    total += 9 * c * c * pixels[r] + 9 * c * c_out * below
    if network.d_architecture == 'resnet':
      total += c * c_out * below
  c, smallest = width[4], pixels[4]
  if network.d_architecture == 'skip' or len(resolutions) == 1:
    total += channels * c * smallest
  outputs = c if c_dim else 1
  return total + 9 * (c + network.mbstd_features) * c * smallest + c * smallest * c + c * outputs
