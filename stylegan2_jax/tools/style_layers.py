"""Which of a generator's ws are meant by numbers, ranges and the words coarse, middle and fine.

The words are the paper's (StyleGAN, arXiv 1812.04948, section 3.1): of 1024x1024 images coarse is
what resolutions 4 and 8 do, middle 16 and 32, fine the rest. Smaller models have fewer resolutions
to share out: about a third each, at most two for the first two words.
"""

import re
from collections.abc import Iterable

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size, block_resolutions, nominal_resolution, size_at, size_text
from stylegan2_jax.words import one_line

WORDS = ('coarse', 'middle', 'fine')


def layer_groups(num_ws: int) -> dict[str, range]:
  """The layers that coarse, middle and fine stand for.

  Layer 0 is the convolution at 4x4, layers 2k - 1 and 2k are the two at 4·2^k (the first of them
  also that of ToRGB below), and the last layer is ToRGB's at the full resolution.

  >>> layer_groups(18)
  {'coarse': range(0, 3), 'middle': range(3, 7), 'fine': range(7, 18)}
  >>> layer_groups(8)
  {'coarse': range(0, 3), 'middle': range(3, 5), 'fine': range(5, 8)}
  """
  blocks = num_ws // 2
  coarse = min(2, -(-blocks // 3))
  middle = min(coarse + min(2, max(1, blocks // 3)), blocks)
  ends = [0, 2 * coarse - 1, 2 * middle - 1, num_ws]
  return {word: range(*ends[i : i + 2]) for i, word in enumerate(WORDS)}


def chosen_layers(layers: str | Iterable[int] | None, num_ws: int) -> tuple[int, ...]:
  """Layers by number, in order and none twice.

  Args:
    layers: numbers, or the words of `parse_layers`; None: all.
    num_ws: how many the model has.

  Raises:
    UserError: there are none, or not these.
  """
  if layers is None:
    return tuple(range(num_ws))
  if isinstance(layers, str):
    return tuple(parse_layers(layers, num_ws))
  found = tuple(sorted({int(layer) for layer in layers}))
  wrong = [layer for layer in found if not 0 <= layer < num_ws]
  if wrong or not found:
    fault = f'there is no layer {wrong[0]}' if wrong else 'no layers are named'
    raise UserError(f'{fault}: this model has layers 0 to {num_ws - 1}')
  return found


def parse_layers(text: str, num_ws: int) -> list[int]:
  """Layers in ascending order, each once.

  >>> parse_layers('5,0-2', 8), parse_layers('middle,fine', 8)
  ([0, 1, 2, 5], [3, 4, 5, 6, 7])

  Args:
    text: numbers, ranges with both ends included, and words, separated by commas.
    num_ws: of the generator.

  Raises:
    UserError: it does not parse, or there is no such layer.
  """
  found: set[int] = set()
  for part in (part.strip() for part in text.split(',')):
    match = re.fullmatch(r'(\d{1,9})(?:\s*-\s*(\d{1,9}))?', part, re.ASCII)
    if part in WORDS:
      found.update(layer_groups(num_ws)[part])
    elif match is None:
      raise UserError(
        f'--layers={one_line(text)} does not parse: write layers as in 0-3,5, or coarse, middle, '
        'fine'
      )
    else:
      first, last = int(match[1]), int(match[2] or match[1])
      if last < first:
        raise UserError(f'--layers={one_line(text)}: the range {part} runs backwards')
      if last >= num_ws:
        raise UserError(f'--layers={one_line(text)}: this model has layers 0 to {num_ws - 1}')
      found.update(range(first, last + 1))
  return sorted(found)


def layers_text(layers: list[int]) -> str:
  """As `parse_layers` reads them.

  >>> layers_text([0, 1, 2, 5])
  '0-2,5'
  """
  parts: list[list[int]] = []
  for layer in layers:
    if parts and layer == parts[-1][-1] + 1:
      parts[-1].append(layer)
    else:
      parts.append([layer])
  return ','.join(f'{p[0]}-{p[-1]}' if len(p) > 1 else str(p[0]) for p in parts)


def groups_text(size: Size) -> str:
  """What the words mean for a model of images of a size.

  >>> groups_text((32, 32))
  'coarse = layers 0-2 (4x4 to 8x8), middle = 3-4 (16x16), fine = 5-7 (32x32)'
  """
  resolutions = block_resolutions(nominal_resolution(size))
  parts = []
  for word, layers in layer_groups(2 * len(resolutions)).items():
    of = sorted({resolutions[min((i + 1) // 2, len(resolutions) - 1)] for i in layers})
    sizes = [size_text(size_at(size, r)) for r in of]
    if sizes:
      numbers = layers_text(list(layers))
      parts.append(f'{word} = {numbers} ({" to ".join(dict.fromkeys((sizes[0], sizes[-1])))})')
  return ', '.join(parts).replace(' = ', ' = layers ', 1)
