"""Presets: from a `configs/*.py` file and overrides to a `Settings`.

The only module of the package that knows `ConfigDict`. A preset builds one in
`get_config()`, overrides from the command line replace fields, `to_settings` freezes it.

A preset may have a function `adapt(config, facts)` beside `get_config()`. It is called once devices
and data can be looked at, with the config after overrides, and assigns fields. Those that the
command line gave stay as they are, whatever it assigns.
"""

import contextlib
import dataclasses
import pathlib
import re
import runpy
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from stylegan2_jax import config as config_lib
from stylegan2_jax.errors import UserError
from stylegan2_jax.facts import Facts, ImageForm
from stylegan2_jax.settings import Settings

_FINETUNE_ADA_KIMG = 100.0  # at most, where weights are not fresh (ADA, 2006.06676)
_BOOLS = {'true': True, 'yes': True, '1': True, 'false': False, 'no': False, '0': False}


class Preset(NamedTuple):
  """A preset with what the command line gave."""

  path: str
  config: ConfigDict  # with overrides, and what fine-tuning changes
  given: frozenset[str]  # fields of the command line
  adapt: Callable[[Any, Facts], None] | None

  def settings(self) -> Settings:
    """As they are before they are adapted."""
    return to_settings(self.config)


def load(path: str | pathlib.Path, overrides: Mapping[str, str] | None = None) -> Preset:
  """Runs a preset file and applies overrides and the rule for fine-tuning.

  Raises:
    UserError: as `load_preset`, `apply_overrides` and `to_settings`.
  """
  config, adapt = _run(pathlib.Path(path))
  config = apply_overrides(config, overrides or {})
  to_settings(config)  # so that rules find every field
  preset = Preset(str(path), config, frozenset(overrides or {}), adapt)
  _prepare_finetuning(_View(config, preset.given, {}))
  return preset


def derive(preset: Preset, facts: Facts) -> dict[str, object]:
  """The fields that a preset's `adapt` assigns, with their values; none if it has no `adapt`.

  Raises:
    UserError: what `facts` or `adapt` raises.
  """
  assigned: dict[str, object] = {}
  if preset.adapt is not None:
    config = ConfigDict(preset.config.to_dict()).lock()
    with _complaints(preset.path, 'adapt() of the config file'):
      preset.adapt(_View(config, preset.given, assigned), facts)
  return assigned


def recall(preset: Preset, saved: Settings) -> dict[str, object]:
  """What `derive` gave when a run was begun: the same fields, with the values that it saved.

  Raises:
    UserError: as `derive`.
  """
  data, values = saved.data, config_lib.flatten(saved)
  facts = Facts(lambda: 1, lambda: ImageForm(data.resolution, data.aspect, data.channels))
  return {field: values[field] for field in derive(preset, facts)}


def load_preset(path: str | pathlib.Path) -> ConfigDict:
  """Runs a preset file and returns what its `get_config()` returns.

  A preset anywhere on the disk may say `from configs import default`: while it runs, the
  folder that holds this package and `configs/` comes first on the import path.

  Raises:
    UserError: the file is missing, fails, or has no `get_config()` that gives a ConfigDict.
  """
  return _run(pathlib.Path(path))[0]


def _run(path: pathlib.Path) -> tuple[ConfigDict, Callable | None]:
  """(config, `adapt` if there is one) of a preset file."""
  if not path.is_file():
    raise UserError(f'no config file {path}: name an existing file, such as configs/shapes.py')
  root = str(pathlib.Path(__file__).resolve().parents[1])
  sys.path.insert(0, root)
  try:
    with _complaints(path, 'config file'):
      names = runpy.run_path(str(path))
      config = names['get_config']() if 'get_config' in names else None
  finally:
    sys.path.remove(root)
  if not isinstance(config, ConfigDict):
    raise UserError(
      f'config file {path} needs a function get_config() that returns an '
      'ml_collections.ConfigDict; copy configs/tiny.py to begin with'
    )
  return config, names.get('adapt')


