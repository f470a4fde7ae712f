"""Divergence is told once, and sound runs hear nothing."""

import numpy as np
import pytest

from stylegan2_jax.settings import AugmentSettings, TrainSettings
from stylegan2_jax.training.alarms import Alarms

RNG = np.random.default_rng(0)


def run(logits, path=None, steps=2000, first=1, kimg=0.1, **train):
  """{step: warnings} of a run whose step s has logits(s) = (real, fake) and path(s)."""
  alarms, heard = Alarms(TrainSettings(**train), AugmentSettings()), {}
  for step in range(first, first + steps):
    real, fake = logits(step)
    record = {'step': step, 'kimg': step * kimg, 'logits_real': real, 'logits_fake': fake}
    if path is not None and (step - 1) % 4 == 0:
      record |= dict(zip(('path_length', 'pl_mean'), path(step), strict=True))
    warnings = alarms.update(record)
    if warnings:
      heard[step] = warnings
  return heard


def sound(step):
  """As wide as in any run seen: single batches reach 20."""
  return 6 + 5 * RNG.standard_normal(), -4 + 4 * RNG.standard_normal()


def settling(step):
  """pl_mean on its way from 0, with decay 0.01 every 4 steps, to lengths of about 0.4."""
  length = 0.4 * np.exp(0.3 * RNG.standard_normal())
  return length, 0.4 * (1 - 0.99 ** ((step + 3) // 4))


def test_a_sound_run():
  assert run(sound, settling, 5000) == {}


def test_without_path_lengths():
  assert run(sound, None) == {}
  assert run(sound, lambda step: (1.0, 0.0), pl_decay=0.0) == {}


@pytest.mark.parametrize(
  ('real', 'fake', 'text'),
  [
    (35.0, -41.0, 'the logits run away (mean logit 35.0 for reals, -41.0 for fakes)'),
    (-2.0, -25.0, 'the logits run away'),
    (3.0, 30.0, 'the discriminator has lost (mean logit 3.0 for reals, 30.0 for fakes)'),
    (-4.0, -2.5, 'the discriminator has lost'),
    (30.0, 25.0, 'the discriminator has lost'),
  ],
)
def test_logits(real, fake, text):
  """Said at step 50, when there is enough to judge, and again after 100 kimg."""
  heard = run(lambda step: (real, fake))
  assert list(heard) == [50, 1050]
  assert text in heard[50][0]
  assert len(heard[50]) == 1


def test_logits_that_drift_away():
  heard = run(lambda step: (step / 50, -step / 50), steps=1500)
  assert list(heard) == [1000 + 49]  # by which smoothing lags


def test_what_to_do_can_be_done():
  """In the same workdir, the run could not go on with such settings."""
  lost, won = run(lambda step: (3.0, 30.0)), run(lambda step: (35.0, -41.0))
  path = run(lambda step: (1.0, -1.0), lambda step: (4.0 if step > 2000 else 0.4, 0.4), 2400)
  for heard, what in (
    (lost, 'a lower train.learning_rate'),
    (won, 'a higher train.r1_gamma'),
    (path, 'a lower train.learning_rate'),
  ):
    text = next(iter(heard.values()))[0]
    assert text.endswith(f'; if it stays so, begin anew in another --workdir with {what}')


def test_a_single_batch_is_no_alarm():
  assert run(lambda step: (500.0, -300.0) if step == 777 else (1.0, -1.0)) == {}


def test_nothing_is_said_of_the_first_steps_of_a_process():
  heard = run(lambda step: (30.0, -30.0), steps=49, first=5000)
  assert heard == {}


def test_path_lengths_explode():
  """By ten times at step 2001; pl_mean follows slowly."""
  state = {'mean': 0.4}

  def path(step):
    length = 4.0 if step > 2000 else 0.4
    state['mean'] += 0.01 * (length - state['mean'])
    return length, state['mean']

  heard = run(lambda step: (1.0, -1.0), path, 2400)
  assert len(heard) == 1
  step, (text,) = heard.popitem()
  assert 2000 < step < 2040
  assert text.startswith('path lengths explode (4.')


def test_the_warm_up_lasts_over_processes():
  """A run that goes on at step 1300 has its pl_mean: 300 phases of every fourth step are done."""
  jump = run(lambda step: (1.0, -1.0), lambda step: (4.0, 0.4), 100, first=1301)
  assert list(jump) == [1301 + 4 * 9]
  assert run(lambda step: (1.0, -1.0), lambda step: (4.0, 0.4), 1200) == {}


def test_logits_that_may_lie_anywhere():
  """A critic's have no zero; path lengths are another matter."""
  far = {'logits': lambda step: (-35.0, -41.0), 'path': lambda step: (9.0, 1.0)}
  assert list(run(**far, loss='wgan')) == [1237]
  assert 'path lengths explode' in run(**far, loss='relativistic')[1237][0]


def test_path_lengths_in_every_step():
  """Not lazily: pl_mean is as far after a quarter of the steps, and not before."""
  heard = run(sound, lambda step: (9.0, 1.0), pl_interval=0)
  assert min(heard) > 300


def strengths(p, **augment):
  """{step: warnings} of a run whose augmentation strength is p(step)."""
  alarms, heard = Alarms(TrainSettings(), AugmentSettings(kind='ada', **augment)), {}
  for step in range(1, 1201):
    record = {'step': step, 'kimg': step * 0.1, 'logits_real': 1.0, 'logits_fake': -1.0}
    warnings = alarms.update({**record, 'augment_p': p(step)})
    if warnings:
      heard[step] = warnings
  return heard


def test_augmentation_strength():
  """Up to 0.8 all is well; above it is told, and again after 100 kimg; so is a cap."""
  assert strengths(lambda step: 0.8) == {}
  heard = strengths(lambda step: step / 1000)
  assert list(heard) == [801]
  assert heard[801][0].startswith('the augmentation strength is 0.80: what it does may show')
  assert list(strengths(lambda step: 0.9)) == [1, 1001]
  (capped,) = strengths(lambda step: min(step / 1000, 0.5), p_max=0.5).items()
  assert capped[0] == 500
  assert 'has reached augment.p_max = 0.5' in capped[1][0]
