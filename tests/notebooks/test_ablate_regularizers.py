"""The ablations at a reduced size: their numbers against what the runs wrote; and as saved."""

import json
import statistics

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from tests.notebooks import running

NOTEBOOK = 'ablate_regularizers.ipynb'
STEPS, SAMPLES = 16, 4
SMALL = {
  'data.resolution': '4',
  'network.z_dim': '4',
  'network.w_dim': '4',
  'network.mapping_layers': '1',
  'network.d_mapping_layers': '0',
  'network.channel_base': '32',
  'network.channel_max': '4',
  'train.r1_interval': '4',
  'train.pl_interval': '2',
  'sample.grid_rows': '1',
  'sample.grid_cols': '1',
}


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  return tmp_path_factory.mktemp('notebook')


@pytest.fixture(scope='module')
def computed(place):
  """The notebook's `results`, of one seed and 16 steps."""
  parameters = (
    f'KIMG, SEEDS, SAMPLES = {STEPS * 8 / 1000}, (3,), {SAMPLES}\n'
    f'WORKDIR = pathlib.Path({str(place)!r})\n'
    f'FIELDS = { ({**SMALL, "data.dir": str(place / "datasets")})!r}'
  )
  notebook = running.execute(NOTEBOOK, parameters, 'import json; print(json.dumps(results))')
  return json.loads(notebook.cells[-1].outputs[0].text)


def records(place, name):
  lines = (place / name / 'seed3' / 'stats.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def test_scalars(computed, place):
  """The mean over the last quarter of 16 steps; and that the fields were what they are called."""
  for title, key in (('loss of D', 'loss_d'), ('sign of the real logits', 'sign_real')):
    for name, (value,) in computed[title].items():
      found = records(place, name.replace(' ', '_'))
      assert [record['step'] for record in found] == list(range(1, STEPS + 1))
      expected = statistics.fmean(record[key] for record in found[-4:])
      assert value == pytest.approx(expected, rel=1e-12)
  logged = {n: [('loss_pl' in r, 'r1_penalty' in r) for r in records(place, n)] for n in NAMES}
  assert logged['as_it_is'] == [(n % 2 == 0, n % 4 == 0) for n in range(STEPS)]
  assert logged['every_step'] == [(True, True)] * STEPS
  assert logged['no_R1'] == [(n % 2 == 0, False) for n in range(STEPS)]
  assert logged['no_path_length'] == [(False, n % 4 == 0) for n in range(STEPS)]
  config = json.loads((place / 'no_demodulation' / 'seed3' / 'config.json').read_text())
  assert config['network']['demodulation'] == 'none'
  losses = [computed['loss of D']['as it is'], computed['loss of D']['no R1']]
  assert losses[0] != losses[1]


NAMES = ('as_it_is', 'every_step', 'no_R1', 'no_path_length', 'no_demodulation')


def test_path_lengths_against_differences(computed, place):
  """Jᵀy by moving each component of each w a little."""
  gan = StyleGAN2.load(place / 'as_it_is' / 'seed3')
  z_key, y_key = jax.random.split(jax.random.key(7))
  ws = np.asarray(gan.map(jax.random.normal(z_key, (SAMPLES, 4))))  # [N, num_ws, 4]
  y = np.asarray(jax.random.normal(y_key, (SAMPLES, 4, 4, 3)))[:, None] / 4
  size, step = ws[0].size, 0.01
  moves = np.concatenate([np.eye(size), -np.eye(size)]).reshape(2 * size, *ws.shape[1:]) * step
  moved = (ws[:, None] + moves[None]).reshape(-1, *ws.shape[1:])
  img = np.asarray(gan.synthesize(jnp.asarray(moved, jnp.float32)), np.float64)
  inner = (img.reshape(SAMPLES, 2 * size, 4, 4, 3) * y).sum((2, 3, 4))  # [N, 2 size]
  gradient = (inner[:, :size] - inner[:, size:]) / (2 * step)
  lengths = np.sqrt(np.square(gradient).sum(1) / ws.shape[1])
  assert computed['mean path length']['as it is'] == pytest.approx([lengths.mean()], rel=0.01)
  spread = computed['spread of path lengths / mean']['as it is']
  assert spread == pytest.approx([lengths.std() / lengths.mean()], rel=0.03)


def test_squared_gradients_and_feature_sizes(computed):
  gradients = computed['squared gradient of D'] | computed['squared gradient of D, lazy or not']
  assert set(gradients) == {'as it is', 'no R1', 'every step'}
  values = [value for (value,) in gradients.values()]
  assert min(values) > 0
  assert len(set(values)) == 3
  ratios = computed['strongest image / weakest, in the layer where that is largest']
  assert all(value > 1 for (value,) in ratios.values())


def test_times(computed, place):
  """Kinds of steps by their regularizers, each with its first decile; the first step aside."""
  mean = {}
  for name in ('as_it_is', 'every_step'):
    kinds = {}
    for record in records(place, name)[1:]:
      kinds.setdefault(sum(k in record for k in ('loss_pl', 'r1_penalty')), []).append(record)
    decile = {k: np.quantile([r['seconds'] for r in of], 0.1) for k, of in kinds.items()}
    mean[name] = sum(decile[k] * len(of) for k, of in kinds.items()) / (STEPS - 1)
    found = computed['seconds per step'][name.replace('_', ' ')]
    assert found == pytest.approx([mean[name]], rel=1e-9)
  assert computed['time saved'] == pytest.approx(1 - mean['as_it_is'] / mean['every_step'])


def test_as_it_is_saved():
  running.check_saved(NOTEBOOK, pictures=6)
