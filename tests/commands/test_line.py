"""Flags, overrides and seeds, and the one line that a mistake gets."""

import pytest

import launch
from stylegan2_jax import run_settings
from stylegan2_jax.commands import line, values
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings


@pytest.mark.parametrize(
  ('text', 'seeds'),
  [
    ('7', [7]),
    ('0-3', [0, 1, 2, 3]),
    ('1,5,9-12', [1, 5, 9, 10, 11, 12]),
    (' 3 , 2-2 ', [3, 2]),
    ('4294967295', [2**32 - 1]),
  ],
)
def test_seeds(text, seeds):
  assert values.parse_seeds(text) == seeds


@pytest.mark.parametrize(
  'text', ['', 'a', '1,', '1-', '-1', '1.5', '5-3', '0-1e3', '4294967296', '0-9999999', '١']
)
def test_bad_seeds(text):
  with pytest.raises(UserError, match=r'^--seeds='):
    values.parse_seeds(text)


def test_train_is_the_default_command():
  argv = ['--config=a.py', '--config.seed=3', '--workdir', 'w', '--config.data.source', '-x']
  flags = line.parse(argv)
  assert (flags.command, flags.config, flags.workdir) == ('train', 'a.py', 'w')
  assert flags.overrides == {'seed': '3', 'data.source': '-x'}
  assert line.parse(['train', *argv]) == flags


def test_sample_flags():
  flags = line.parse(['sample', '--workdir=w', '--psi=0.5', '--class=cat', '--step=40'])
  assert flags.seeds == list(range(24))
  assert (flags.truncation_psi, flags.noise_mode, str(flags.out)) == (0.5, 'const', 'samples.png')
  assert (flags.label, flags.step) == ('cat', 40)
  assert flags.truncation_center == 'global'


@pytest.mark.parametrize(
  ('argv', 'message'),
  [
    ('fly', 'unknown command fly: choose one of train, watch, '),
    ('--workdr=x', r'unknown argument --workdr, did you mean --workdir\?'),
    ('--config=configs/tiny.py', '--workdir is missing'),
    ('summary', '--config is missing'),
    ('sample', '--workdir is missing'),
    ('sample --workdir=x --seeds=1..5', r'--seeds=1\.\.5 does not parse'),
    ('sample --workdir=x --psi=big', '--truncation_psi=big does not parse'),
    ('sample --workdir=x --psi=nan', '--truncation_psi=nan does not parse'),
    ('sample --workdir=x --step=-1', '--step=-1 does not parse'),
    ('sample --workdir=x --noise_mode=loud', "invalid choice: 'loud'"),
    ('sample --workdir=x --config.seed=1', 'sample takes no --config'),
    ('--workdir=x --config.train.batch_size', r'needs a value'),
    ('--workdir=x', 'there is no run in x to go on with'),
    ('--workdir=x --config=nowhere.py', r'no config file nowhere\.py'),
    ('--workdir=x --config=configs/tiny.py --config.train.bach_size=4', 'did you mean'),
    ('--workdir=x --config=configs/tiny.py --config.data.resolution=17', 'a power of two'),
    ('summary --config=configs/tiny.py --config.network.g_architecture=x', 'must be one of'),
  ],
)
def test_a_mistake_gets_one_line(argv, message, capsys, monkeypatch, request):
  monkeypatch.chdir(request.config.rootpath)
  assert launch.main(argv.split()) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert err.startswith('error: ')
  assert err.count('\n') == 1
  with pytest.raises(UserError, match=message):
    raise UserError(err)


@pytest.mark.parametrize('argv', ['', '--help', 'train --help', 'summary -h', 'sample --help'])
def test_help(argv, capsys):
  with pytest.raises(SystemExit) as caught:
    launch.main(argv.split())
  assert caught.value.code == 0
  assert 'python launch.py' in capsys.readouterr().out


def test_a_run_goes_on_with_its_own_config(run_dir):
  settings = Settings(seed=11)
  RunDirectory(run_dir).open(settings).close()
  assert run_settings.training_settings(None, {}, run_dir) == settings
  longer = run_settings.training_settings(None, {'train.total_kimg': '9'}, run_dir)
  assert longer.train.total_kimg == 9.0


def test_a_network_can_be_shown_without_data(request):
  settings = run_settings.network_settings(
    str(request.config.rootpath / 'configs' / 'emoji.py'), {}
  )
  assert settings.data.source == ''
