"""`launch.py train --dry_run`: its numbers, its words, and that it leaves no trace."""

import dataclasses
import re
import shutil
import sys
import types

import jax
import pytest

from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.settings import FinetuneSettings, LogSettings, MetricSettings, SampleSettings
from stylegan2_jax.tools import plan
from stylegan2_jax.tools.pictures import look_at
from stylegan2_jax.tools.tables import in_bytes
from stylegan2_jax.training.state import new_state
from tests import helpers
from tests.helpers import limit_devices, noise_pictures, prepared_set


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
  return prepared_set(tmp_path_factory.mktemp('sets') / 'photos' / '1.0.0', noise_pictures(12))


@pytest.fixture
def settings(photos):
  """A run of 20 steps with 5 snapshots."""
  return with_train(
    helpers.settings(data={'source': str(photos)}), total_kimg=0.16, snapshot_kimg=0.032, keep=2
  )


def with_train(settings, **changes):
  return dataclasses.replace(settings, train=dataclasses.replace(settings.train, **changes))


@pytest.fixture
def planned(monkeypatch, capsys):
  """Prints a plan, without compiling; its sections: {title: {row: text}}."""
  limit_devices(monkeypatch, 1)
  monkeypatch.setattr(plan.Engine, 'compile', lambda self, announce: None)

  def run(settings, workdir):
    plan.print_plan(settings, workdir)
    out = capsys.readouterr().out
    sections = {}
    for part in out.split('\n\n'):
      title, *rows = part.strip().splitlines()
      sections[title] = {}
      for row in rows:
        name, _, text = row.strip().partition('  ')
        sections[title].setdefault(name, text.strip())
    return sections

  return run


def fresh_state(settings):
  networks = build_networks(settings.network, settings.data.size, settings.data.channels, 0)
  return new_state(settings.seed, *networks, settings.train)


def save(settings, workdir, steps, source=None):
  """A run with a checkpoint of each step."""
  source = source or look_at(settings.data).source
  batches = Batches(source, settings.data, settings.train.batch_size, settings.seed)
  origin = batches.get_state()
  batches.close()
  with RunDirectory(workdir).open(settings) as run:
    run.write_settings(settings)
    writer = CheckpointWriter(run.checkpoints_path, keep=5)
    for step in steps:
      state = fresh_state(settings).replace(step=jax.numpy.int32(step))
      info = {'data': {**origin, 'step': step}, 'config': dataclasses.asdict(settings), 'c_dim': 0}
      writer.save(state, info)
    writer.wait()
    writer.close()


def files(folder):
  return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob('*')}


def test_a_new_run(settings, run_dir, planned):
  found = planned(settings, run_dir)
  assert found[f'the plan for {run_dir}; nothing is written there'] == {}
  assert found['start'] == {'new': 'there is no run yet'}
  assert '12 images of 8x8x3' in found['data']['images']
  assert found['data']['epochs'].startswith('13.3: ')  # 160 / 12
  state = fresh_state(settings)
  for network, params in (('generator', state.g_params), ('discriminator', state.d_params)):
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert found['networks'][network].startswith(f'{count:,} parameters')
  assert found['networks']['precision'] == 'float32'
  assert found['steps'] == {
    'devices': '1 x cpu',
    'batch': '8 = devices 1 x micro-batches 1 x images 8',
    'steps': '20; train.total_kimg=0.16',
    'generator': 'every step, 20 times in all',
    'path_length': 'every 4 steps, 5 times in all',
    'discriminator': 'every step, 20 times in all',
    'r1': 'every 16 steps, 2 times in all',
    'snapshots': '5: a grid and a checkpoint every 4 steps, and at the end',
  }
  run = RunDirectory(run_dir)
  places = found['places']
  assert places['config'] == str(run.config_path)
  assert places['checkpoints'] == str(run.checkpoints_path)
  assert places['numbers'] == str(run.stats.path)
  assert str(run.fakes_path(0.032)) in places['grids']
  assert places['TensorBoard'] == str(run.tensorboard_path)
  assert 'W&B' not in places
  assert not run_dir.exists()


def test_the_disk(settings, run_dir, planned):
  each = sum(leaf.nbytes for leaf in jax.tree.leaves(fresh_state(settings)))
  found = planned(settings, run_dir)['disk']
  assert found['checkpoints'].startswith(f'{in_bytes(3 * each)}: at most 3 of {in_bytes(each)} ')
  assert found['grids'] == 'less than 42.0 KiB: 7 of 6.0 KiB unpacked'  # 8x8x3 in 4 x 8 cells
  assert found['stats'] == f'about {in_bytes(20 * 500)}: stats.jsonl, 20 lines'
  found = planned(with_train(settings, keep_every=0.064), run_dir)['disk']
  assert f'at most 5 of {in_bytes(each)}' in found['checkpoints']
  assert 'and 2 that stay' in found['checkpoints']
  found = planned(with_train(settings, snapshot_kimg=1.0), run_dir)['disk']
  assert 'at most 1 of' in found['checkpoints']
  assert found['grids'].endswith('3 of 6.0 KiB unpacked')


