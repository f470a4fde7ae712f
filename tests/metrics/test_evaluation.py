"""Evaluations from end to end, on feature networks that compile in no time."""

import dataclasses
import functools
import itertools
import json
import os
import shutil
import time

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metrics import collection, evaluation, names, passes
from stylegan2_jax.metrics.fakes import Fakes
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.formulas import manifolds
from stylegan2_jax.metrics.formulas.inception_score import inception_score
from stylegan2_jax.metrics.formulas.kernel_distance import kernel_distance
from stylegan2_jax.metrics.image_sets import SourceImages
from stylegan2_jax.settings import DataSettings
from stylegan2_jax.workdir_lock import WorkdirLock
from tests.helpers import limit_devices, noise_pictures, png
from tests.metrics.test_fakes import model

WIDTH = 6
ALL = 'fid300_full,fid300,kid300,pr300k3,dc300k5,is300'.replace('300k', '300')


def _features(weights, images, numbers):
  x = images.astype(jnp.float32) / 255
  x = jnp.concatenate([x.mean((1, 2)), x[:, ::4, ::4].std((1, 2))], axis=1) @ weights
  return {'features': x, 'probabilities': jnp.exp(x) / jnp.exp(x).sum(1, keepdims=True)}


def plain_features(images, weights):
  x = np.asarray(images, np.float64) / 255
  return np.concatenate([x.mean((1, 2)), x[:, ::4, ::4].std((1, 2))], axis=1) @ weights


