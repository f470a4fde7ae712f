"""What each resolution of a `skip` generator adds to the image.

Source: StyleGAN2 (arXiv 1912.04958), section 4.1 and figure 7b: the image is the sum of the RGB of
all resolutions, each upsampled on its way. The outputs of the ToRGB layers are captured from
outside (Flax's intermediates), so the network that is trained knows nothing of this.
"""

import jax

from stylegan2_jax.geometry import block_resolutions, nominal_resolution
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.networks.synthesis import Synthesis, ToRGB
from stylegan2_jax.ops.fir import upsample2d


def rgb_outputs(
  synthesis: Synthesis, params, ws: jax.Array, noise: NoiseMaps | None
) -> tuple[jax.Array, dict[int, jax.Array]]:
  """The image, and what each ToRGB gives at its own resolution.

  Args:
    synthesis: of any architecture; of `orig` and `resnet` the last ToRGB is the only one.
    params: of the synthesis network.
    ws: [N, num_ws, w_dim].
    noise: see networks/noise.py.

  Returns:
    ([N, *size, channels], {resolution: [N, h, w, channels]}, coarse to fine).
  """
  img, state = synthesis.apply(
    {'params': params},
    ws,
    noise,
    capture_intermediates=lambda module, _: isinstance(module, ToRGB),
    mutable=['intermediates'],
  )
  blocks = state['intermediates']
  outputs = {
    r: blocks[f'b{r}']['torgb']['__call__'][0].astype(img.dtype)
    for r in block_resolutions(nominal_resolution(synthesis.size))
    if f'b{r}' in blocks
  }
  return img, outputs


def upsampled(outputs: dict[int, jax.Array]) -> dict[int, jax.Array]:
  """Each at the size of the last one, by the filter of the generator; their sum is the image."""
  last = max(outputs)
  found = {}
  for r, rgb in outputs.items():
    for _ in range((last // r).bit_length() - 1):
      rgb = upsample2d(rgb)
    found[r] = rgb
  return found
