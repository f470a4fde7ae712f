"""Presets that adapt to data and devices: `auto`, those of users, and the rule for fine-tuning."""

import json
import pathlib

import pytest

import launch
from stylegan2_jax import presets, run_settings, validation
from stylegan2_jax.commands import line
from stylegan2_jax.errors import UserError
from stylegan2_jax.facts import Facts, ImageForm
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training import hosts
from tests.helpers import noise_pictures, png, settings
from tests.test_presets import tables

AUTO = str(pathlib.Path(__file__).parents[1] / 'configs' / 'auto.py')
EMOJI, CIFAR10 = (str(pathlib.Path(AUTO).with_name(f'{n}.py')) for n in ('emoji', 'cifar10'))
DERIVED = {
  *('data.resolution', 'data.aspect', 'data.channels'),
  *('train.batch_size', 'train.micro_batch', 'train.pl_batch_shrink', 'train.learning_rate'),
  *('train.r1_gamma', 'train.ema_kimg', 'network.mbstd_group', 'network.channel_base'),
}


def facts(devices=1, resolution=None, aspect='1:1', channels=3):
  form = None if resolution is None else ImageForm(resolution, aspect, channels)
  return Facts(lambda: devices, lambda: form)


def unknown():
  pytest.fail('nobody asked')


def auto(devices, resolution, aspect='1:1', channels=3, **overrides):
  fields = {name.replace('__', '.'): str(value) for name, value in overrides.items()}
  return presets.load_settings(AUTO, fields, facts(devices, resolution, aspect, channels))


@pytest.mark.parametrize(
  ('devices', 'resolution', 'batch', 'group', 'base', 'rate', 'gamma', 'ema'),
  [
    (1, 32, 32, 4, 16384, 0.0025, 0.0064, 10.0),
    (2, 32, 64, 4, 16384, 0.0025, 0.0032, 20.0),
    (8, 32, 64, 4, 16384, 0.0025, 0.0032, 20.0),
    (1, 256, 16, 4, 16384, 0.0025, 0.8192, 5.0),
    (8, 256, 64, 4, 16384, 0.0025, 0.2048, 20.0),
    (1, 512, 8, 4, 32768, 0.0025, 6.5536, 2.5),
    (4, 512, 32, 4, 32768, 0.0025, 1.6384, 10.0),
    (1, 1024, 4, 4, 32768, 0.002, 52.4288, 1.25),
    (8, 1024, 32, 4, 32768, 0.002, 6.5536, 10.0),
    (1, 2048, 2, 2, 32768, 0.002, 419.4304, 0.625),
    (32, 256, 64, 2, 16384, 0.0025, 0.2048, 20.0),
    (128, 256, 128, 1, 16384, 0.0025, 0.1024, 40.0),
  ],
)
def test_auto_by_hand(devices, resolution, batch, group, base, rate, gamma, ema):
  found = auto(devices, resolution)
  train, network = found.train, found.network
  assert (train.batch_size, network.mbstd_group) == (batch, group)
  assert train.micro_batch * devices == batch
  assert (network.channel_base, train.learning_rate) == (base, rate)
  assert train.r1_gamma == pytest.approx(gamma, rel=1e-12)
  assert train.ema_kimg == ema
  validation.validate(found, devices)


