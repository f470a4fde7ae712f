"""Names of metrics: what each means, and what is said of others."""

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics import names

# name: (kind, network, fakes, real images at most (None: all), k)
MEANT = {
  'fid50k_full': ('fid', 'inception', 50_000, None, 0),
  'fid50k': ('fid', 'inception', 50_000, 50_000, 0),
  'fid2500': ('fid', 'inception', 2500, 2500, 0),
  'kid50k_full': ('kid', 'inception', 50_000, 1_000_000, 0),
  'pr50k3_full': ('pr', 'vgg16', 50_000, 200_000, 3),
  'pr5005': ('pr', 'vgg16', 500, 500, 5),
  'dc10k5': ('dc', 'vgg16', 10_000, 10_000, 5),
  'is50k': ('is', 'inception', 50_000, 0, 0),
  'swd': ('swd', 'patches', None, None, 0),
  'swd4k': ('swd', 'patches', 4000, 4000, 0),
  'frechet5k_random': ('frechet', 'random', 5000, 5000, 0),
  'frechet5k_full_random': ('frechet', 'random', 5000, None, 0),
  'kernel5k_random': ('kernel', 'random', 5000, 5000, 0),
  'shapes1k': ('shapes', 'shapes', 1000, 1000, 0),
}


@pytest.mark.parametrize('name', MEANT)
def test_what_a_name_means(name):
  found = names.parse_one(name)
  assert (found.kind, found.network, found.num_fakes, found.num_reals, found.k) == MEANT[name]
  assert found.name == name
  assert found.needs_reals == (found.kind != 'is')


def test_path_lengths():
  found = {n: names.parse_one(n) for n in ('ppl2_wend', 'ppl_zfull', 'ppl_wend_2k')}
  meant = {n: (m.space, m.sampling, m.crop, m.num_fakes) for n, m in found.items()}
  assert meant == {
    'ppl2_wend': ('w', 'end', False, 50_000),
    'ppl_zfull': ('z', 'full', True, 50_000),
    'ppl_wend_2k': ('w', 'end', True, 2000),
  }
  assert not any(metric.needs_reals for metric in found.values())


def test_every_example_is_a_metric():
  assert [metric.name for metric in names.parse(','.join(names.EXAMPLES))] == list(names.EXAMPLES)
  assert {names.parse_one(name).kind for name in names.EXAMPLES} == set(names._PATTERNS)


def test_lists():
  assert names.parse(' ') == ()
  assert [metric.name for metric in names.parse('swd, fid5k')] == ['swd', 'fid5k']


@pytest.mark.parametrize(
  ('text', 'said'),
  [
    ('fid_50k', "unknown metric 'fid_50k': did you mean fid50k?"),
    ('swd,,fid5k', "unknown metric ''"),
    (',', "unknown metric ''"),
    ('fid1', 'fid1 is of too few images: it takes at least 2'),
    ('kernel1_random', 'at least 2'),
    ('pr33', 'at least 4'),
    ('is9', 'at least 10'),
    ('fid0', 'unknown metric'),
    ('pr50k', 'unknown metric'),
    ('fid50K_full', 'did you mean fid50k_full?'),
    ('fid50k_random', 'unknown metric'),
    ('swd,fid5k,swd', 'metric swd is named twice'),
    ('fid٥k', 'unknown metric'),
    ('x' * 500, 'there are fid50k_full'),
  ],
)
def test_unknown_names(text, said):
  with pytest.raises(UserError, match=r'^[^\n]{,500}$') as caught:
    names.parse(text)
  assert said in str(caught.value)


def test_values_and_what_is_better():
  metrics = names.parse('fid5k,fid5k_full,pr5k3,is5k,dc5k5')
  assert [metric.headline for metric in metrics] == [
    'fid5k', 'fid5k_full', 'pr5k3_precision', 'is5k_mean', 'dc5k5_density',
  ]  # fmt: skip
  assert names.of_value(metrics, 'fid5k_full').name == 'fid5k_full'
  assert names.of_value(metrics, 'pr5k3_recall').name == 'pr5k3'
  assert names.of_value(metrics, 'kid5k') is None
  better = [name for metric in metrics for name in names.value_names(metric)]
  assert [name for name in better if names.higher_is_better(name)] == [
    'pr5k3_precision', 'pr5k3_recall', 'is5k_mean', 'dc5k5_density', 'dc5k5_coverage',
  ]  # fmt: skip
