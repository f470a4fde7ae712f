"""What ends a run that computes numbers which are not finite, and what is said before that."""

import math
from collections.abc import Callable, Sequence

from stylegan2_jax.errors import TrainingFailed
from stylegan2_jax.settings import TrainSettings
from stylegan2_jax.training.engine import Outcome

_SAID_AT_FIRST = 5  # bad steps that are each worth a line
_THEN_EVERY = 100
_NAMED = 3  # of many arrays, so many are named
_DONE = {'clean': 'NaN became 0 and infinity 1e5', 'skip': 'updates were left out'}
_ANEW = (
  'begin anew with a lower train.learning_rate, a higher train.r1_gamma or network.num_reduced=0'
)
_REMEDIES = {'clean': f'{_ANEW}, or go on with train.on_nonfinite=skip', 'skip': _ANEW}


class Guards:
  """Looks at every step's outcome. All hosts see the same and decide the same."""

  def __init__(self, train: TrainSettings, say: Callable[[str], None]):
    """`say` hears of gradients that are not finite: of the first few, then of every 100th."""
    self._train, self._say = train, say
    self._count = 0  # bad steps since this process began

  def check(self, step: int, outcome: Outcome) -> None:
    """Of the step after which `step` steps are done.

    Raises:
      TrainingFailed: a metric or a parameter is not finite, or `train.max_bad_steps` steps in a row
        had gradients that are not. What the state holds now must not be saved.
    """
    if outcome.nonfinite:
      self._count += 1
      if self._count <= _SAID_AT_FIRST or self._count % _THEN_EVERY == 0:
        self._say(self._warning(step, outcome))
    fault = self._fault(outcome)
    if fault:
      where = f'; gradients: {_tensors(outcome)}' if outcome.nonfinite else ''
      remedy = _REMEDIES[self._train.on_nonfinite]
      raise TrainingFailed(f'training broke in step {step}: {fault}{where}: {remedy}')

  def _warning(self, step, outcome):
    done = _DONE[self._train.on_nonfinite]
    more = f'; {self._count} such steps since the start' if self._count >= _SAID_AT_FIRST else ''
    return f'warning: gradients not finite in step {step}: {_tensors(outcome)}; {done}{more}'

  def _fault(self, outcome):
    """What the run cannot go on with; None if it can."""
    metrics = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
    if metrics:
      return f'{_some([f"{name} = {outcome.metrics[name]}" for name in metrics])}'
    if outcome.bad_params:
      return f'{_some(outcome.bad_params)} not finite'
    if outcome.bad_steps >= self._train.max_bad_steps:
      return f'gradients not finite in {outcome.bad_steps} steps in a row (train.max_bad_steps)'
    return None


def _tensors(outcome: Outcome) -> str:
  """`r1: b8.conv0.weight (12 values), b4.out.bias (1)`, the most affected first."""
  phases = []
  for phase, counts in outcome.nonfinite.items():
    most = sorted(counts, key=counts.get, reverse=True)
    phases.append(f'{phase}: {_some([f"{name} ({counts[name]} values)" for name in most])}')
  return ', '.join(phases)


def _some(names: Sequence[str]) -> str:
  """The first few of many names.

  >>> _some(['a', 'b', 'c', 'd', 'e'])
  'a, b, c and 2 more'
  """
  rest = len(names) - _NAMED
  return ', '.join(names[:_NAMED]) + (f' and {rest} more' if rest > 0 else '')
