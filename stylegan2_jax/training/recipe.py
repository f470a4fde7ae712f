"""What stays the same through a run, and how a micro-batch goes through the networks."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from stylegan2_jax.augment.choose import choose_augmenter
from stylegan2_jax.images import to_float
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.ops.minibatch_stddev import group_members, join_batches, split_batches
from stylegan2_jax.settings import AugmentSettings, FinetuneSettings, TrainSettings
from stylegan2_jax.training.chunks import Chunks
from stylegan2_jax.training.latents import (
  Latents,
  augment_keys,
  draw_latents,
  label_vectors,
  mix_styles,
)
from stylegan2_jax.training.losses import LOSSES, Loss
from stylegan2_jax.training.state import TrainState

Labelled = tuple[jax.Array, jax.Array | None]  # images [m, H, W, C], label vectors [m, c_dim]


@dataclasses.dataclass(frozen=True)
class Recipe:
  """The networks, how they are trained, and where draws come from."""

  generator: Generator
  discriminator: Discriminator
  train: TrainSettings
  augment: AugmentSettings = AugmentSettings()  # noqa: RUF009 (immutable)
  finetune: FinetuneSettings = FinetuneSettings()  # noqa: RUF009 (immutable)
  axis_name: str | None = None  # the device axis that gradients are averaged over
  draw: Callable[..., Latents] = draw_latents  # replaceable, so that tests can replay a run

  @property
  def loss(self) -> Loss:
    """The adversarial loss."""
    return LOSSES[self.train.loss]

  def latents(self, key, chunk: Chunks, labels, path_noise: bool = False) -> Latents:
    """What a phase draws for a micro-batch."""
    mixing_prob = self.train.style_mixing_prob
    return self.draw(key, chunk, self.generator, labels, mixing_prob, path_noise)

  def map(self, params, latents: Latents) -> tuple[jax.Array, jax.Array]:
    """(ws [m, num_ws, w_dim] after style mixing, mean of the first latent's w [w_dim])."""
    mapping, count = self.generator.mapping, latents.z.shape[0]
    z, label = latents.z, latents.label
    if latents.mixing_z is not None:  # both latents in one pass
      z = jnp.concatenate([z, latents.mixing_z])
      label = None if label is None else jnp.concatenate([label, label])
    ws = mapping.apply({'params': params['mapping']}, z, label)
    w_mean = jax.lax.stop_gradient(ws[:count, 0].mean(axis=0))
    if latents.mixing_z is not None:
      ws = mix_styles(ws[:count], ws[count:], latents.mixing_cutoff)
    return ws, w_mean

  def synthesize(self, params, ws: jax.Array, noise) -> jax.Array:
    """Fakes [m, H, W, C] in [-1, 1] or so."""
    return self.generator.synthesis.apply({'params': params['synthesis']}, ws, noise)

  def discriminate(self, params, img: jax.Array, label: jax.Array | None) -> jax.Array:
    """Logits of images [m, H, W, C]."""
    return self.discriminator.apply({'params': params}, img, label)

  def compare(
    self, state: TrainState, phase: str, chunk: Chunks, params, fake: Labelled, real: Labelled
  ) -> tuple[jax.Array, jax.Array]:
    """Logits of fakes and of reals as D sees them in a phase, (f, r), [m, 1] each.

    Both go through the augmentation and through D in one pass: twice the batch for each operation,
    and half the operations to compile. Minibatch statistics remain those of either batch.

    Args:
      state: with the step and the augmentation strength.
      phase: its name.
      chunk: which samples.
      params: of D.
      fake: images and label vectors.
      real: the same.
    """
    see = self.view(state, phase, chunk, 'fake', 'real')
    count = chunk.sample.shape[0]
    images = jnp.split(see(jnp.concatenate([fake[0], real[0]])), [count])
    network, group = self.discriminator, count  # any order does where there are no statistics
    if network.mbstd_features:
      group = group_members(count, network.mbstd_group)
    network = network.clone(mbstd_group=group)
    label = None if fake[1] is None else join_batches(fake[1], real[1], group)
    logits = network.apply({'params': params}, join_batches(*images, group), label)
    return split_batches(logits, group)

  def view(
    self, state: TrainState, phase: str, chunk: Chunks, *what: str
  ) -> Callable[[jax.Array], jax.Array]:
    """From the micro-batch's images [m, H, W, C] to what D sees of them, in one phase of a step.

    Args:
      state: with the step and the augmentation strength.
      phase: its name.
      chunk: which samples.
      *what: which images, 'real' or 'fake'; of several, the function takes one batch after another
        in one array.
    """
    augmenter = choose_augmenter(self.augment)
    if augmenter is None:
      return lambda img: img
    keys = [augment_keys(state.key, state.step, phase, kind, chunk.sample) for kind in what]
    return lambda img: augmenter(jnp.concatenate(keys), state.augment.p, img)

  def reals(self, chunk: Chunks) -> Labelled:
    """(images in [-1, 1], label vectors or None) of a micro-batch."""
    dtype = self.discriminator.dtype
    img = chunk.images if chunk.images.dtype != jnp.uint8 else to_float(chunk.images)
    label = None
    if self.discriminator.c_dim:
      label = label_vectors(chunk.labels, self.discriminator.c_dim, dtype)
    return img.astype(dtype), label
