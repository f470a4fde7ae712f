"""Training from settings to the end: all is opened in an order in which nothing is done in vain.

Every host runs this. What happens on one alone (a file that is missing, a full disk) reaches the
others through `hosts`, so that all take the same turns.
"""

import contextlib
import dataclasses
import pathlib

from stylegan2_jax import config as config_lib
from stylegan2_jax import validation
from stylegan2_jax.data.base import Source
from stylegan2_jax.data.choosing import choose
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import CommandError
from stylegan2_jax.reporting import watchers
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.settings import Settings
from stylegan2_jax.training import finetune, hosts, measuring, parallel
from stylegan2_jax.training.books import open_books
from stylegan2_jax.training.loop import Run
from stylegan2_jax.training.preemption import StopRequest


def train(settings: Settings, workdir: pathlib.Path, stop: StopRequest | None = None) -> None:
  """Trains until `train.total_kimg`, going on where the run in `workdir` stopped.

  Args:
    settings: of the run.
    workdir: its folder, which only the first host needs to have.
    stop: asks it to save and end; None: nothing does.

  Raises:
    UserError: settings, data, workdir or checkpoint do not fit, and nothing is changed then; or an
      image cannot be read while training.
    TrainingFailed: numbers are not finite, devices disagree, or the disk is full.
    Preempted: it was asked to stop, and has saved.
  """
  with contextlib.ExitStack() as stack:
    hosts.check_same('config', config_lib.to_json(_without_places(settings)))
    validation.validate(settings, parallel.device_count())
    with hosts.together('looking at the workdir'):  # before a data set is prepared in vain
      watchers.check(settings.log)
      if hosts.is_first():
        RunDirectory(workdir).check(settings)
    with hosts.together('opening the data'):
      whole = hosts.first_then_others('opening the data', lambda: open_source(settings.data))
      source, held_out = choose(whole)
    hosts.check_same('set of images', source.fingerprint())
    with hosts.together('looking at the metrics'):
      if hosts.is_first():
        measuring.check(settings, len(whole))
    with hosts.together('looking at finetune.start'):
      if hosts.is_first():
        _check_start(settings, RunDirectory(workdir), source)
    with hosts.together('opening the workdir'):
      books = stack.enter_context(
        contextlib.closing(open_books(settings, workdir, source, whole, hosts.is_first()))
      )
    run = Run(settings, (source, held_out), books, StopRequest() if stop is None else stop)
    stack.enter_context(contextlib.closing(run))
    ending = None
    try:
      run.go()
    except CommandError as error:  # on all hosts at once: see Run
      ending = error
    with hosts.together('closing the run'):  # a host that leaves early would end the others
      ending = books.ended(ending)
    if ending is not None:
      raise ending


def _check_start(settings: Settings, run: RunDirectory, source: Source) -> None:
  """Refuses weights that a new run cannot begin with, before anything of it is written."""
  if settings.finetune.start and not saved_steps(run.checkpoints_path):
    c_dim = source.label_dim if settings.data.labels else 0
    finetune.look_at(settings, finetune.state_shapes(settings, c_dim))


def _without_places(settings: Settings) -> Settings:
  """Hosts may have the data in different places."""
  return dataclasses.replace(settings, data=dataclasses.replace(settings.data, source='', dir=''))
