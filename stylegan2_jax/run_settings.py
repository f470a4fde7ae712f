"""The settings to work with: a preset's or a run's, with what the caller changes and data decide.

Needs neither JAX nor data until `adapted`.
"""

from collections.abc import Callable, Mapping

from stylegan2_jax import presets, validation
from stylegan2_jax.errors import UserError
from stylegan2_jax.facts import Facts
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings


def training_settings(config: str | None, overrides: dict[str, str], workdir) -> Settings:
  """The settings to train with: of a preset, or without one those of the run in `workdir`.

  What a preset derives from data and devices, `derived_fields` finds later.

  Raises:
    UserError: neither is there, or the settings are wrong on any number of devices.
  """
  if config is not None:
    preset = presets.load(config, overrides)
    settings = preset.settings()
    if preset.adapt is not None:
      validation.validate_fields(settings)
      return settings
  elif RunDirectory(workdir).exists():
    settings = presets.override(RunDirectory(workdir).read_settings(), overrides)
  else:
    raise UserError(
      f'there is no run in {workdir} to go on with: '
      'to start one there name a preset, such as --config=configs/shapes.py'
    )
  validation.validate(settings, num_devices=1)
  return settings


def network_settings(config: str, overrides: dict[str, str]) -> Settings:
  """The settings of a preset, of which the fields that define the networks are checked.

  What it derives from data and devices, `derived_fields` finds later.

  Raises:
    UserError: the preset, an override, or such a field is wrong.
  """
  preset = presets.load(config, overrides)
  settings = preset.settings()
  check = validation.validate_networks if preset.adapt is None else validation.validate_fields
  check(settings)
  return settings


def derived_fields(
  config: str | None, overrides: dict[str, str], workdir, num_devices: Callable[[], int]
) -> dict[str, object]:
  """The fields that a preset derives from data and devices; what a run has begun with stays.

  Args:
    config: a preset, or None: the run in `workdir` goes on as it is.
    overrides: fields of the command line, which stay as they are.
    workdir: of a run that may be there; None where that does not matter.
    num_devices: counts those of all hosts; called only if the preset asks.

  Returns:
    Value by field; none for most presets.

  Raises:
    UserError: the data cannot be read.
  """
  if config is None:
    return {}
  preset = presets.load(config, overrides)
  if workdir is not None and RunDirectory(workdir).exists():
    return presets.recall(preset, RunDirectory(workdir).read_settings())
  return presets.derive(preset, Facts(num_devices, lambda: _image_form(preset)))


def with_derived(settings: Settings, fields: Mapping[str, object]) -> Settings:
  """The settings with what `derived_fields` found, their networks checked.

  Raises:
    UserError: a derived field is wrong.
  """
  settings = presets.with_fields(settings, fields)
  validation.validate_networks(settings)
  return settings


def adapted(settings: Settings, config: str | None, overrides: dict[str, str], workdir) -> Settings:
  """With what a preset derives from the data and the devices, which are all there by now.

  The first host looks at the data and the workdir, which the others may not have.
  """
  from stylegan2_jax.training import hosts, parallel

  fields = {}
  with hosts.together('adapting the config'):
    if hosts.is_first():
      fields = derived_fields(config, overrides, workdir, parallel.device_count)
  fields = hosts.first_says(fields)
  if not fields:
    return settings
  if hosts.is_first():
    texts = (f'{v:g}' if isinstance(v, float) else f'{v}' for v in fields.values())
    shown = ', '.join(f'{field}={text}' for field, text in zip(fields, texts, strict=True))
    print(f'{config} sets {shown}', flush=True)
  return with_derived(settings, fields)


def _image_form(preset):
  from stylegan2_jax.data import forms  # only here: it imports Pillow

  return forms.find_form(preset.settings().data)
