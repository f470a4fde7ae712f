"""`launch.py profile`: tables that add up, files that viewers can read, and what it refuses."""

import csv
import dataclasses
import gzip
import json
import pathlib
import re
from typing import NamedTuple

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from stylegan2_jax.tools import profile
from stylegan2_jax.tools.operations import Operation
from stylegan2_jax.training.profiling import Measured
from tests import helpers
from tests.helpers import limit_devices, noise_pictures, prepared_set

PHASES = ['generator', 'discriminator', 'r1', 'average']


class Profile(NamedTuple):
  """What the command said and wrote."""

  lines: list[str]
  out: pathlib.Path
  operations: list[dict[str, str]]


@pytest.fixture(scope='module')
def profiled(tmp_path_factory):
  """On two devices, each with two micro-batches of 2."""
  folder = tmp_path_factory.mktemp('profile')
  photos = prepared_set(folder / 'photos' / '1.0.0', noise_pictures(12))
  data = {'source': str(photos)}
  settings = helpers.settings(data=data, micro_batch=2, pl_weight=0.0, r1_interval=8)
  with pytest.MonkeyPatch.context() as patch:
    limit_devices(patch, 2)
    lines = []
    patch.setattr('builtins.print', lambda *text, **kwargs: lines.extend(text))
    profile.profile_command(settings, folder / 'out', 3)
  with (folder / 'out' / 'operations.csv').open(newline='') as file:
    operations = list(csv.DictReader(file))
  return Profile('\n'.join(lines).splitlines() if lines else [], folder / 'out', operations)


def table(lines, title):
  """Rows of cells below a heading."""
  heading = re.compile(f'{title} +(kind|ms per call) ')
  start = next(i for i, line in enumerate(lines) if heading.match(line))
  rows = []
  for line in lines[start + 1 :]:
    if not line or line.startswith(('a step takes', 'by module')):
      break
    rows.append(re.split(r'\s{2,}', line.strip()))
  return rows


def test_phases(profiled):
  rows = table(profiled.lines, 'phase')
  assert [row[0] for row in rows] == PHASES
  assert [row[4] for row in rows] == ['step', 'step', '8 steps', 'step']
  for _, typical, fastest, slowest, _, _ in rows:
    assert 0 < float(fastest) <= float(typical) <= float(slowest)
  assert sum(float(row[5][:-1]) for row in rows) == pytest.approx(100, abs=0.3)
  assert 'compare' not in ' '.join(profiled.lines[-8:])  # no part of a step


def test_operations_add_up(profiled):
  for phase in PHASES:
    rows = table(profiled.lines, phase)
    shares = [float(next(cell for cell in row if cell.endswith('%'))[:-1]) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=1)
    seconds = [float(o['seconds']) for o in profiled.operations if o['phase'] == phase]
    assert seconds == sorted(seconds, reverse=True)
    assert float(rows[0][2]) == pytest.approx(1000 * seconds[0], abs=6e-4)
    assert f'operations together {1000 * sum(seconds):.2f} ms' in '\n'.join(profiled.lines)


def test_operations_of_micro_batches(profiled):
  """Those in the loop run twice, its container is left out, and gradients are averaged once."""
  found = [o for o in profiled.operations if o['phase'] == 'r1']
  assert {o['kind'] for o in found}.isdisjoint({'while', 'conditional', 'call', 'kernel'})
  convolutions = [o for o in found if o['source'].startswith('conv_general_dilated')]
  assert any(o['module'] == 'Discriminator.b8.conv0' for o in convolutions)
  assert {float(o['count']) for o in convolutions} == {2.0}
  reduced = [o for o in found if o['kind'] == 'all-reduce']
  assert reduced
  assert all(float(o['count']) == 1 for o in reduced)
  assert any(o['source'].endswith(', backward') for o in convolutions)
  assert not any(o['module'].startswith('Synthesis') for o in found)
  generator = {o['module'] for o in profiled.operations if o['phase'] == 'generator'}
  assert any(module.startswith('Synthesis.b8') for module in generator)
  assert any(module.startswith('Discriminator.b8') for module in generator)


