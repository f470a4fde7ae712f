"""Warnings of a run that diverges while all its numbers are still finite.

The thresholds keep a distance from what sound runs do: over training on shapes and emoji at 32x32
and 64x64, with R1's gamma from 0.1 up, the smoothed logits stayed between -5 and 9, and the
smoothed path length below 1.4 times its mean.
"""

import math
from collections.abc import Mapping

from stylegan2_jax.settings import AugmentSettings, TrainSettings

_SAID_AGAIN_KIMG = 100.0
_LOGIT = 20.0  # a probability of 2e-9: no doubt is left that could teach anything
_REVERSED = -1.0  # fakes above reals by so much
_PATH_RATIO = 4.0  # reached where path lengths grow by 3 % in each of their phases
_LOGIT_STEPS = 50  # steps that a logit is smoothed over, and that come before any judgement
_PATH_PHASES = 10
_REMEDY = 'begin anew in another --workdir with a'  # a run may not change such settings
_LEAK = 0.8  # ADA, section 3.1: up to this p augmentations do not leak into what G draws
_WARM_UP = 3.0  # pl_mean starts at 0: after 3 / pl_decay of its phases it has 95 % of its value


class Alarms:
  """Follows the records of a run, which may have begun in an earlier process."""

  def __init__(self, train: TrainSettings, augment: AugmentSettings):
    """Smoothing begins anew with each process."""
    self._train, self._augment = train, augment
    phases = _WARM_UP / train.pl_decay if train.pl_decay else math.inf
    self._pl_warm = phases * max(train.pl_interval, 1)  # steps; 0: in every step
    self._real, self._fake = _Smooth(_LOGIT_STEPS), _Smooth(_LOGIT_STEPS)
    self._path = _Smooth(_PATH_PHASES)
    self._said: dict[str, float] = {}  # kind of alarm -> kimg at which it was raised

  def update(self, record: Mapping) -> list[str]:
    """What is to be said after a step, from its line of stats.jsonl; mostly nothing.

    Each kind of alarm is repeated only after another 100 kimg.
    """
    self._real.add(record['logits_real'])
    self._fake.add(record['logits_fake'])
    found = self._logit_alarms()
    if record.get('pl_mean') and record['step'] > self._pl_warm:
      self._path.add(record['path_length'] / record['pl_mean'])
      found |= self._path_alarms()
    if self._augment.kind == 'ada':
      found |= self._strength_alarms(record['augment_p'])
    due = [kind for kind in found if self._due(kind, record['kimg'])]
    self._said |= dict.fromkeys(due, record['kimg'])
    return [found[kind] for kind in due]

  def _logit_alarms(self):
    if not self._real.ready or not self._train.zero_decides:
      return {}  # logits of the other losses may lie anywhere
    real, fake = self._real.value, self._fake.value
    logits = f'mean logit {real:.1f} for reals, {fake:.1f} for fakes'
    if real - fake < _REVERSED or fake > _LOGIT:
      text = f'the discriminator has lost ({logits}): fakes pass as real whatever they show'
      return {'lost': f'{text}; if it stays so, {_REMEDY} lower train.learning_rate'}
    if max(abs(real), abs(fake)) > _LOGIT:
      text = f'the logits run away ({logits}): the discriminator is too sure to teach anything'
      return {'won': f'{text}; if it stays so, {_REMEDY} higher train.r1_gamma'}
    return {}

  def _path_alarms(self):
    if not self._path.ready or self._path.value <= _PATH_RATIO:
      return {}
    text = f'path lengths explode ({self._path.value:.1f} times their mean): the generator diverges'
    return {'path': f'{text}; if it stays so, {_REMEDY} lower train.learning_rate'}

  def _strength_alarms(self, p):
    cap = self._augment.p_max
    if cap is not None and p >= cap:
      text = f'the augmentation strength has reached augment.p_max = {cap:g}'
      return {'cap': f'{text}: the discriminator would overfit less with more, or with more images'}
    if p > _LEAK:
      text = f'the augmentation strength is {p:.2f}: what it does may show in the generated images'
      return {'leak': f'{text}; more images help, or {_REMEDY} augment.p_max of {_LEAK:g}'}
    return {}

  def _due(self, kind, kimg):
    return kimg - self._said.get(kind, -math.inf) >= _SAID_AGAIN_KIMG


class _Smooth:
  """An exponential moving average that is ready after as many values as it smooths over."""

  def __init__(self, count: int):
    self._count, self._seen = count, 0
    self.value = 0.0

  def add(self, value: float) -> None:
    self._seen += 1
    self.value += (value - self.value) / min(self._seen, self._count)

  @property
  def ready(self) -> bool:
    return self._seen >= self._count
