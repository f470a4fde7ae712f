"""`launch.py train`: its flags, and what it starts."""

import argparse
import os
import pathlib
import sys

from stylegan2_jax import backend, cluster, run_settings, supervisor
from stylegan2_jax.commands import values
from stylegan2_jax.commands.flags import FIELDS_NOTE
from stylegan2_jax.commands.parser import Parser, new_parser

_STATUS_NOTE = """\
Exit status: 0 finished; 75 stopped by Ctrl-C, SIGTERM or --time_limit, or another host was lost:
the same command goes on; 1 cannot go on as it is; 2 bad input.

"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('train', 'Trains a model, or goes on with one.', _STATUS_NOTE + FIELDS_NOTE)
  add = new.add_argument
  add('--config', metavar='FILE', help='a preset; left out, the run in --workdir goes on')
  add(
    '--workdir',
    type=values.path,
    metavar='DIR',
    help='folder of the run: pictures, log, checkpoints',
  )
  add(
    '--time_limit', type=values.duration, metavar='TIME',
    help='save and end with status 75 after 90m, 3.5h, 2d or 3:30:00 (default: no limit)',
  )  # fmt: skip
  add(
    '--dry_run', action='store_true',
    help='only print the plan: networks, memory, steps, where everything goes',
  )  # fmt: skip
  add(
    '--coordinator', metavar='HOST:PORT',
    help='on several hosts: the first one and a free port of it (found by itself under SLURM, '
    'Open MPI and on TPU pods, as the next two)',
  )  # fmt: skip
  add('--num_processes', type=int, metavar='N', help='on several hosts: how many processes train')
  add('--process_id', type=int, metavar='I', help='on several hosts: which of them this is, from 0')
  new.needed, new.takes_fields = ('workdir',), True
  return new


def run(flags: argparse.Namespace) -> int | None:
  """Trains, or goes on with the run that --workdir holds; as one of several hosts, in a child."""
  workdir, parent = pathlib.Path(flags.workdir), supervisor.parent()
  found = cluster.find(flags.coordinator, flags.num_processes, flags.process_id, os.environ)
  settings = run_settings.training_settings(flags.config, flags.overrides, workdir)
  backend.prepare(deterministic=settings.train.deterministic)
  if flags.dry_run:
    from stylegan2_jax.tools import plan

    plan.print_plan(run_settings.adapted(settings, flags.config, flags.overrides, workdir), workdir)
    if found is not None:
      print('\nnote: of several hosts this plan knows the devices of this one')
    return None
  if found is not None and parent is None:
    return supervisor.run([sys.executable, *sys.orig_argv[1:]])
  from stylegan2_jax.training.preemption import StopRequest

  stop = StopRequest(flags.time_limit)
  with stop.listening():  # before the other hosts are waited for
    from stylegan2_jax.training import joining, session

    with joining.joined(found, parent):
      session.train(
        run_settings.adapted(settings, flags.config, flags.overrides, workdir), workdir, stop
      )
  return None
