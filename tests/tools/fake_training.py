"""Stands in for `launch.py train --workdir=DIR`: steps without networks, stopped and gone on alike.

Each step's loss_d is r1_gamma + seed + step, sign_real comes every fourth step. Checkpoints are
empty folders. An r1_gamma of 13 ends with an error at step 6, one of 14 by a signal, of 15 by
itself and without a word.
"""

import os
import pathlib
import signal
import sys
import time

from stylegan2_jax import supervisor
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.training.schedule import kimg_at, steps_for

EVERY = 5  # steps from checkpoint to checkpoint


def main(command, workdir):
  assert command == 'train'
  supervisor.parent()
  stop = []
  for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *unused: stop.append(1))
  path = pathlib.Path(workdir.removeprefix('--workdir='))
  settings = RunDirectory(path).read_settings()
  train = settings.train
  total = steps_for(train.total_kimg, train.batch_size)
  with RunDirectory(path).open(settings) as run:
    step = max(saved_steps(run.checkpoints_path), default=0)
    run.stats.cut(step)
    with run.log_path.open('a') as log:
      log.write(f'2026-01-01 00:00:00 begins at {step} as {os.getpid()}\n')
    print('begins at', step, os.environ.get('CUDA_VISIBLE_DEVICES', ''), flush=True)
    while step < total and not stop:
      time.sleep(float(os.environ.get('FAKE_SECONDS', '0')))
      step += 1
      record = {'step': step, 'kimg': kimg_at(step, train.batch_size)}
      record['loss_d'] = train.r1_gamma + settings.seed + step
      if step % 4 == 0:
        record['sign_real'] = 0.5
      run.stats.append(record)
      if step == 6 and train.r1_gamma in (13, 14, 15):
        fail(train.r1_gamma)
      if step % EVERY == 0 or step == total or stop:
        (run.checkpoints_path / str(step)).mkdir(exist_ok=True)
  return 0 if step == total else 75


def fail(how):
  if how == 13:
    print('error: loss_d is not finite\nand more', file=sys.stderr)
    sys.exit(1)
  if how == 14:
    os.kill(os.getpid(), signal.SIGKILL)
  os._exit(3)


if __name__ == '__main__':
  sys.exit(main(*sys.argv[1:]))
