"""The grammar of the command line: commands, `--config.field=value`, and the settings they give.

The flags of each command are in `command_flags.py`. Needs neither JAX nor data.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from stylegan2_jax import command_flags, presets, validation
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError
from stylegan2_jax.facts import Facts
from stylegan2_jax.run_directory import RunDirectory

_OVERVIEW = """\
StyleGAN2: train it, look at it, draw from it.

commands:
  train      train a model, or go on with one (the default: the word may be left out)
  watch      show live how a run stands
  progress   show the grids of a run as a film, or as a table
  ablate     train variants with several seeds, and compare them in a table and a figure
  profile    say where the time of a training step goes
  summary    print both networks layer by layer
  sample     draw images from a trained model
  prepare    make a data set of your images, whatever form they have
  inspect    say what is in a prepared data set

examples:
  python launch.py --config=configs/shapes.py --workdir=runs/shapes
  python launch.py --config=configs/shapes.py --config.train.total_kimg=50 --workdir=runs/short
  python launch.py --workdir=runs/shapes                       go on where it stopped
  python launch.py summary --config=configs/wide32.py
  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png
  python launch.py ablate --config=configs/shapes.py --workdir=runs/ablation \
      --vary=train.r1_gamma=0.1,1,10 --vary=train.pl_weight=0,2 --seeds=3
  python launch.py prepare --source=photos.zip --out=datasets/photos --resolution=64

`python launch.py COMMAND --help` lists the flags of a command.
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
  """The command with its flags, and `overrides`: the text of each `--config.FIELD=VALUE`.

  >>> flags = parse(['--workdir=runs/a', '--config.seed=3'])
  >>> flags.command, flags.workdir, flags.overrides
  ('train', 'runs/a', {'seed': '3'})

  Raises:
    UserError: an unknown command or flag, or a value that does not parse.
    SystemExit: after printing help.
  """
  rest, overrides = _take_overrides(argv)
  if not argv or (rest and rest[0] in ('-h', '--help', 'help')):
    print(_OVERVIEW, end='')
    raise SystemExit(0)
  parsers = command_flags.parsers()
  command = 'train' if not rest or rest[0].startswith('-') else rest.pop(0)
  if command not in parsers:
    raise UserError(f'unknown command {command}: choose one of {", ".join(parsers)}')
  parser = parsers[command]
  if overrides and not parser.takes_fields:
    parser.error(f'{command} takes no --config')
  flags, unknown = parser.parse_known_args(rest)
  if unknown:
    parser.complain_about(unknown[0])
  for name in parser.needed:
    if getattr(flags, name) is None:
      parser.error(f'--{name} is missing')
  flags.command, flags.overrides = command, overrides
  return flags


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


def _image_form(preset):
  from stylegan2_jax.data import forms  # only here: it imports Pillow

  return forms.find_form(preset.settings().data)


def _take_overrides(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
  """Parts `--config.FIELD=VALUE` (or `--config.FIELD VALUE`) from the other arguments."""
  rest, overrides = [], {}
  arguments = list(argv)
  while arguments:
    argument = arguments.pop(0)
    if not argument.startswith('--config.'):
      rest.append(argument)
      continue
    field, equals, value = argument.removeprefix('--config.').partition('=')
    if not equals:
      if not arguments or arguments[0].startswith('--'):
        raise UserError(f'{argument} needs a value: {argument}=VALUE')
      value = arguments.pop(0)
    overrides[field] = value
  return rest, overrides
