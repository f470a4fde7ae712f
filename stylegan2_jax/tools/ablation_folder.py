"""The folder of an ablation: its runs, and what it keeps of itself.

Layout:
  ablation.json          the base config, and the variants so far
  VARIANT/seedN/         an ordinary run each, with a folder of its own: see run_directory.py
  table.md, table.csv    mean and spread over seeds
  curves.png             the same over kimg
  log.txt                what the console said
"""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stylegan2_jax import config as config_lib
from stylegan2_jax import files, resuming
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.settings import Settings
from stylegan2_jax.tools.ablation_grid import Variant, folder_name
from stylegan2_jax.training.schedule import steps_for
from stylegan2_jax.words import reason
from stylegan2_jax.workdir_lock import WorkdirLock

_SEED = re.compile(r'seed(\d{1,10})', re.ASCII)
_FAILED = re.compile(r'[-\d]+ [:\d]+ failed: (.*)')
_OWN = ('ablation.json', 'log.txt')


class Member(NamedTuple):
  """One run of an ablation."""

  seed: int
  settings: Settings
  run: RunDirectory

  @property
  def finished(self) -> bool:
    """Whether its last checkpoint is there."""
    train = self.settings.train
    saved = saved_steps(self.run.checkpoints_path)
    return bool(saved) and saved[-1] >= steps_for(train.total_kimg, train.batch_size)

  def trouble(self) -> str | None:
    """How the run failed, from its log; None if that says nothing of the kind."""
    last = self.run.last_log_lines(1)
    found = _FAILED.match(last[0]) if last else None
    return found and found[1]

  def prepare(self) -> None:
    """Makes its folder, with its config, so that `train --workdir` begins or goes on.

    Raises:
      UserError: that cannot be, or another training has it.
    """
    with self.run.open(self.settings) as run:
      run.write_settings(self.settings)


class Row(NamedTuple):
  """A variant with its runs, by seed."""

  values: dict[str, object]
  members: list[Member]


class AblationFolder:
  """Paths, the record of base and variants, and a lock against a second command here."""

  def __init__(self, path: pathlib.Path):
    """Touches nothing."""
    self.path = path
    self.table_path, self.csv_path = path / 'table.md', path / 'table.csv'
    self.figure_path, self.log_path = path / 'curves.png', path / 'log.txt'
    self.rows: list[Row] = []
    self._record_path = path / 'ablation.json'
    self._lock = WorkdirLock(path / '.lock', 'ablation')

  def open(self, base: Settings, variants: Sequence[Variant], seeds: int) -> list[Member]:
    """Adds variants to the ablation here, or begins one; `rows` then has the earlier ones as well.

    Returns:
      Their runs, those of seed 0 first: a table of all variants is there soon.

    Raises:
      UserError: another base, a run of another config, a folder of something else, or one in use.
    """
    self._create()
    try:
      earlier = self._read(base)
      given = [[self._member(v, seed) for seed in range(seeds)] for v in variants]
      for member in (member for members in given for member in members):
        member.run.check(member.settings)
      values = {variant.name: variant.values for variant in variants}
      values |= {folder_name(v): v for v in earlier if folder_name(v) not in values}
      known = dict(zip(values, given, strict=False))
      self.rows = [Row(v, self._members(v, known.get(name, []))) for name, v in values.items()]
      record = {'base': dataclasses.asdict(base), 'variants': list(values.values())}
      with files.replacing(self._record_path) as file:
        file.write((json.dumps(record, indent=2) + '\n').encode())
    except BaseException as error:
      self.close()
      if isinstance(error, OSError):
        raise UserError(f'cannot write into {self.path}: {reason(error)}') from None
      raise
    return [members[seed] for seed in range(seeds) for members in given]

  def close(self) -> None:
    """Gives the lock back. Closing twice is harmless."""
    self._lock.close()

  def _create(self) -> None:
    """Makes the folder, unless something else is there, and locks it."""
    path = self.path
    try:
      if path.is_dir() and not self._record_path.exists():
        names = sorted(e.name for e in path.iterdir() if not e.name.startswith('.'))
        foreign = [name for name in names if name not in _OWN]
        if foreign:
          raise UserError(
            f'workdir {path} holds other files ({foreign[0]}, ...) and no ablation: '
            'name a new or empty folder'
          )
      path.mkdir(parents=True, exist_ok=True)
      self._lock.take()
    except OSError as error:
      raise UserError(f'cannot use workdir {path}: {reason(error)}; name another') from None

  def _read(self, base: Settings) -> list[Mapping]:
    """The values of the variants so far."""
    if not self._record_path.exists():
      return []
    try:
      record = json.loads(self._record_path.read_text(encoding='utf-8'))
      before, earlier = json.dumps(record['base']), [dict(v) for v in record['variants']]
    except (OSError, ValueError, TypeError, KeyError) as error:
      raise UserError(f'cannot read {self._record_path} ({reason(error)}): remove it') from None
    old = config_lib.from_json(before, str(self._record_path))
    resuming.check_resume(old, base, f'workdir {self.path}')
    return earlier

  def _member(self, variant, seed):
    run = RunDirectory(self.path / variant.name / f'seed{seed}')
    return Member(seed, dataclasses.replace(variant.settings, seed=seed), run)

  def _members(self, values, given):
    """Those of the command, and those of earlier ones that are there."""
    members = {member.seed: member for member in given}
    for path in (self.path / folder_name(values)).glob('seed*'):
      found, run = _SEED.fullmatch(path.name), RunDirectory(path)
      if found and int(found[1]) not in members and run.exists():
        members[int(found[1])] = Member(int(found[1]), run.read_settings(), run)
    return [members[seed] for seed in sorted(members)]