@contextlib.contextmanager
def _complaints(path, what):
  """A user's file may fail in any way."""
  try:
    yield
  except UserError:
    raise
  except Exception as error:
    locked = re.match(r"""['"]?Key "(\w+)" does not exist""", str(error))
    if locked:
      raise UserError(config_lib.unknown_field(locked[1], str(path))) from error
    reason = ' '.join(f'{type(error).__name__}: {error}'.split())
    raise UserError(f'{what} {path} fails: {reason}') from error


def apply_overrides(config: ConfigDict, overrides: Mapping[str, str]) -> ConfigDict:
  """A locked copy of `config` with fields replaced: `{'train.batch_size': '8'}`.

  Values are text, read by the type of the field: `8`, `1e-3`, `true`, `none`, `photos.zip`.

  Raises:
    UserError: a field does not exist (with a suggestion) or a value does not parse.
  """
  values = config.to_dict()
  types_of = config_lib.field_types()
  for field, text in overrides.items():
    if field not in types_of:
      raise UserError(config_lib.unknown_field(field, 'the command line'))
    group, _, name = field.rpartition('.')
    target = values.setdefault(group, {}) if group else values
    target[name] = _parse(field, text, types_of[field])
  return ConfigDict(values).lock()


def to_settings(config: ConfigDict) -> Settings:
  """The `Settings` with exactly the fields of `config`.

  Raises:
    UserError: a field is unknown, missing, or of a wrong type.
  """
  return config_lib.from_mapping(config.to_dict(), 'the config')


def load_settings(
  path: str | pathlib.Path,
  overrides: Mapping[str, str] | None = None,
  facts: Facts | None = None,
) -> Settings:
  """A preset with overrides, adapted and frozen.

  Raises:
    UserError: as `load` and `derive`, or the preset adapts and there are no facts.
  """
  preset = load(path, overrides)
  if facts is None:
    if preset.adapt is not None:
      raise UserError(
        f'{path} adapts to the data and the devices, which are not looked at here: name a preset '
        'whose values are fixed'
      )
    return preset.settings()
  return with_fields(preset.settings(), derive(preset, facts))


def with_fields(settings: Settings, fields: Mapping[str, object]) -> Settings:
  """Settings with fields replaced: `{'train.batch_size': 8}`.

  Raises:
    UserError: a field is unknown or of a wrong type.
  """
  values = dataclasses.asdict(settings)
  for field, value in fields.items():
    group, _, name = field.rpartition('.')
    (values[group] if group else values)[name] = value
  return config_lib.from_mapping(values, 'the config')


def override(settings: Settings, overrides: Mapping[str, str]) -> Settings:
  """Settings with fields replaced, as `apply_overrides` does.

  Raises:
    UserError: a field does not exist, or a value does not parse.
  """
  return to_settings(apply_overrides(ConfigDict(dataclasses.asdict(settings)), overrides))


def _parse(field: str, text: str, annotation: type) -> object:
  """One override's text as a value of the field's type."""
  allowed = typing.get_args(annotation) or (annotation,)
  if types.NoneType in allowed and text.strip().lower() == 'none':
    return None
  try:
    return _BOOLS[text.strip().lower()] if bool in allowed else allowed[0](text)
  except (ValueError, KeyError):
    expected = config_lib.type_name(annotation)
    raise UserError(f'--config.{field}={text}: the value must be {expected}') from None


class _View:
  """A config as `adapt` sees it: what was given keeps its value, and what is assigned is noted."""

  def __init__(self, config, given, assigned, group=''):
    vars(self).update(_config=config, _given=given, _assigned=assigned, _group=group)

  def __getattr__(self, name):
    value = getattr(self._config, name)
    if isinstance(value, ConfigDict):
      return _View(value, self._given, self._assigned, f'{self._group}{name}.')
    return value

  def __setattr__(self, name, value):
    if self._group + name not in self._given:
      setattr(self._config, name, value)
      self._assigned[self._group + name] = self._config[name]


def _prepare_finetuning(config):
  """Weights that are good already need no ramp-up, and overfit sooner.

  ADA (2006.06676) and the official code: p moves five times as fast, the EMA has no ramp-up. A
  preset that is faster still stays so.
  """
  if config.finetune.start:
    config.augment.ada_kimg = min(config.augment.ada_kimg, _FINETUNE_ADA_KIMG)
    config.train.ema_rampup = None
