"""`launch.py summary`: both networks layer by layer.

The networks are traced on abstract values, shapes and dtypes alone, and what their modules own and
return is what is shown. No array is made and nothing is computed, however large the networks.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
from flax import linen as nn
from flax.traverse_util import flatten_dict

from stylegan2_jax.data.sources import known_label_dim
from stylegan2_jax.geometry import nominal_resolution, size_at, size_text
from stylegan2_jax.networks.builder import build_networks, example_inputs
from stylegan2_jax.networks.discriminator import DiscriminatorBlock
from stylegan2_jax.networks.layers import Conv, reduced_from
from stylegan2_jax.networks.mapping import Mapping
from stylegan2_jax.networks.synthesis import SynthesisBlock, SynthesisLayer
from stylegan2_jax.ops.fir import RESAMPLE_TAPS
from stylegan2_jax.settings import Settings

_BATCH = 4
_DEPTH = 3  # names such as synthesis.b4.conv1; what lies deeper (its affine) is counted there

# The official implementation stores a resample filter in all of these, used or not.
_OWN_A_FILTER = (SynthesisBlock, SynthesisLayer, DiscriminatorBlock, Conv)


@dataclasses.dataclass(frozen=True)
class Row:
  """One module: its output, and what it owns itself, without submodules that have a row."""

  name: str  # path in the network: synthesis.b4.conv1
  parameters: int
  buffers: int  # values stored beside the parameters: w_avg, noise maps, filter taps
  shape: tuple[int, ...]  # of the output; of a block, which has two, of its features
  dtype: str


def print_summary(settings: Settings) -> None:
  """Prints both networks of a config as tables, with totals."""
  network = settings.network
  print('\n'.join(_header(settings, _label_dim(settings))))
  for title, rows in summarize(settings).items():
    architecture = network.g_architecture if title == 'generator' else network.d_architecture
    print()
    print('\n'.join(table(f'{title} ({architecture})', rows)))


def summarize(settings: Settings) -> dict[str, list[Row]]:
  """The rows of the 'generator' and of the 'discriminator'.

  The batch is 4, or the next that groups of 3 divide. Where only the data could tell how wide
  the labels are, the rows are those of unconditional networks.
  """
  data, c_dim = settings.data, _label_dim(settings) or 0
  generator, discriminator = build_networks(settings.network, data.size, data.channels, c_dim)
  batch = _batch(settings)
  z, label, img = jax.eval_shape(lambda: example_inputs(generator, discriminator, batch))
  return {
    'generator': module_rows(generator, z, label),
    'discriminator': module_rows(discriminator, img, label),
  }


def module_rows(network: nn.Module, *inputs: jax.ShapeDtypeStruct | None) -> list[Row]:
  """One row per submodule of a network, in the order in which they finish.

  Args:
    network: a generator or discriminator.
    *inputs: shapes and dtypes of what it is called with.
  """
  called: dict[tuple[str, ...], tuple[nn.Module, jax.ShapeDtypeStruct]] = {}

  def record(call, args, kwargs, context):
    output = call(*args, **kwargs)
    path = context.module.path
    if context.method_name == '__call__' and 0 < len(path) <= _DEPTH:
      first = jax.tree.leaves(output)[0]
      called[path] = context.module, jax.ShapeDtypeStruct(first.shape, first.dtype)
    return output

  with nn.intercept_methods(record):
    variables = jax.eval_shape(lambda *xs: network.init(jax.random.key(0), *xs), *inputs)
  owned = dict.fromkeys(called, 0)
  for path, values in flatten_dict(variables['params']).items():
    owned[path[:-1][:_DEPTH]] += math.prod(values.shape)
  return [
    Row('.'.join(path), owned[path], _buffers(module, out.shape), out.shape, str(out.dtype))
    for path, (module, out) in called.items()
  ]


def table(title: str, rows: Sequence[Row]) -> list[str]:
  """Lines of an aligned table; the last one has the sums."""
  cells = [(title, 'parameters', 'buffers', 'output', 'dtype')]
  for row in rows:
    numbers = (f'{n:,}' if n else '-' for n in (row.parameters, row.buffers))
    cells.append((row.name, *numbers, str(list(row.shape)), row.dtype))
  sums = sum(row.parameters for row in rows), sum(row.buffers for row in rows)
  cells.append(('total', *(f'{n:,}' for n in sums), '', ''))
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  aligns = ('<', '>', '>', '<', '<')
  lines = [
    '  '.join(f'{cell:{a}{w}}' for cell, a, w in zip(line, aligns, widths, strict=True)).rstrip()
    for line in cells
  ]
  rule = '  '.join('-' * width for width in widths)
  return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _header(settings: Settings, c_dim: int | None) -> list[str]:
  """What the networks are for, and how to read the tables."""
  data, network = settings.data, settings.network
  resolution = nominal_resolution(data.size)
  reduced = reduced_from(resolution, network.num_reduced)
  kind = {None: 'conditional', 0: 'unconditional'}.get(c_dim, f'labels of width {c_dim}')
  precision = 'float32'
  if reduced <= resolution and network.reduced_dtype != 'float32':
    precision = (
      f'{network.reduced_dtype} from {size_text(size_at(data.size, reduced))} up, float32 below'
    )
  lines = [
    f'images {size_text(data.size)}x{data.channels}, {kind}, {precision}',
    f'output: for a batch of {_batch(settings)}, [N, H, W, C] or [N, features]',
    'buffers: w_avg, noise maps, and the 16 taps of each resample filter that the official',
    '  implementation stores (here the taps are constants)',
  ]
  if c_dim is None:
    lines += [
      f'note: the width of the labels of {data.source or "the data"} is unknown without the data;',
      '  shown are unconditional networks. Labels add an embedding, inputs to mapping.fc0 and,',
      '  in the discriminator, a mapping network and as many outputs as that has.',
    ]
  return lines


def _label_dim(settings: Settings) -> int | None:
  """Width of the labels; 0 without, None where only the data could tell."""
  return known_label_dim(settings.data) if settings.data.labels else 0


def _batch(settings: Settings) -> int:
  """A batch that the groups of the minibatch standard deviation divide."""
  return math.lcm(_BATCH, settings.network.compared(_BATCH))


def _buffers(module: nn.Module, shape: tuple[int, ...]) -> int:
  """How many values a module keeps beside its parameters, by the official layout."""
  if isinstance(module, Mapping):
    return module.w_dim if module.num_ws else 0  # w_avg, of the generator only
  taps = len(RESAMPLE_TAPS) ** 2 if isinstance(module, _OWN_A_FILTER) else 0
  has_noise = isinstance(module, SynthesisLayer) and module.use_noise
  noise = math.prod(shape[1:3]) if has_noise else 0
  return taps + noise
