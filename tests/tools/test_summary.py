"""The numbers of `launch.py summary`, against the official implementation's."""

import dataclasses
import math
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import launch
from stylegan2_jax import presets
from stylegan2_jax.networks.builder import example_inputs
from stylegan2_jax.networks.noise import noise_layers
from stylegan2_jax.settings import DataSettings, NetworkSettings, Settings
from stylegan2_jax.tools import summary
from stylegan2_jax.validation import DEMODULATIONS
from tests.helpers import noise_pictures, prepared_set
from tests.parity import reference

WIDE32 = pathlib.Path(__file__).parents[2] / 'configs' / 'wide32.py'


def small(resolution=16, network=None, **data):
  """Narrow networks that differ from the defaults as given."""
  sizes = {'z_dim': 16, 'w_dim': 24, 'mapping_layers': 2, 'channel_base': 256, 'channel_max': 16}
  return Settings(
    data=DataSettings(resolution=resolution, **data),
    network=NetworkSettings(**{**sizes, **(network or {})}),
  )


def totals(rows):
  return sum(row.parameters for row in rows), sum(row.buffers for row in rows)


def by_name(rows):
  result = {row.name: row for row in rows}
  assert len(result) == len(rows)
  return result


@pytest.fixture(scope='module')
def wide32():
  return summary.summarize(presets.load_settings(WIDE32))


def test_wide32_totals(wide32):
  assert totals(wide32['generator']) == (21_523_475, 3_392)
  assert totals(wide32['discriminator']) == (21_507_073, 224)


def test_wide32_generator_row_by_row(wide32):
  expected = {f'mapping.fc{i}': (262_656, 0, (4, 512)) for i in range(8)}
  expected['mapping'] = (0, 512, (4, 8, 512))
  for r in (4, 8, 16, 32):
    block, features = f'synthesis.b{r}', (4, r, r, 512)
    for conv in ('conv0', 'conv1') if r > 4 else ('conv1',):
      expected[f'{block}.{conv}'] = (2_622_465, 16 + r * r, features)
    expected[f'{block}.torgb'] = (264_195, 0, (4, r, r, 3))
    expected[block] = (8_192 if r == 4 else 0, 16, features)
  expected['synthesis'] = (0, 0, (4, 32, 32, 3))
  rows = wide32['generator']
  assert [row.name for row in rows] == list(expected)
  assert {row.name: (row.parameters, row.buffers, row.shape) for row in rows} == expected