def test_a_full_disk(settings, run_dir, planned, monkeypatch):
  monkeypatch.setattr(plan, '_free', lambda path: 100)
  assert planned(settings, run_dir)['disk']['free'].startswith('100 bytes: warning: too little')


def test_a_last_snapshot_out_of_turn(settings, run_dir, planned):
  found = planned(with_train(settings, snapshot_kimg=0.048), run_dir)  # at 6, 12, 18, and 20
  assert found['steps']['snapshots'].startswith('4: ')


def test_phases_with_weight_0_are_not_there(settings, run_dir, planned):
  found = planned(with_train(settings, r1_gamma=0.0, pl_weight=0.0), run_dir)['steps']
  assert {'generator', 'discriminator'} <= found.keys()
  assert not {'r1', 'path_length'} & found.keys()


def test_metrics(settings, run_dir, planned):
  """When they are due, the best checkpoint among those on disk, and what training would refuse."""
  measured = dataclasses.replace(settings, metrics=MetricSettings('swd12', 0.064))
  found = planned(measured, run_dir)
  assert found['steps']['metrics'] == 'swd12: 3 times, on the whole data set'  # at 8, 16 and 20
  each = sum(leaf.nbytes for leaf in jax.tree.leaves(fresh_state(settings)))
  assert found['disk']['checkpoints'].startswith(f'{in_bytes(4 * each)}: at most 4 of ')
  assert 'and the best' in found['disk']['checkpoints']
  measured = dataclasses.replace(settings, metrics=MetricSettings('swd13'))
  with pytest.raises(UserError, match=r'^swd13 asks for 13 images of .*, which has 12'):
    planned(measured, run_dir)


def test_metrics_of_shapes_to_be(tmp_path, run_dir, planned):
  data = {'dir': str(tmp_path / 'sets'), 'subset': 5}
  settings = helpers.settings(data=data)
  settings = dataclasses.replace(settings, metrics=MetricSettings('swd11k'))
  with pytest.raises(UserError, match=r'^swd11k asks for 11000 images of shapes, which has 10000'):
    planned(settings, run_dir)


def test_shapes_are_not_prepared(tmp_path, run_dir, planned):
  data = {'dir': str(tmp_path / 'sets'), 'labels': True}
  found = planned(helpers.settings(data=data), run_dir)
  assert 'which training would first draw into' in found['data']['images']
  assert found['data']['labels'] == 'labels of width 8'
  assert list(tmp_path.iterdir()) == []


def test_going_on(settings, run_dir, planned, monkeypatch):
  """From the newest checkpoint; fields that changed are named; nothing there is touched."""
  monkeypatch.setitem(sys.modules, 'wandb', types.ModuleType('wandb'))
  save(settings, run_dir, [4, 8])
  before = files(run_dir)
  later = with_train(settings, total_kimg=0.32)
  later = dataclasses.replace(
    later, log=LogSettings(tensorboard=False, wandb='mine'), sample=SampleSettings(grid_rows=1)
  )
  found = planned(later, run_dir)
  place = run_dir / 'checkpoints' / '8'
  assert found['start']['go on'] == f'from step 8 (0.064 kimg), {place}'
  assert found['start']['change'] == 'train.total_kimg: 0.16 -> 0.32'
  assert found['steps']['steps'] == '40, of which 32 are left; train.total_kimg=0.32'
  assert found['places']['W&B'] == 'project mine'
  assert 'TensorBoard' not in found['places']
  assert files(run_dir) == before


def test_nothing_left(settings, run_dir, planned):
  save(settings, run_dir, [20])
  found = planned(settings, run_dir)
  assert 'raise train.total_kimg' in found['start']['done']
  assert found['steps']['steps'].startswith('20, of which 0 are left')


