"""What a new run takes from another one: to the bit, by name and shape, and what is refused."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

from stylegan2_jax import manifest
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.settings import FinetuneSettings
from stylegan2_jax.training import finetune
from stylegan2_jax.training.state import new_state
from tests.helpers import assert_trees_equal, names, saved_run, settings

CARRIED = ('g_params', 'ema_params', 'd_params', 'w_avg', 'noise_maps')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """An unconditional run at 8x8, saved at step 3."""
  return saved_run(tmp_path_factory.mktemp('finetune') / 'run', step=3)


@pytest.fixture
def copy(run, tmp_path):
  """Its checkpoint, to spoil."""
  return shutil.copytree(run.path / 'checkpoints' / '3', tmp_path / 'checkpoints' / '3')


def begin(start, resolution=8, c_dim=0, finetune_fields=None, **network):
  """(state that a new run begins with, the fresh one, what is said)."""
  config = settings(resolution, network)
  config = dataclasses.replace(
    config, seed=5, finetune=FinetuneSettings(str(start), **(finetune_fields or {}))
  )
  modules = build_networks(config.network, config.data.size, 3, c_dim)
  fresh = new_state(config.seed, *modules, config.train)
  found = finetune.look_at(config, finetune.state_shapes(config, c_dim))
  assert found == finetune.look_at(config, fresh)
  state = finetune.carry_over(found, fresh, config.finetune.freeze_mapping)
  return state, fresh, finetune.describe(found, fresh)


def refusal(*arguments, **fields):
  """The one line of the UserError with which a run does not begin."""
  with pytest.raises(UserError) as caught:
    begin(*arguments, **fields)
  assert '\n' not in str(caught.value)
  return str(caught.value)


def compare(state, fresh, saved, is_fresh):
  """Carried over to the bit where name and shape are the same, and fresh where `is_fresh`."""
  for field in CARRIED:
    found, source = names(getattr(state, field)), names(getattr(saved, field))
    for name, value in names(getattr(fresh, field)).items():
      expected = value if is_fresh(field, name) else source[name]
      assert found[name].dtype == expected.dtype
      np.testing.assert_array_equal(found[name], expected, f'{field} {name}')
  for field in ('step', 'key', 'g_opt', 'd_opt', 'pl_mean', 'augment', 'bad_steps'):
    assert_trees_equal(getattr(state, field), getattr(fresh, field))
  assert jax.tree.structure(state) == jax.tree.structure(fresh)


@pytest.mark.parametrize('place', ['', 'checkpoints', 'checkpoints/3'])
def test_all_of_the_same_networks(place, run):
  """From a run's folder or a checkpoint's; optimizers, step and keys are a new run's."""
  state, fresh, (carried, rest) = begin(run.path / place)
  compare(state, fresh, run.state, lambda field, name: False)
  g, d = (jax.tree.leaves(tree) for tree in (run.state.g_params, run.state.d_params))
  g_size, d_size = (sum(x.size for x in leaves) for leaves in (g, d))
  assert carried == (
    f'of G {len(g)} of {len(g)} arrays ({g_size:,} of {g_size:,} parameters): mapping, b4, b8; '
    f'of D {len(d)} of {len(d)} arrays ({d_size:,} of {d_size:,} parameters): b4, b8'
  )
  assert rest == 'optimizers, path-length mean, augmentation, step and keys'


def test_a_mapping_that_is_frozen_is_that_of_the_average(run):
  """It draws the images, and stays in both."""
  state, _, _ = begin(run.path, finetune_fields={'freeze_mapping': True})
  assert_trees_equal(state.g_params['mapping'], run.state.ema_params['mapping'])
  assert_trees_equal(state.g_params['synthesis'], run.state.g_params['synthesis'])
  assert_trees_equal(state.ema_params, run.state.ema_params)


def test_the_newest_or_the_one_that_is_named(tmp_path):
  first = saved_run(tmp_path / 'run', step=3, seed=1)
  second = saved_run(tmp_path / 'run', step=7, seed=2)
  for place, saved in (('', second), ('checkpoints/7', second), ('checkpoints/3', first)):
    assert_trees_equal(begin(tmp_path / 'run' / place)[0].g_params, saved.state.g_params)


def test_from_a_lower_resolution(run):
  """16x16 from 8x8: D's FromRGB is at another block, G has one block more."""
  state, fresh, (carried, rest) = begin(run.path, 16)
  new = {'g_params': 'synthesis.b16.', 'ema_params': 'synthesis.b16.', 'noise_maps': 'b16.'}

  def is_fresh(field, name):
    return name.startswith(new[field]) if field in new else name.startswith('b16.')

  compare(state, fresh, run.state, is_fresh)
  assert 'parameters): mapping, b4, b8; of D ' in carried
  assert rest.startswith('of G b16; of D b16; noise maps of b16; optimizers')