def test_wide32_discriminator_row_by_row(wide32):
  expected = {'b32.fromrgb': (2_048, 16, (4, 32, 32, 512))}
  for r in (32, 16, 8):
    half = (4, r // 2, r // 2, 512)
    expected[f'b{r}.skip'] = (262_144, 16, half)
    expected[f'b{r}.conv0'] = (2_359_808, 16, (4, r, r, 512))
    expected[f'b{r}.conv1'] = (2_359_808, 16, half)
    expected[f'b{r}'] = (0, 16, half)
  expected['b4.conv'] = (2_364_416, 16, (4, 4, 4, 512))
  expected['b4.fc'] = (4_194_816, 0, (4, 512))
  expected['b4.out'] = (513, 0, (4, 1))
  expected['b4'] = (0, 0, (4, 1))
  rows = wide32['discriminator']
  assert [row.name for row in rows] == list(expected)
  assert {row.name: (row.parameters, row.buffers, row.shape) for row in rows} == expected


@pytest.mark.parametrize('name', [n for n, e in reference.index().items() if 'num_params' in e])
def test_totals_equal_the_official_ones(name):
  entry, data = reference.index()[name], reference.arrays(name)
  is_generator = name in reference.names('generator')
  channels = data['image_const' if is_generator else 'image'].shape[1]
  networks = reference.networks(entry['config'], dtype=jnp.float32, channels=channels)
  z, label, img = jax.eval_shape(lambda: example_inputs(*networks, 4))
  network, inputs = (networks[0], z) if is_generator else (networks[1], img)
  rows = summary.module_rows(network, inputs, label)
  assert totals(rows) == (entry['num_params'], entry['num_buffers'])


@pytest.mark.parametrize('reduced_dtype', ['bfloat16', 'float16'])
def test_reduced_precision_shows(reduced_dtype):
  network = {'num_reduced': 2, 'reduced_dtype': reduced_dtype}
  rows = summary.summarize(small(resolution=32, network=network))
  g, d = by_name(rows['generator']), by_name(rows['discriminator'])
  for name in ('b16.conv0', 'b16.conv1', 'b16.torgb', 'b16', 'b32.conv1', 'b32.torgb', 'b32'):
    assert g[f'synthesis.{name}'].dtype == reduced_dtype
  for name in ('b32.fromrgb', 'b32.skip', 'b32.conv0', 'b32.conv1', 'b32', 'b16.conv1', 'b16'):
    assert d[name].dtype == reduced_dtype
  for name in (
    'mapping.fc0',
    'mapping',
    'synthesis.b4.conv1',
    'synthesis.b8.torgb',
    'synthesis.b8',
  ):
    assert g[name].dtype == 'float32'
  assert g['synthesis'].dtype == 'float32'  # RGB is summed in full precision
  for name in ('b8.skip', 'b8.conv1', 'b8', 'b4.conv', 'b4.fc', 'b4.out', 'b4'):
    assert d[name].dtype == 'float32'


def test_without_reduced_precision_all_is_float32():
  for rows in summary.summarize(small()).values():
    assert {row.dtype for row in rows} == {'float32'}


@pytest.mark.parametrize('architecture', ['orig', 'skip', 'resnet'])
def test_every_architecture_and_size(architecture):
  network = {'g_architecture': architecture, 'd_architecture': architecture}
  for resolution in (4, 8, 16):
    rows = summary.summarize(small(resolution, network, channels=1))
    g, d = by_name(rows['generator']), by_name(rows['discriminator'])
    assert g['synthesis'].shape == (4, resolution, resolution, 1)
    assert d['b4'].shape == (4, 1)
    layers = noise_layers((resolution, resolution))
    noise = {f'synthesis.{block}.{layer}': math.prod(size) for block, layer, size in layers}
    for name, row in g.items():
      if name != 'mapping':
        assert row.buffers in ((16 + noise[name],) if name in noise else (0, 16))


def test_a_rectangle(capsys):
  """Sizes as people write them in the header; [N, H, W, C] in the rows."""
  settings = small(24, {'num_reduced': 2}, aspect='3:2', channels=2, source='photos.zip')
  rows = summary.summarize(settings)
  g, d = by_name(rows['generator']), by_name(rows['discriminator'])
  assert g['synthesis'].shape == (4, 16, 24, 2)
  assert g['synthesis.b4'] == summary.Row('synthesis.b4', 4 * 6 * 16, 16, (4, 4, 6, 16), 'float32')
  assert g['synthesis.b16.conv1'].buffers == 16 + 16 * 24
  assert d['b8.conv1'].shape == (4, 4, 6, 16)
  assert d['b4.fc'].parameters == 4 * 6 * 16 * 16 + 16
  summary.print_summary(settings)
  assert capsys.readouterr().out.startswith(
    'images 24x16x2, unconditional, bfloat16 from 12x8 up, float32 below\n'
  )


def test_labels_of_the_built_in_set():
  plain, labelled = (summary.summarize(small(labels=labels)) for labels in (False, True))
  plain_g, g = by_name(plain['generator']), by_name(labelled['generator'])
  assert g['mapping.embed'].parameters == 8 * 24 + 24
  assert g['mapping.fc0'].parameters == plain_g['mapping.fc0'].parameters + 24 * 24
  assert g['mapping'].buffers == 24
  d = by_name(labelled['discriminator'])
  assert d['mapping'].buffers == 0  # w_avg belongs to the generator
  assert d['mapping'].shape == (4, 16)
  assert d['b4.out'].parameters == 16 * 16 + 16


def test_labels_that_only_the_data_knows(capsys):
  summary.print_summary(small(labels=True, source='photos.zip'))
  out = capsys.readouterr().out
  assert 'the width of the labels of photos.zip is unknown without the data' in out
  assert out.startswith('images 16x16x3, conditional, float32')
  assert 'embed' not in out.split('generator', 1)[1]
  summary.print_summary(small(labels=True))
  assert 'images 16x16x3, labels of width 8, float32' in capsys.readouterr().out


def test_labels_of_a_prepared_set(tmp_path, capsys):
  vectors = np.eye(3, dtype=np.float32)
  prepared_set(tmp_path / 'photos' / '1.0.0', noise_pictures(3), vectors)
  summary.print_summary(small(labels=True, source='photos', dir=str(tmp_path)))
  out = capsys.readouterr().out
  assert out.startswith('images 16x16x3, labels of width 3, float32')
  assert re.search(r'^mapping\.embed +96 ', out, re.M)  # 3 x 24 + 24


def test_a_group_that_four_does_not_hold():
  rows = summary.summarize(small(network={'mbstd_group': 3}))
  assert rows['discriminator'][-1].shape == (12, 1)


@pytest.mark.parametrize('demodulation', DEMODULATIONS)
@pytest.mark.parametrize('equalized_lr', [True, False])
def test_switches_that_change_no_sizes(demodulation, equalized_lr):
  network = {'demodulation': demodulation, 'equalized_lr': equalized_lr}
  assert summary.summarize(small(network=network)) == summary.summarize(small())


def test_without_noise():
  """A strength and a stored map less for each of the five layers; D is as it was."""
  with_noise, without = (summary.summarize(small(network={'noise': n})) for n in (True, False))
  parameters, buffers = totals(with_noise['generator'])
  pixels = 4**2 + 2 * 8**2 + 2 * 16**2
  assert totals(without['generator']) == (parameters - 5, buffers - pixels)
  assert without['discriminator'] == with_noise['discriminator']


def test_without_minibatch_statistics():
  network = {'mbstd_features': 0, 'mbstd_group': 3}
  with_them, without = summary.summarize(small()), summary.summarize(small(network=network))
  assert without['generator'] == with_them['generator']
  before, after = by_name(with_them['discriminator']), by_name(without['discriminator'])
  assert after['b4'].shape == (4, 1)  # no group of 3 to be divided
  assert after['b4.conv'].parameters == before['b4.conv'].parameters - 9 * 16


def test_printed_tables(capsys):
  assert launch.main(['summary', f'--config={WIDE32}']) == 0
  out = capsys.readouterr().out
  assert out.isascii()
  lines = out.splitlines()
  assert max(map(len, lines)) <= 100
  assert lines[0] == 'images 32x32x3, unconditional, bfloat16 from 8x8 up, float32 below'
  header, generator, discriminator = out.strip().split('\n\n')
  assert 'batch of 4' in header
  assert 'note' not in header
  for text, title, total in (
    (generator, 'generator (skip)', ['total', '21,523,475', '3,392']),
    (discriminator, 'discriminator (resnet)', ['total', '21,507,073', '224']),
  ):
    head, rule, *rows, last_rule, last = text.splitlines()
    assert re.split(r'\s{2,}', head) == [title, 'parameters', 'buffers', 'output', 'dtype']
    assert set(rule) == {'-', ' '}
    assert last_rule == rule
    assert last.split() == total
    columns = [match.span() for match in re.finditer('-+', rule)]
    for row in rows:  # two spaces part the columns: nothing sticks out
      assert all(row[end : end + 2].strip() == '' for _, end in columns)
  assert re.search(r'^synthesis\.b4\.conv1 +2,622,465 +32 +\[4, 4, 4, 512\] +float32$', out, re.M)
  assert re.search(r'^mapping +- +512 +\[4, 8, 512\] +float32$', out, re.M)
  assert re.search(r'^b32\.fromrgb +2,048 +16 +\[4, 32, 32, 512\] +bfloat16$', out, re.M)


def test_precision_in_the_header(capsys):
  for network in ({}, {'num_reduced': 1, 'reduced_dtype': 'float32'}):
    summary.print_summary(small(network=network))
    assert capsys.readouterr().out.startswith('images 16x16x3, unconditional, float32\n')
  summary.print_summary(small(resolution=4, network={'num_reduced': 4}))
  assert capsys.readouterr().out.startswith('images 4x4x3, unconditional, float32\n')


def test_config_f_at_1024_makes_no_array():
  settings = Settings(
    data=DataSettings(resolution=1024), network=NetworkSettings(num_reduced=4, clamp=256.0)
  )
  before = len(jax.live_arrays())
  rows = summary.summarize(settings)
  assert totals(rows['generator'])[0] == 30_370_060
  assert totals(rows['discriminator'])[0] == 29_012_513
  assert len(jax.live_arrays()) == before
  # Too large for any machine: one 3x3 kernel would take 2.5 TB.
  wide = dataclasses.replace(settings.network, channel_base=2**28, channel_max=2**18)
  rows = summary.summarize(dataclasses.replace(settings, network=wide))
  assert totals(rows['generator'])[0] > 2**40
