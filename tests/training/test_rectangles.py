"""Training on rectangles, and on pictures of one, two and four channels."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.data import decoding
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training.engine import Engine
from tests.helpers import assert_trees_close, limit_devices, names, random_state, settings

SETTINGS = settings(
  network={'g_architecture': 'orig', 'mapping_layers': 1, 'channel_max': 4},  # compile fast
  data={'aspect': '4:3'},
  micro_batch=2,
  learning_rate=0.01,
)


def one_step(count, modules, state, config, images):
  """(metrics, state) of all four phases on so many devices."""
  with pytest.MonkeyPatch.context() as patch:
    limit_devices(patch, count)
    engine = Engine(config, modules, state, None)
    engine.compile(lambda name, seconds: None)
    metrics = engine.step(0, {'image': images, 'label': np.zeros(8, np.int32)}).metrics
    return metrics, engine.state()


@pytest.mark.parametrize(('resolution', 'channels'), [(8, 2), (4, 1), (4, 4)])
def test_a_step_on_4_devices_equals_4_chunks_on_one(resolution, channels, double):
  data = dataclasses.replace(SETTINGS.data, resolution=resolution, channels=channels)
  config = dataclasses.replace(SETTINGS, data=data)
  modules = build_networks(config.network, data.size, channels, 0, jnp.float64)
  state = random_state(*modules, config.train)
  images = np.random.default_rng(0).integers(0, 256, (8, *data.size, channels), np.uint8)
  metrics, after = one_step(1, modules, state, config, images)
  others, other_after = one_step(4, modules, state, config, images)
  assert {'loss_g', 'loss_d', 'loss_pl', 'loss_r1'} <= metrics.keys()
  assert others == pytest.approx(metrics, rel=1e-10)
  assert_trees_close(other_after, after, 1e-10)
  before = names(state)
  for name, value in names(after).items():
    assert np.isfinite(value).all(), name
    if name.startswith(('g_params', 'd_params')):
      assert np.any(value != before[name]), name


def test_from_pictures_to_samples(tmp_path, capsys):
  """Grey with alpha, portrait, twice as large as trained on: all the way through the commands."""
  rng, pictures, run = np.random.default_rng(0), tmp_path / 'pictures', tmp_path / 'run'
  pictures.mkdir()
  for i in range(8):
    Image.fromarray(rng.integers(0, 256, (8, 6, 2), np.uint8)).save(pictures / f'{i}.png')
  fields = {
    'data.source': pictures, 'data.resolution': 4, 'data.aspect': '3:4', 'data.channels': 2,
    'network.z_dim': 8, 'network.w_dim': 8, 'network.mapping_layers': 1, 'network.channel_base': 32,
    'network.channel_max': 4, 'network.g_architecture': 'orig', 'network.d_architecture': 'orig',
    'train.micro_batch': 2, 'train.total_kimg': 0.008, 'sample.grid_rows': 2, 'sample.grid_cols': 4,
  }  # fmt: skip
  flags = [f'--config.{field}={value}' for field, value in fields.items()]
  assert launch.main(['--config=configs/tiny.py', f'--workdir={run}', *flags]) == 0
  out = capsys.readouterr().out
  assert '8 images of 6x8, downsampled to 3x4 (box filter)' in out
  for path in (run / 'reals.png', run / 'fakes-000000.png'):
    with Image.open(path) as grid:
      assert (grid.mode, grid.size) == ('LA', (4 * 66, 2 * 88))  # 22 times, for 64 pixels or more
      cells = np.asarray(grid).reshape(2, 4, 22, 4, 3, 22, 2)
    np.testing.assert_array_equal(cells, np.broadcast_to(cells[:, :, :1, :, :, :1], cells.shape))
    if path.stem == 'reals':
      data = StyleGAN2.load(run).settings.data
      first = decoding.decode(data, (pictures / '0.png').read_bytes(), '0.png')
      np.testing.assert_array_equal(cells[0, :, 0, 0, :, 0], first)
  gan = StyleGAN2.load(run)
  images = gan.sample(3)
  assert images.shape == (3, 4, 3, 2)
  assert gan.discriminate(images[:2]).shape == (2, 1)
  ws = gan.map(np.zeros((1, 8), np.float32))
  assert {gan.synthesize(ws, noise).shape for noise in ('const', 'random', 'none')} == {
    (1, 4, 3, 2)
  }
  assert jax.tree.leaves(gan.params)[0].dtype == np.float32