def test_from_a_higher_resolution(tmp_path):
  """It leaves out what is too much."""
  saved_run(tmp_path / 'small')
  state, _, _ = begin(tmp_path / 'small', 16)
  path = tmp_path / 'large' / 'checkpoints'
  path.parent.mkdir()
  writer = CheckpointWriter(path, keep=1)
  writer.save(state, {})
  writer.close()
  back, fresh, (_, rest) = begin(path.parent)
  compare(back, fresh, state, lambda field, name: name.startswith('b8.fromrgb'))
  assert rest.startswith('of D b8.fromrgb; optimizers')


def test_a_conditional_run_from_an_unconditional_one(run):
  """All but what sees the label."""
  state, fresh, (carried, rest) = begin(run.path, c_dim=3)
  g_new = ('mapping.embed.', 'mapping.fc0.weight')
  new = {'g_params': g_new, 'ema_params': g_new, 'd_params': ('mapping.', 'b4.out.')}
  compare(state, fresh, run.state, lambda field, name: name.startswith(new.get(field, ('-',))))
  assert ': b4, b8; of D' in carried
  assert rest.startswith('of G mapping.embed, mapping.fc0; of D mapping, b4.out; optimizers')


def test_a_deeper_mapping_network(run):
  """By name: the first layers are those that there were."""
  state, fresh, (_, rest) = begin(run.path, mapping_layers=3)
  compare(state, fresh, run.state, lambda field, name: name.startswith('mapping.fc2.'))
  assert rest.startswith('of G mapping.fc2; optimizers')


def test_a_checkpoint_of_weights_alone(copy, run):
  """As of an importer: G is its average; without D that is fresh."""
  shutil.rmtree(copy / 'training')
  shutil.rmtree(copy / 'discriminator')
  manifest.write(copy)
  state, fresh, (carried, rest) = begin(copy)
  assert_trees_equal(state.g_params, run.state.ema_params)
  assert_trees_equal(state.ema_params, run.state.ema_params)
  assert_trees_equal(state.d_params, fresh.d_params)
  assert carried.endswith('parameters): no whole block')
  assert rest.startswith('of D b4, b8; optimizers')


def test_damage(copy):
  for part in ('generator', 'training'):  # that it never had the latter, its checksums deny
    shutil.rmtree(copy / part)
    assert refusal(copy).startswith(f'checkpoint {copy} is damaged ({part}: ')


def test_places_that_are_not_there(run, tmp_path):
  line = refusal(tmp_path / 'nowhere')
  assert line.startswith(f'config field finetune.start = {tmp_path / "nowhere"} does not exist: ')
  assert 'there is no checkpoint of step 4' in refusal(run.path / 'checkpoints' / '4')
  assert f'there is no checkpoint in {tmp_path}' in refusal(tmp_path)


def test_networks_that_share_too_little(run):
  line = refusal(run.path, w_dim=16)
  assert 'checkpoints/3 has network.w_dim=8, not 16: ' in line
  line = refusal(run.path, channel_max=4)
  assert 'b4.conv1.weight is [3, 3, 8, 8] there, [3, 3, 4, 4] here' in line
  begin(run.path, channel_base=32)  # b4 fits: min(32 // 4, 8) channels


def test_weights_that_are_stored_at_another_scale(run, tmp_path):
  config = dataclasses.asdict(settings())
  writer = CheckpointWriter(tmp_path / 'checkpoints', keep=1)
  writer.save(run.state, {'config': config})
  writer.close()
  begin(tmp_path)
  line = refusal(tmp_path, equalized_lr=False)
  assert 'was trained with network.equalized_lr=True, which' in line


def test_freezing_what_is_fresh(run):
  """It would stay random for ever."""
  begin(run.path, finetune_fields={'freeze_d': 7, 'freeze_mapping': True})
  line = refusal(run.path, finetune_fields={'freeze_d': 8})
  assert line == 'config field finetune.freeze_d = 8 must be at most 7, all layers of D'
  line = refusal(run.path, 16, finetune_fields={'freeze_d': 1})
  assert 'finetune.freeze_d = 1 would freeze b16.fromrgb.bias, which is fresh, as' in line
  line = refusal(run.path, c_dim=2, finetune_fields={'freeze_mapping': True})
  assert 'finetune.freeze_mapping = True would freeze mapping.embed.bias, which is fresh' in line