WEIGHTS = np.random.default_rng(3).standard_normal((WIDTH, WIDTH)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_networks(monkeypatch, tmp_path):
  """Stand-ins for the networks that need weights, and a cache of one's own."""

  def networks(metrics, size):
    return {
      name: FeatureNetwork(name, _features, WEIGHTS, {'network': name, 'sha256': 'x'})
      for name in dict.fromkeys(metric.network for metric in metrics)
    }

  monkeypatch.setattr(evaluation, 'networks_for', networks)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def reals(tmp_path):
  folder = tmp_path / 'reals'
  folder.mkdir()
  for i, picture in enumerate(noise_pictures(400, 16, 16)):
    (folder / f'{i:03d}.png').write_bytes(png(picture))
  return open_source(DataSettings(source=str(folder), resolution=16))


@pytest.fixture
def fakes():
  return Fakes(*model())


def run(metrics, fakes, reals, scratch, **more):
  said = []
  chosen = names.parse(metrics)
  return list(evaluation.evaluate(chosen, fakes, reals, scratch, said.append, **more)), said


def values(found):
  return {name: value for result in found for name, value in result.values.items()}


def test_fid_is_what_its_definition_says(fakes, reals, tmp_path):
  found, _ = run('fid300_full', fakes, reals, tmp_path / 's')
  drawn = np.concatenate(list(fakes.batches(0, 300, 30)))
  data = np.concatenate(list(SourceImages(reals).batches(0, 400, 50)))
  a, b = (plain_features(x, WEIGHTS) for x in (data, drawn))
  covariances = [np.cov(x, rowvar=False) for x in (a, b)]
  root = linalg.sqrtm(covariances[0] @ covariances[1]).real
  expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
  assert values(found)['fid300_full'] == pytest.approx(expected, rel=1e-4)


def test_the_others_are_their_formulas(reals, tmp_path):
  """With the papers' numbers of subsets, splits and neighbours, and either side in its place."""
  folder = tmp_path / 'fakes'
  folder.mkdir()
  for i, picture in enumerate(noise_pictures(700, 16, 16)[400:]):
    (folder / f'{i:03d}.png').write_bytes(png(picture // (1 + i % 2)))  # half of them are darker
  fakes = SourceImages(open_source(DataSettings(source=str(folder), resolution=16)))
  found = values(run('kid300,pr3003,dc3005,is300', fakes, reals, tmp_path / 's')[0])
  sides = (SourceImages(reals, 300), fakes)
  real, fake = (
    plain_features(np.concatenate(list(side.batches(0, 300, 50))), WEIGHTS) for side in sides
  )
  kernel = kernel_distance(real, fake, 100, 1000)
  assert found['kid300'] == pytest.approx(kernel.mean, rel=1e-3)
  precision, recall = manifolds.precision_recall(real, fake, 3)
  density, coverage = manifolds.density_coverage(real, fake, 5)
  assert abs(precision - recall) > 0.1
  assert abs(density - coverage) > 0.1
  for name, expected in (
    ('pr3003_precision', precision), ('pr3003_recall', recall),
    ('dc3005_density', density), ('dc3005_coverage', coverage),
  ):  # fmt: skip
    assert found[name] == pytest.approx(expected, abs=0.02), name
  scores = np.exp(fake) / np.exp(fake).sum(1, keepdims=True)
  mean, std = inception_score(scores, 10)
  assert (found['is300_mean'], found['is300_std']) == pytest.approx((mean, std), rel=1e-3)


def test_one_pass_over_the_fakes_for_all(fakes, reals, tmp_path, monkeypatch):
  passes = []
  batches = Fakes.batches
  monkeypatch.setattr(
    Fakes, 'batches', lambda self, *at: passes.append(at[:2]) or batches(self, *at)
  )
  found, said = run(ALL, fakes, reals, tmp_path / 's')
  assert passes == [(0, 300)]
  assert [result.metric.name for result in found] == ALL.split(',')
  assert sum('the generator' in line for line in said) == 1
  assert not (tmp_path / 's').exists()
  alone = values(run('is300', Fakes(*model()), reals, tmp_path / 't')[0])
  assert alone.items() <= values(found).items()


def test_recipe(fakes, reals, tmp_path):
  found, _ = run('fid300,pr300' + '3', fakes, reals, tmp_path / 's')
  recipe = json.loads(json.dumps(found[0].recipe))
  assert recipe['fakes']['count'] == 300
  assert recipe['fakes']['seeds'] == '0-299'
  assert recipe['fakes']['psi'] == 1.0
  assert recipe['reals']['count'] == 300
  assert recipe['reals']['part'] == '300 of 400, evenly chosen'
  assert len(recipe['reals']['sha256']) == len(recipe['fakes']['sha256']) == 64
  assert recipe['features'] == {'network': 'inception', 'sha256': 'x'}
  assert recipe['covariance'] == 'divided by n - 1'
  assert found[1].recipe['k'] == 3


def test_features_of_reals_are_kept(fakes, reals, tmp_path, monkeypatch):
  first, said = run(ALL, fakes, reals, tmp_path / 's')
  assert any(str(reals.data.source) in line for line in said)
  monkeypatch.setattr(SourceImages, '_image', None)  # whatever reads an image now fails
  again, said = run(ALL, fakes, reals, tmp_path / 's')
  assert values(again) == values(first)
  assert not any(str(reals.data.source) in line for line in said)


def test_other_weights_are_other_features(fakes, reals, tmp_path, monkeypatch):
  first, _ = run('fid300', fakes, reals, tmp_path / 's')
  networks = evaluation.networks_for

  def others(metrics, size):
    return {
      name: dataclasses.replace(n, weights=WEIGHTS[::-1], recipe={**n.recipe, 'sha256': 'y'})
      for name, n in networks(metrics, size).items()
    }

  monkeypatch.setattr(evaluation, 'networks_for', others)
  assert values(run('fid300', fakes, reals, tmp_path / 's')[0]) != values(first)


def test_one_device_equals_four(fakes, reals, tmp_path, monkeypatch):
  four = values(run(ALL, fakes, reals, tmp_path / 's')[0])
  limit_devices(monkeypatch, 1)
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'other'))
  one, _ = run(ALL, Fakes(*model()), reals, tmp_path / 's')
  assert values(one) == four


@pytest.mark.parametrize('after', [1, 3, 9])
def test_interrupted_equals_uninterrupted(fakes, reals, tmp_path, monkeypatch, after):
  monkeypatch.setattr(collection, 'BLOCK', 64)
  monkeypatch.setattr(collection, '_SAVE_SECONDS', 0.0)
  whole = values(run(ALL, fakes, reals, tmp_path / 's')[0])
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'other'))
  for _ in range(100):
    asked = itertools.count()
    stop = functools.partial(_is_above, asked, after)
    try:
      found, _ = run(ALL, Fakes(*model()), reals, tmp_path / 's', stop=stop)
      break
    except Preempted:
      continue
  assert values(found) == whole


def test_interrupted_passes_of_others_stay(fakes, reals, tmp_path):
  """Until their command is given again, or for a week."""
  with pytest.raises(Preempted):
    run('fid300', fakes, reals, tmp_path / 's', stop=lambda: True)
  (left,) = (tmp_path / 's').iterdir()
  run('fid20', fakes, reals, tmp_path / 's')
  assert list((tmp_path / 's').iterdir()) == [left]
  long_ago = time.time() - 8 * 24 * 3600
  for path in (*left.iterdir(), left):
    os.utime(path, (long_ago, long_ago))
  run('fid20', fakes, reals, tmp_path / 's')
  assert not (tmp_path / 's').exists()