def test_traces(profiled):
  """Of each phase one for Perfetto, which says which call is which, and one for TensorBoard."""
  for phase in PHASES:
    (xplane,) = (profiled.out / phase).rglob('*.xplane.pb')
    assert str(xplane.parent) in ' '.join(profiled.lines)
    (trace,) = xplane.parent.glob('*.trace.json.gz')
    with gzip.open(trace) as file:
      events = json.load(file)['traceEvents']
    assert sum(event.get('name') == phase for event in events) == 3


def test_data_is_the_real_one(profiled):
  assert profiled.lines[0].startswith('data: photos/1.0.0 (')
  assert profiled.lines[1] == 'devices: 2 x cpu'


def test_noise_where_there_is_no_data(tmp_path):
  settings = helpers.settings(data={'source': '/nowhere/photos'})
  pictures, batch = profile._data(settings)
  assert 'noise' in pictures.description
  assert '/nowhere/photos does not exist' in pictures.description
  assert batch['image'].shape == (8, 8, 8, 3)
  assert batch['image'].dtype == np.uint8
  labelled = dataclasses.replace(settings, data=dataclasses.replace(settings.data, labels=True))
  with pytest.raises(UserError, match='does not exist'):
    profile._data(labelled)


def test_labels_of_shapes_that_are_not_prepared(tmp_path):
  data = DataSettings(resolution=8, labels=True, dir=str(tmp_path))
  pictures, batch = profile._data(dataclasses.replace(helpers.settings(), data=data))
  np.testing.assert_array_equal(batch['label'], pictures.labels[:8])
  assert list(tmp_path.iterdir()) == []


def test_bad_input(tmp_path, monkeypatch):
  limit_devices(monkeypatch, 1)
  (tmp_path / 'file').touch()
  with pytest.raises(UserError, match=r'cannot write into .*file .*--out'):
    profile.profile_command(helpers.settings(), tmp_path / 'file', 3)
  with pytest.raises(UserError, match=r'train\.micro_batch'):
    profile.profile_command(helpers.settings(micro_batch=3), tmp_path / 'out', 3)
  assert not (tmp_path / 'out').exists()


def test_phase_table():
  """By hand: 10 ms each step, and 32 ms every 16 steps."""
  measured = {
    'generator': Measured([0.010, 0.009, 0.014], pathlib.Path()),
    'r1': Measured([0.032], pathlib.Path()),
  }
  settings = helpers.settings(pl_weight=0.0, batch_size=12)
  _, _, generator, r1, speed = profile.phase_table(settings, measured)
  assert generator.split() == ['generator', '10.00', '9.00', '14.00', 'step', '83.3%']
  assert r1.split() == ['r1', '32.00', '32.00', '32.00', '16', 'steps', '16.7%']
  assert speed.startswith('a step takes 12.00 ms on average over all phases: 1000.0 images/s')


def test_operation_table():
  """The first twelve by name, the rest as one; sums of modules over both passes."""
  found = [
    Operation('conv.1', 'convolution', 'D.b8', 'conv', 0.004, 2.0),
    Operation('conv.2', 'convolution', 'D.b8', 'conv, backward', 0.002, 1.0),
    *(Operation(f'add.{i}', 'add', '', 'add', 0.0001, 1.0) for i in range(20)),
  ]
  header, first, second, *adds, rest, modules, total = profile.operation_table('r1', found, 0.006)
  assert header.split() == ['r1', 'kind', 'ms', 'per', 'call', 'share', 'count', 'where']
  assert first.split() == ['conv.1', 'convolution', '4.000', '50.0%', '2', 'D.b8', 'conv']
  assert second.split()[-2:] == ['conv,', 'backward']
  assert len(adds) == 10
  assert rest.split() == ['10', 'others', '1.000', '12.5%', '10']
  assert modules == 'by module: D.b8 75.0%, elsewhere 25.0%'
  assert total.startswith('operations together 8.00 ms, of a call 6.00 ms')
  assert profile.operation_table('r1', [], 0.1) == [
    'r1: the trace holds no operations of this kind of device'
  ]
