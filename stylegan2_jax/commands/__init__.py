"""The commands of launch.py: a module for each, with its flags (`parser`) and its work (`run`).

`run` returns the exit status, or None for 0. It imports JAX only once flags and config have proven
good, so that help and complaints come at once.
"""

import importlib
import keyword
from types import ModuleType

# By what they are for, each with what `--help` says of it.
GROUPS = {
  'training': {
    'train': 'train a model, or go on with one (the default: the word may be left out)',
    'watch': 'show live how a run stands',
    'progress': 'show the grids of a run as a film, or as a table',
    'ablate': 'train variants with several seeds, and compare them in a table and a figure',
    'profile': 'say where the time of a training step goes',
    'summary': 'print both networks layer by layer',
  },
  'data': {
    'prepare': 'make a data set of your images, whatever form they have',
    'inspect': 'say what is in a prepared data set',
  },
  'images': {
    'sample': 'draw images from a trained model',
  },
}
COMMANDS = tuple(name for group in GROUPS.values() for name in group)


def module(name: str) -> ModuleType:
  """The module of a command; for a word that Python keeps for itself, name_.py."""
  file = f'{name}_' if keyword.iskeyword(name) else name
  return importlib.import_module(f'stylegan2_jax.commands.{file}')


def overview() -> str:
  """The commands, a line for each, by group."""
  lines = []
  for group, commands in GROUPS.items():
    lines += [f'{group}:', *(f'  {name:<14}{text}' for name, text in commands.items()), '']
  return '\n'.join(lines)
