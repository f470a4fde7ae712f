"""What each command does: it settles flags and config, then starts the tool.

A command returns its exit status, or None for 0.

JAX is imported only once flags and config have proven good, so that help and complaints come
at once.
"""

import argparse
import os
import pathlib
import sys

from stylegan2_jax import backend, cluster, command_line, supervisor
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError


def train(flags: argparse.Namespace) -> int | None:
  """Trains, or goes on with the run that --workdir holds; as one of several hosts, in a child."""
  workdir, parent = pathlib.Path(flags.workdir), supervisor.parent()
  found = cluster.find(flags.coordinator, flags.num_processes, flags.process_id, os.environ)
  settings = command_line.training_settings(flags.config, flags.overrides, workdir)
  backend.prepare(deterministic=settings.train.deterministic)
  if flags.dry_run:
    from stylegan2_jax.tools import plan

    plan.print_plan(_adapted(settings, flags, workdir), workdir)
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
      session.train(_adapted(settings, flags, workdir), workdir, stop)
  return None


def _adapted(settings: Settings, flags: argparse.Namespace, workdir) -> Settings:
  """With what a preset derives from the data and the devices, which are all there by now.

  The first host looks at the data and the workdir, which the others may not have.
  """
  from stylegan2_jax.training import hosts, parallel

  fields = {}
  with hosts.together('adapting the config'):
    if hosts.is_first():
      fields = command_line.derived_fields(
        flags.config, flags.overrides, workdir, parallel.device_count
      )
  fields = hosts.first_says(fields)
  if not fields:
    return settings
  if hosts.is_first():
    texts = (f'{v:g}' if isinstance(v, float) else f'{v}' for v in fields.values())
    shown = ', '.join(f'{field}={text}' for field, text in zip(fields, texts, strict=True))
    print(f'{flags.config} sets {shown}', flush=True)
  return command_line.with_derived(settings, fields)


def profile(flags: argparse.Namespace) -> None:
  """Times and traces the phases of a training step."""
  if flags.config is None and flags.workdir is None:
    raise UserError('--config is missing: name a preset, or the --workdir of a run')
  workdir = None if flags.workdir is None else pathlib.Path(flags.workdir)
  settings = command_line.training_settings(flags.config, flags.overrides, workdir)
  backend.prepare(deterministic=settings.train.deterministic)
  from stylegan2_jax.tools import profile as tool

  tool.profile_command(_adapted(settings, flags, workdir), flags.out, flags.steps)


def progress(flags: argparse.Namespace) -> None:
  """Shows the grids of a run as a film or a table."""
  from stylegan2_jax.tools import progress as tool

  tool.progress_command(pathlib.Path(flags.workdir), flags.out, flags.seconds, flags.width)


def ablate(flags: argparse.Namespace) -> None:
  """Trains variants of a preset, and compares them."""
  if flags.devices and flags.jobs:
    raise UserError('--jobs and --devices exclude each other: each device trains one run at a time')
  from stylegan2_jax.tools import ablate as tool

  tool.ablate_command(
    config=flags.config,
    overrides=flags.overrides,
    workdir=pathlib.Path(flags.workdir),
    vary=flags.vary,
    seeds=flags.seeds,
    devices=flags.devices or [None] * (flags.jobs or 1),
    of=flags.of,
    last=flags.last,
    time_limit=flags.time_limit,
  )


def watch(flags: argparse.Namespace) -> None:
  """Shows live how a run stands."""
  from stylegan2_jax.tools import watch as tool

  tool.watch_command(pathlib.Path(flags.workdir), flags.once)


def summary(flags: argparse.Namespace) -> None:
  """Prints both networks of a config, layer by layer."""
  settings = command_line.network_settings(flags.config, flags.overrides)
  backend.prepare()
  from stylegan2_jax.tools import summary as tool

  tool.print_summary(_adapted(settings, flags, None))


def sample(flags: argparse.Namespace) -> None:
  """Draws images from a trained model."""
  backend.prepare()
  from stylegan2_jax.tools import sample as tool

  tool.sample_command(
    workdir=pathlib.Path(flags.workdir),
    seeds=flags.seeds,
    truncation_psi=flags.truncation_psi,
    truncation_center=flags.truncation_center,
    noise_mode=flags.noise_mode,
    out=flags.out,
    label=flags.label,
    step=flags.step,
  )


def prepare(flags: argparse.Namespace) -> None:
  """Makes a data set of images."""
  from stylegan2_jax.tools import prepare as tool

  tool.prepare_command(flags)


def inspect(flags: argparse.Namespace) -> None:
  """Says what is in a prepared data set."""
  from stylegan2_jax.tools import inspect as tool

  tool.inspect_command(flags.data, flags.data_dir, flags.out)


COMMANDS = {
  'train': train,
  'watch': watch,
  'progress': progress,
  'ablate': ablate,
  'profile': profile,
  'summary': summary,
  'sample': sample,
  'prepare': prepare,
  'inspect': inspect,
}
