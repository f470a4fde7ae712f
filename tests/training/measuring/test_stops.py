"""What a kill or a stop while measuring leaves, and how the next process goes on."""

import pytest

from stylegan2_jax.errors import Preempted
from stylegan2_jax.run_directory import RunDirectory
from tests.training.measuring.stand_ins import Engine, Stop, places, records, saved


class Killed(BaseException):
  """The process is gone, as far as the run is concerned."""


def test_a_kill_while_measuring(told, train, run_dir):
  """The next start measures the rest, before its first step."""

  def kill(step, name, scratch):
    (scratch / 'half').touch()
    if (step, name) == (4, 'pr1003'):
      raise Killed

  told.hook = kill
  with pytest.raises(Killed):
    train(6, 'swd,pr1003')
  assert places(run_dir)[2:] == [(4, 'swd')]
  assert (Engine.steps, saved(run_dir)) == ([0, 1, 2, 3], [2, 4])
  (run_dir / 'measuring' / '6').mkdir()  # of a step that was lost
  seen = []
  told.hook = lambda step, name, scratch: seen.append(
    (step, name, len(Engine.steps), sorted(p.name for p in scratch.rglob('*')))
  )
  train(6, 'swd,pr1003')
  assert seen[0] == (4, 'pr1003', 4, ['half'])
  assert seen[1:] == [(6, 'swd', 6, []), (6, 'pr1003', 6, [])]
  assert places(run_dir) == [(step, name) for step in (2, 4, 6) for name in ('swd', 'pr1003')]
  assert [r['step'] for r, _ in RunDirectory(run_dir).stats.records()] == [1, 2, 3, 4, 5, 6]


def test_a_kill_before_the_checkpoint_was_complete(told, train, run_dir):
  """What was measured of it goes, as training comes there again."""
  train(4)
  (run_dir / 'checkpoints' / '4').rename(run_dir / 'checkpoints' / '4.orbax-checkpoint-tmp')
  told.values = {4: 9.0}
  train(4)
  assert [(r['step'], r['values']['swd']) for r in records(run_dir)] == [(2, 1.0), (4, 9.0)]


@pytest.mark.parametrize('steps', [4, 6])
def test_a_stop_while_measuring(told, train, run_dir, capsys, steps):
  """Also at the last step. It ends before the next step, and the next start goes on there."""
  stop = Stop()

  def say_stop(step, name, scratch):
    stop.said = step == 4

  told.hook = say_stop
  with pytest.raises(Preempted, match=r'^stopped at step 4 '):
    train(steps, stop=stop)
  assert 'stopped and saved at step 4 ' in capsys.readouterr().out
  assert (Engine.steps, saved(run_dir)) == ([0, 1, 2, 3], [2, 4])
  assert places(run_dir) == [(2, 'swd')]
  told.hook = lambda *asked: None
  train(steps)
  assert f'finished at step {steps} ' in capsys.readouterr().out
  assert [step for step, _ in places(run_dir)] == list(range(2, steps + 1, 2))
  assert Engine.steps == list(range(steps))


def test_a_stop_before_measuring(told, train, run_dir):
  """Nothing is begun."""
  stop, step = Stop(), Engine.step

  def stopping(self, number, *more):
    stop.said = number == 3
    return step(self, number, *more)

  Engine.step = stopping
  try:
    with pytest.raises(Preempted):
      train(6, stop=stop)
  finally:
    Engine.step = step
  assert told.asked == [(2, 'swd')]
  assert not (run_dir / 'measuring').exists()
  train(6)
  assert places(run_dir) == [(2, 'swd'), (4, 'swd'), (6, 'swd')]