def test_the_folder_goes_meanwhile(fakes, reals, tmp_path):
  """As another evaluation that ends removes it."""
  chosen = names.parse('fid300,is20')
  results = evaluation.evaluate(chosen, fakes, reals, tmp_path / 's', lambda line: None)
  next(results)
  shutil.rmtree(tmp_path / 's')
  assert [result.metric.name for result in results] == ['is20']


def _is_above(numbers, limit):
  return next(numbers) >= limit


def test_two_sets_of_images(reals, tmp_path):
  """Halves of one set are close, and a set is at 0 from itself."""
  same, _ = run('fid400,pr4003', SourceImages(reals), reals, tmp_path / 's')
  assert values(same)['fid400'] == pytest.approx(0, abs=1e-6)
  assert values(same)['pr4003_precision'] == values(same)['pr4003_recall'] == 1


def test_grey_images_are_seen_as_colors(tmp_path):
  for name, channels in (('grey', 1), ('color', 3)):
    folder = tmp_path / name
    folder.mkdir()
    for i, picture in enumerate(noise_pictures(40, 16, 16, 1)):
      (folder / f'{i:03d}.png').write_bytes(png(picture.repeat(channels, axis=2)))
  sources = [
    open_source(DataSettings(source=str(tmp_path / name), resolution=16, channels=channels))
    for name, channels in (('grey', 1), ('color', 3))
  ]
  found = [
    values(run('is40', SourceImages(source), source, tmp_path / 's')[0]) for source in sources
  ]
  assert found[0] == found[1]


def test_too_few_images(fakes, reals, tmp_path):
  said = r'fid5k asks for 5000 images of .*reals, which has 400: ask for fewer, as in fid400$'
  with pytest.raises(UserError, match=said):
    run('fid5k', SourceImages(reals), reals, tmp_path / 's')
  with pytest.raises(UserError, match=r'swd4k asks for 4000 .* as in swd400$'):
    run('swd4k', fakes, reals, tmp_path / 's')


def test_too_small_a_data_set():
  """Said before anything is done, as `evaluate` would say it."""
  evaluation.check(names.parse('frechet5k_random,swd9,shapes1k'), 'few', (16, 16), 9)
  said = r'^frechet5k_random takes at least 2 images, and few has 1: leave it out$'
  with pytest.raises(UserError, match=said):
    evaluation.check(names.parse('frechet5k_random'), 'few', (16, 16), 1)
  with pytest.raises(UserError, match=r'^swd10 asks for 10 images of few, .* as in swd9$'):
    evaluation.check(names.parse('swd10'), 'few', (16, 16), 9)


def test_sets_of_different_form(fakes, reals, tmp_path):
  other = dataclasses.replace(reals.data, resolution=8)
  with pytest.raises(UserError, match=r'not alike \(8x8, 3 channels; 16x16, 3'):
    run('fid300', fakes, open_source(other), tmp_path / 's')


def test_fewer_reals_than_asked_are_noted(fakes, reals, tmp_path):
  found, _ = run('fid500', fakes, reals, tmp_path / 's')
  assert found[0].recipe['reals']['count'] == 400
  notes = ' '.join(found[0].recipe['notes'])
  assert '400 real images' in notes
  assert '50,000' in notes


def test_another_evaluation_at_the_same_time(fakes, reals, tmp_path, monkeypatch):
  """Of the same model, which has the folders: this one works beside it, and leaves them alone."""
  expected = values(run('fid300', fakes, reals, tmp_path / 's')[0])
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'other'))
  others = []
  take = passes.WorkdirLock.take

  def taken_first(lock):
    if not lock.path.parent.name.startswith('unshared'):
      others.append(WorkdirLock(lock.path))
      take(others[-1])
    take(lock)

  monkeypatch.setattr(passes.WorkdirLock, 'take', taken_first)
  try:
    assert values(run('fid300', fakes, reals, tmp_path / 's')[0]) == expected
    left = [path.relative_to(tmp_path) for path in tmp_path.glob('s/*')]
    assert len(left) == 1
    assert [path.name for path in (tmp_path / left[0]).iterdir()] == ['.lock']
  finally:
    for lock in others:
      lock.close()
  monkeypatch.undo()


def test_the_cache_is_where_results_say_nothing_of_it(fakes, reals, tmp_path):
  (tmp_path / 'cache').write_text('a file, no folder')
  assert values(run('fid300', fakes, reals, tmp_path / 's')[0])['fid300'] > 0