@pytest.mark.parametrize('resolution', [16, 64, 128, 256, 512, 1024])
@pytest.mark.parametrize('g', [1, 2, 4, 8, 16, 64, 256])
def test_auto_has_the_published_rules(g, resolution):
  """ADA's code, for powers of two."""
  found = auto(g, resolution)
  batch = max(min(g * min(4096 // resolution, 32), 64), g)
  assert found.train.batch_size == batch
  assert found.network.mbstd_group == min(batch // g, 4)
  assert found.train.r1_gamma == pytest.approx(0.0002 * resolution**2 / batch)
  assert found.train.ema_kimg == batch * 10 / 32
  assert (found.train.ema_rampup, found.network.mapping_layers) == (0.05, 2)


@pytest.mark.parametrize('resolution', [6, 20, 96, 224, 640, 1792, 4096, 5120])
@pytest.mark.parametrize('devices', [1, 3, 5, 6, 7, 12, 100])
def test_auto_is_valid_wherever_there_are_networks(devices, resolution):
  found = auto(devices, resolution)
  validation.validate(found, devices)
  assert found.train.batch_size <= max(devices * min(max(4096 // resolution, 1), 32), devices)


def test_auto_and_pictures_of_any_form():
  found = auto(2, 512, '4:3', 1)
  assert (found.data.size, found.data.channels) == ((384, 512), 1)
  assert found.train.r1_gamma == pytest.approx(2e-4 * 384 * 512 / 16)


def test_auto_without_pictures_keeps_the_default():
  assert presets.load_settings(AUTO, {}, facts(1)).data.resolution == 32


def test_given_fields_win_and_the_rules_follow_them():
  found = auto(1, 256, train__batch_size=32, data__resolution=128, train__learning_rate=0.001)
  assert (found.data.resolution, found.train.batch_size) == (128, 32)
  assert (found.train.learning_rate, found.train.ema_kimg) == (0.001, 10.0)
  assert found.train.r1_gamma == pytest.approx(2e-4 * 128**2 / 32)
  found = auto(1, 256, train__r1_gamma=7, train__micro_batch=2)
  assert (found.train.r1_gamma, found.network.mbstd_group) == (7.0, 2)


def test_the_fields_that_auto_derives():
  found = presets.derive(presets.load(AUTO), facts(1, 64))
  assert set(found) == DERIVED
  starred = {field for field, cell in tables()['auto'].items() if cell == '*'}
  assert starred == DERIVED


def test_deriving_leaves_the_preset():
  preset = presets.load(AUTO)
  before = preset.settings()
  presets.derive(preset, facts(8, 1024))
  assert preset.settings() == before


def test_facts_are_found_when_asked_for_and_once():
  calls = []
  found = Facts(lambda: calls.append('devices') or 3, unknown)
  assert (found.num_devices, found.num_devices, calls) == (3, 3, ['devices'])


def test_presets_that_do_not_adapt_need_no_facts():
  preset = presets.load(CIFAR10)
  assert preset.adapt is None
  assert presets.derive(preset, Facts(unknown, unknown)) == {}


def test_where_nothing_is_looked_at():
  with pytest.raises(UserError, match=r'auto\.py adapts to the data and the devices'):
    presets.load_settings(AUTO)


@pytest.mark.parametrize(
  ('body', 'message'),
  [
    ('config.train.batchsize = 3', r'unknown config field batchsize in .*mine\.py: did you mean'),
    ('config.train.batch_size = "many"', r'adapt\(\) of the config file .*mine\.py fails: '),
    ('1 / 0', r'adapt\(\) of the config file .*mine\.py fails: ZeroDivisionError: '),
  ],
)
def test_a_preset_that_adapts_badly(tmp_path, body, message):
  with pytest.raises(UserError, match=message) as caught:
    presets.load_settings(mine(tmp_path, body), {}, facts())
  assert '\n' not in str(caught.value)


def mine(folder, body):
  path = folder / 'mine.py'
  path.write_text(
    'from configs import default\n'
    'get_config = default.get_config\n'
    'def adapt(config, facts):\n'
    f'  {body}\n'
  )
  return path


def test_a_run_keeps_what_it_began_with(run_dir):
  """Other devices and other pictures change nothing, and neither are looked at."""
  begun = auto(8, 256)
  RunDirectory(run_dir).open(begun).close()
  fields = run_settings.derived_fields(AUTO, {}, run_dir, unknown)
  draft = run_settings.training_settings(AUTO, {}, run_dir)
  assert run_settings.with_derived(draft, fields) == begun
  fields = run_settings.derived_fields(AUTO, {'train.r1_gamma': '3'}, run_dir, unknown)
  assert 'train.r1_gamma' not in fields  # which the run then refuses
  assert run_settings.derived_fields(None, {}, run_dir, unknown) == {}


def test_another_preset_does_not_take_a_run_for_its_own(run_dir):
  other = settings(resolution=64)
  RunDirectory(run_dir).open(other).close()
  fields = run_settings.derived_fields(AUTO, {}, run_dir, unknown)
  found = run_settings.with_derived(run_settings.training_settings(AUTO, {}, run_dir), fields)
  with pytest.raises(UserError, match=r'of another config .*network\.z_dim: 8 -> 512'):
    RunDirectory(run_dir).check(found)


@pytest.mark.parametrize(
  ('path', 'overrides', 'expected'),
  [
    (AUTO, {}, (500.0, 0.05)),
    (AUTO, {'finetune.start': 'runs/a'}, (100.0, None)),
    (CIFAR10, {'finetune.start': 'runs/a'}, (100.0, None)),
    (EMOJI, {'finetune.start': 'runs/a'}, (30.0, None)),  # faster already
    (AUTO, {'finetune.start': 'runs/a', 'augment.ada_kimg': '500'}, (500.0, None)),
    (AUTO, {'finetune.start': 'runs/a', 'train.ema_rampup': '0.1'}, (100.0, 0.1)),
  ],
)
def test_fine_tuning(path, overrides, expected):
  found = presets.load_settings(path, overrides, facts())
  assert (found.augment.ada_kimg, found.train.ema_rampup) == expected


def test_settings_may_be_incomplete_until_they_are_adapted():
  """A 7:4 of 32 pixels there is not, but the pictures tell a resolution."""
  assert run_settings.training_settings(AUTO, {'data.aspect': '7:4'}, 'w').data.aspect == '7:4'
  assert auto(1, 224, '1:1', data__aspect='7:4').data.size == (128, 224)


@pytest.mark.parametrize(
  ('field', 'message'),
  [
    ('data.aspect=4x3', r'data\.aspect = .4x3. must be width:height'),
    ('data.resolution=0', r'data\.resolution = 0 must be 4, 5, 6 or 7 times'),
    ('train.batch_size=0', r'train\.batch_size = 0 must be at least 1'),
  ],
)
@pytest.mark.parametrize('read', [run_settings.training_settings, run_settings.network_settings])
def test_complaints_come_before_anything_is_looked_at(read, field, message):
  with pytest.raises(UserError, match=message):
    read(AUTO, dict([field.split('=')]), *(['w'] if read is run_settings.training_settings else []))


def folder_of(path, *sizes):
  path.mkdir()
  for i, (height, width) in enumerate(sizes):
    (picture,) = noise_pictures(1, height, width)
    (path / f'{i}.png').write_bytes(png(picture))
  return path


def test_summary_of_a_folder(tmp_path, capsys, monkeypatch):
  monkeypatch.setattr('stylegan2_jax.training.parallel.device_count', lambda: 2)
  source = folder_of(tmp_path / 'photos', (30, 40))
  argv = ['summary', f'--config={AUTO}', f'--config.data.source={source}']
  assert launch.main([*argv, '--config.network.channel_max=8']) == 0
  out = capsys.readouterr().out
  assert f'{AUTO} sets data.resolution=32, data.aspect=4:3, data.channels=3, ' in out
  assert 'train.batch_size=64, train.micro_batch=32, ' in out
  assert 'train.r1_gamma=0.0024, train.ema_kimg=20\n' in out  # 2e-4·32·24/64
  assert '\nimages 32x24x3, unconditional, ' in out


def test_the_other_hosts_do_as_the_first_says(monkeypatch):
  """They need neither the data nor the workdir."""
  said = json.loads(json.dumps(presets.derive(presets.load(AUTO), facts(8, 256))))
  monkeypatch.setattr(hosts, 'is_first', lambda: False)
  monkeypatch.setattr(hosts, 'first_says', lambda value: said)
  argv = ['--workdir=nowhere', f'--config={AUTO}', '--config.data.source=nowhere']
  flags = line.parse(argv)
  draft = run_settings.training_settings(flags.config, flags.overrides, flags.workdir)
  found = run_settings.adapted(draft, flags.config, flags.overrides, flags.workdir)
  assert found == auto(8, 256, data__source='nowhere')
