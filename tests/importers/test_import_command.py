"""`launch.py import`, and what an imported run is good for."""

import hashlib
import json
import shutil

import pytest

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.importers import read
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.saving import CheckpointWriter
from tests.helpers import assert_trees_equal, saved_run
from tests.importers.hand_pickles import dumps
from tests.importers.test_official import content, weights
from tests.training.workplace import Workplace


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With a file of 4x4 networks, `network.pkl`, imported as `imported`."""
  place = Workplace(tmp_path_factory.mktemp('import'))
  (place.path / 'network.pkl').write_bytes(dumps(content(weights(resolution=4))))
  assert not launch.main(command(place.path / 'network.pkl', place.path / 'imported'))
  return place


def command(file, workdir):
  return ['import', f'--pickle={file}', f'--workdir={workdir}']


def test_it_says_what_it_found_and_what_is_next(place, tmp_path, capsys):
  assert not launch.main(command(place.path / 'network.pkl', tmp_path / 'run'))
  said = capsys.readouterr().out
  for words in (
    'an official PyTorch pickle',
    '4x4',
    'unconditional',
    'G 1,',
    'D 1,',
    'parameters',
    str(tmp_path / 'run'),
    'launch.py sample --workdir=',
  ):
    assert words in said, said
  assert 'lacks' not in said


def test_the_next_command_works(place, tmp_path, capsys):
  launch.main(command(place.path / 'network.pkl', tmp_path / 'run'))
  line = next(line for line in capsys.readouterr().out.splitlines() if 'launch.py' in line)
  words = line.partition('launch.py ')[2].split()
  assert not launch.main([*words, '--seeds=0-3', f'--out={tmp_path / "grid.png"}'])
  assert (tmp_path / 'grid.png').exists()


def test_what_is_absent_is_said(tmp_path, capsys):
  (tmp_path / 'average.pkl').write_bytes(dumps(content(weights(resolution=4), G=..., D=...)))
  assert not launch.main(command(tmp_path / 'average.pkl', tmp_path / 'run'))
  assert 'lacks G and D' in capsys.readouterr().out
  model = StyleGAN2.load(tmp_path / 'run')
  assert 'discriminator' not in model.params
  assert model.sample(2).shape == (2, 4, 4, 3)


def test_the_folder_is_that_of_a_run(place):
  run = RunDirectory(place.path / 'imported')
  found, expected = StyleGAN2.load(run.path), weights(resolution=4)
  assert_trees_equal(found.params['generator'], expected.average)
  assert_trees_equal(found.params['discriminator'], expected.d_params)
  assert StyleGAN2.list_checkpoints(run.path) == [0]
  digest = hashlib.sha256((place.path / 'network.pkl').read_bytes()).hexdigest()
  notice = (run.path / 'NOTICE.txt').read_text()
  assert digest in notice
  assert notice == found.notice
  assert json.loads(run.config_path.read_text())['network']['channel_max'] == 8
  names = {entry.name for entry in run.path.iterdir() if not entry.name.startswith('.')}
  assert names == {'config.json', 'checkpoints', 'NOTICE.txt'}


def test_saved_weights_keep_the_notice(place, tmp_path):
  model = StyleGAN2.load(place.path / 'imported')
  model.save_weights(tmp_path / 'a.safetensors')
  assert StyleGAN2.load(tmp_path / 'a.safetensors').notice == model.notice != ''


@pytest.mark.parametrize('what', ['a run', 'other files', 'a file', 'a link'])
def test_a_place_that_is_taken_stays_as_it_is(place, tmp_path, what, capsys):
  workdir = tmp_path / 'taken'
  if what == 'a run':
    saved_run(workdir)
  elif what == 'other files':
    workdir.mkdir()
    (workdir / 'a.txt').write_text('mine')
  elif what == 'a file':
    workdir.write_text('mine')
  else:
    (tmp_path / 'target').mkdir()
    workdir.symlink_to(tmp_path / 'target')
  before = sorted(tmp_path.rglob('*'))
  assert launch.main(command(place.path / 'network.pkl', workdir)) == 2
  said = capsys.readouterr().err
  assert said.count('\n') == 1
  assert str(workdir) in said
  assert sorted(tmp_path.rglob('*')) == before


def test_bad_files_leave_nothing_behind(place, tmp_path, capsys):
  good = (place.path / 'network.pkl').read_bytes()
  for name, data, words in (
    ('cut.pkl', good[:-10], 'cut short'),
    ('evil.pkl', b'cos\nsystem\n(S"touch canary"\ntR.', 'names os.system'),
    ('page.pkl', b'<!doctype html>', 'web page'),
    ('other.pkl', dumps({'a': 1}), 'no StyleGAN2'),
  ):
    (tmp_path / name).write_bytes(data)
    assert launch.main(command(tmp_path / name, tmp_path / 'run')) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1, said
    assert name in said
    assert words in said
    assert not (tmp_path / 'run').exists()
  assert launch.main(command(tmp_path / 'nowhere.pkl', tmp_path / 'run')) == 2
  assert launch.main(command(tmp_path, tmp_path / 'run')) == 2
  assert launch.main(['import', '--workdir=x']) == 2
  names = {entry.name for entry in tmp_path.iterdir()}
  assert names == {'cut.pkl', 'evil.pkl', 'page.pkl', 'other.pkl'}


def test_a_write_that_fails_leaves_nothing_behind(place, tmp_path, monkeypatch, capsys):
  def fails(*unused):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(CheckpointWriter, '_check_room', fails)
  assert launch.main(command(place.path / 'network.pkl', tmp_path / 'deep' / 'run')) == 2
  assert 'No space left' in capsys.readouterr().err
  assert not list(tmp_path.rglob('*run*'))


def test_fine_tuning_begins_with_it_and_carries_the_notice(place):
  """G begins with G itself, its average with G_ema; and what was trained is imported no more."""
  fields = {
    'finetune__start': 'imported',
    'finetune__freeze_mapping': True,
    'finetune__freeze_d': 1,
    'network__mapping_layers': 2,
    'network__num_reduced': 0,
  }
  done = place.train('tuned', 1, **fields)
  assert (done.returncode, done.stderr) == (0, '')
  assert 'fine-tuning from imported/checkpoints/0' in done.stdout
  expected = weights(resolution=4)
  tuned = StyleGAN2.load(place.path / 'tuned')
  assert_trees_equal(tuned.params['generator']['mapping'], expected.average['mapping'])
  assert_trees_equal(tuned.noise_maps, expected.maps)
  assert_trees_equal(
    tuned.params['discriminator']['b4']['fromrgb'], expected.d_params['b4']['fromrgb']
  )
  assert tuned.notice == read.read_model(place.path / 'network.pkl').notice
  assert (place.path / 'tuned' / 'NOTICE.txt').read_text() == tuned.notice
  shutil.rmtree(place.path / 'imported')  # going on needs it no more
  done = place.train('tuned', 2, **fields)
  assert (done.returncode, done.stderr) == (0, '')
  assert StyleGAN2.load(place.path / 'tuned', step=2).notice == tuned.notice
  launch.main(command(place.path / 'network.pkl', place.path / 'imported'))


def test_training_on_in_the_imported_folder_is_refused(place):
  done = place.train('imported', 1, network__mapping_layers=2, network__num_reduced=0)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