def test_damaged_checkpoints(settings, run_dir, planned):
  """As training does: the one before; where there is none, the same refusal."""
  save(settings, run_dir, [4, 8])
  arrays = (run_dir / 'checkpoints' / '8' / 'generator').rglob('*')
  largest = max((path for path in arrays if path.is_file()), key=lambda path: path.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:-100])
  before = files(run_dir)
  found = planned(settings, run_dir)['start']
  assert found['go on'].startswith('from step 4 ')
  assert str(run_dir / 'checkpoints' / '8') in found['damaged']
  assert 'would be passed over' in found['damaged']
  shutil.rmtree(run_dir / 'checkpoints' / '4' / 'generator')
  with pytest.raises(UserError, match='damaged'):
    planned(settings, run_dir)
  shutil.rmtree(run_dir / 'checkpoints' / '4')
  before = {path: stamp for path, stamp in before.items() if path.exists()}
  assert {p: s for p, s in files(run_dir).items() if p.is_file()} == {
    p: s for p, s in before.items() if p.is_file()
  }


def test_a_run_without_a_checkpoint(settings, run_dir, planned):
  save(settings, run_dir, [])
  assert planned(settings, run_dir)['start'] == {'begin': 'the run here has no checkpoint yet'}


def test_fine_tuning(settings, run_dir, planned, tmp_path):
  """What a new run would take; one with a checkpoint of its own goes on from that."""
  save(settings, tmp_path / 'other', [4])
  place = tmp_path / 'other' / 'checkpoints' / '4'
  settings = dataclasses.replace(settings, finetune=FinetuneSettings(str(place.parents[1]), 7))
  found = planned(settings, run_dir)['start']
  assert list(found) == ['new', 'fine-tune', 'carry over', 'fresh']
  assert found['fine-tune'] == f'from {place}'
  assert re.match(r'of G (\d+) of \1 arrays .*: mapping, b4, b8; of D ', found['carry over'])
  assert found['fresh'].startswith('optimizers')
  save(settings, run_dir, [])
  assert list(planned(settings, run_dir)['start']) == ['begin', 'fine-tune', 'carry over', 'fresh']
  too_many = dataclasses.replace(settings, finetune=FinetuneSettings(str(place), 8))
  with pytest.raises(UserError, match=r'finetune\.freeze_d = 8 must be at most 7'):
    planned(too_many, tmp_path / 'new')
  save(settings, run_dir, [8])
  shutil.rmtree(tmp_path / 'other')
  assert list(planned(settings, run_dir)['start']) == ['go on']


def test_what_training_would_refuse(settings, run_dir, planned, tmp_path):
  save(settings, run_dir, [4])
  with pytest.raises(UserError, match=re.escape('train.batch_size: 8 -> 16')):
    planned(with_train(settings, batch_size=16), run_dir)
  with pytest.raises(UserError, match=r'train\.micro_batch'):
    planned(with_train(settings, micro_batch=3), run_dir)
  other = prepared_set(tmp_path / 'other' / '1.0.0', noise_pictures(5, seed=1))
  data = dataclasses.replace(settings.data, source=str(other))
  with pytest.raises(UserError, match='set of images'):
    planned(dataclasses.replace(settings, data=data), run_dir)
  data = dataclasses.replace(settings.data, source='/nowhere')
  with pytest.raises(UserError, match='/nowhere does not exist'):
    planned(dataclasses.replace(settings, data=data), run_dir)


def test_workdirs_that_training_would_refuse(settings, run_dir, planned, tmp_path):
  """See RunDirectory.check."""
  (tmp_path / 'dead').symlink_to(tmp_path / 'nowhere')
  with pytest.raises(UserError, match=r'dead links to .*nowhere, which is not there'):
    planned(settings, tmp_path / 'dead')
  with (
    RunDirectory(run_dir).open(settings),
    pytest.raises(UserError, match='another training is running'),
  ):
    planned(settings, run_dir)


def test_memory(settings, run_dir, monkeypatch, capsys):
  """The programs' own numbers: arguments hold the whole state, temporaries more than nothing."""
  limit_devices(monkeypatch, 2)
  plan.print_plan(settings_of_two_phases(settings), run_dir)
  out = capsys.readouterr().out
  assert re.search(r'^  generator: \d+\.\d s$', out, re.M)
  table = out.partition('memory of a device')[2]
  state = sum(leaf.nbytes for leaf in jax.tree.leaves(fresh_state(settings)))
  assert f'of which the train state takes {in_bytes(state)}' in table
  rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}
  for phase in ('generator', 'discriminator', 'average', 'compare'):
    assert rows[phase][1] == 'KiB'
    assert state / 1024 <= float(rows[phase][0]) < 1.1 * state / 1024
  assert float(rows['generator'][4]) > 1
  assert re.search(r'on each of \d devices, in \w+; this machine has', table)
  assert not run_dir.exists()


def settings_of_two_phases(settings):
  """Half of the compiling; a micro-batch for each of two devices."""
  return with_train(settings, r1_gamma=0.0, pl_weight=0.0, micro_batch=4)
