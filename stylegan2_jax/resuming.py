"""What a resumed run may change of its config, and what it may not."""

from stylegan2_jax.config import flatten
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import Settings

# Fields that a resumed run may change: how long, how often, where from, how fast; never what. (That
# data.source has the same pictures as ever, their fingerprint tells.) And what becomes of numbers
# that are not finite, so that a run which they ended can be gone on with.
_MAY_CHANGE = {
  *('train.total_kimg', 'train.snapshot_kimg', 'train.keep', 'train.keep_every'),
  *('train.deterministic', 'train.on_nonfinite', 'train.max_bad_steps'),
  *('data.source', 'data.dir', 'data.threads'),
}
_GROUPS_THAT_MAY_CHANGE = ('sample.', 'metrics.', 'log.')


def may_change(field: str) -> bool:
  """Whether a run may be resumed with another value of this (dotted) field."""
  return field in _MAY_CHANGE or field.startswith(_GROUPS_THAT_MAY_CHANGE)


def differences(old: Settings, new: Settings) -> dict[str, str]:
  """The fields that differ, each with a readable line such as `train.batch_size: 32 -> 64`."""
  before, after = flatten(old), flatten(new)
  changed = [field for field in before if before[field] != after[field]]
  return {field: f'{field}: {before[field]} -> {after[field]}' for field in changed}


def check_resume(old: Settings, new: Settings, where: str) -> None:
  """Refuses settings with which a run cannot go on.

  Raises:
    UserError: names the fields that differ and may not; `where` says what has the old settings.
  """
  changes = differences(old, new)
  refused = [text for field, text in changes.items() if not may_change(field)]
  if refused:
    raise UserError(
      f'{where} holds a run of another config ({"; ".join(refused)}): '
      'go back to that config or name another --workdir'
    )
