"""The functions that are exported as programs: each a part of the model, with its weights.

part           inputs                                           result
generator      z [b, z_dim], (label [b, c_dim],) psi []         images [b, H, W, channels]
mapping        z [b, z_dim], (label [b, c_dim],) psi []         ws [b, num_ws, w_dim]
synthesis      ws [b, num_ws, w_dim]                            images [b, H, W, channels]
discriminator  images [b, H, W, channels], (label [b, c_dim])   logits [b, 1]

b is free, label is there in conditional models. ψ pulls all layers towards w_avg. Images are in
about [-1, 1] as float32, or uint8. They are those of `StyleGAN2.map`, `.synthesize`, `.draw`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.choices import NOISE_MODES, PARTS, PIXELS
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.mapping import truncate

Shape = tuple[int | str, ...]


@dataclasses.dataclass(frozen=True)
class Part:
  """A function of weights and inputs, and what they look like.

  'b', the first axis of all inputs but psi and of the result, is free: any multiple of `multiple`.
  """

  name: str
  function: Callable[..., jax.Array]  # (weights, *inputs) -> result
  weights: dict[str, Any]  # those it needs
  inputs: dict[str, Shape]
  result: str  # its name
  dtype: jnp.dtype  # of the inputs
  multiple: int = 1

  @property
  def batch(self) -> str:
    """The batch size in symbols: 'b', or '4*b' for multiples of 4."""
    return 'b' if self.multiple == 1 else f'{self.multiple}*b'

  def input_shapes(self) -> list[jax.ShapeDtypeStruct]:
    """The inputs in order, with JAX's symbol for the batch size."""
    (batch,) = export.symbolic_shape(self.batch)
    shapes = ((batch, *shape[1:]) if shape else () for shape in self.inputs.values())
    return [jax.ShapeDtypeStruct(shape, self.dtype) for shape in shapes]


def part_of(
  gan: StyleGAN2, name: str = 'generator', noise: str = 'const', pixels: str = 'float32'
) -> Part:
  """A part of a model.

  Args:
    gan: the model.
    name: 'generator', 'mapping', 'synthesis' or 'discriminator'.
    noise: 'const', the stored maps, or 'none'; of what draws images.
    pixels: 'float32' or 'uint8'; of what draws images.

  Raises:
    UserError: there is no such part, noise or form of pixels, or the model has no discriminator.
  """
  for value, known in ((name, PARTS), (noise, NOISE_MODES), (pixels, PIXELS)):
    if value not in known:
      raise UserError(f'{value} cannot be exported: use one of {", ".join(known)}')
  label = {'label': ('b', gan.c_dim)} if gan.c_dim else {}
  latents = {'z': ('b', gan.z_dim), **label, 'psi': ()}
  params, dtype = gan.params, gan.w_avg.dtype
  maps = noise == 'const' and gan.settings.network.noise
  mapping = {'mapping': params['generator']['mapping'], 'w_avg': gan.w_avg}
  synthesis = {'synthesis': params['generator']['synthesis']}
  synthesis |= {'noise': gan.noise_maps} if maps else {}
  to_ws, to_images = _mapping(gan), _synthesis(gan, pixels)

  def draw(weights, *inputs):
    return to_images(weights, to_ws(weights, *inputs))

  if name == 'generator':
    return Part(name, draw, mapping | synthesis, latents, 'images', dtype)
  if name == 'mapping':
    return Part(name, to_ws, mapping, latents, 'ws', dtype)
  if name == 'synthesis':
    ws = {'ws': ('b', gan.num_ws, gan.w_dim)}
    return Part(name, to_images, synthesis, ws, 'images', dtype)
  if 'discriminator' not in params:
    raise UserError('this model has no discriminator: export another part')
  images = {'images': ('b', *gan.size, gan.channels), **label}
  discriminator, judge = params['discriminator'], _discriminator(gan)
  return Part(name, judge, discriminator, images, 'logits', dtype, _judged_at_a_time(gan))


def _mapping(gan):
  def to_ws(weights, z, *rest):
    *label, psi = rest
    ws = gan.generator.mapping.apply({'params': weights['mapping']}, z, *label)
    return truncate(ws, weights['w_avg'], psi)

  return to_ws


def _synthesis(gan, pixels):
  def to_images(weights, ws):
    images = gan.generator.synthesis.apply(
      {'params': weights['synthesis']}, ws, weights.get('noise')
    )
    return to_uint8(images) if pixels == 'uint8' else images

  return to_images


def _discriminator(gan):
  def judge(weights, images, *label):
    return gan.discriminator.apply({'params': weights}, images, *label)

  return judge


def _judged_at_a_time(gan):
  """What the number of images is a multiple of: the minibatch-std group, whatever it is."""
  discriminator = gan.discriminator
  return (discriminator.mbstd_group or 1) if discriminator.mbstd_features else 1
