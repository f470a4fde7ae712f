"""Presets: from a `configs/*.py` file and overrides to a `Settings`.

The only module of the package that knows `ConfigDict`. A preset builds one in
`get_config()`, overrides from the command line replace fields, `to_settings` freezes it.
"""

import dataclasses
import pathlib
import re
import runpy
import sys
import types
import typing
from collections.abc import Mapping

from ml_collections import ConfigDict

from stylegan2_jax import config as config_lib
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError

_BOOLS = {'true': True, 'yes': True, '1': True, 'false': False, 'no': False, '0': False}


def load_preset(path: str | pathlib.Path) -> ConfigDict:
  """Runs a preset file and returns what its `get_config()` returns.

  A preset anywhere on the disk may say `from configs import default`: while it runs, the
  folder that holds this package and `configs/` comes first on the import path.

  Raises:
    UserError: the file is missing, fails, or has no `get_config()` that gives a ConfigDict.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'no config file {path}: name an existing file, such as configs/shapes.py')
  root = str(pathlib.Path(__file__).resolve().parents[1])
  sys.path.insert(0, root)
  try:
    get_config = runpy.run_path(str(path)).get('get_config')
    config = get_config() if get_config else None
  except Exception as error:  # a user's file may fail in any way
    locked = re.match(r"""['"]?Key "(\w+)" does not exist""", str(error))
    if locked:
      raise UserError(config_lib.unknown_field(locked[1], str(path))) from error
    reason = ' '.join(f'{type(error).__name__}: {error}'.split())
    raise UserError(f'config file {path} fails: {reason}') from error
  finally:
    sys.path.remove(root)
  if not isinstance(config, ConfigDict):
    raise UserError(
      f'config file {path} needs a function get_config() that returns an '
      'ml_collections.ConfigDict; copy configs/tiny.py to begin with'
    )
  return config


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


def load_settings(path: str | pathlib.Path, overrides: Mapping[str, str] | None = None) -> Settings:
  """A preset with overrides, frozen.

  Raises:
    UserError: as `load_preset`, `apply_overrides` and `to_settings`.
  """
  return to_settings(apply_overrides(load_preset(path), overrides or {}))


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
