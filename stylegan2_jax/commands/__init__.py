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
    'checkpoints': 'list the saved steps of a run',
    'profile': 'say where the time of a training step goes',
    'summary': 'print both networks layer by layer',
  },
  'data': {
    'prepare': 'make a data set of your images, whatever form they have',
    'inspect': 'say what is in a prepared data set',
  },
  'models': {
    'evaluate': 'measure a model: FID and others, also without any weights',
    'import': 'make a run of a model from another project: official or community checkpoints',
    'export': 'write a model for other programs: StableHLO, ONNX, PyTorch, safetensors',
  },
  'images': {
    'sample': 'draw images from a trained model',
    'mix': 'draw a table of mixed styles',
    'truncation': 'draw the same seeds at several psi',
    'noise': 'show what the noise maps do',
    'layers': 'show what each resolution contributes',
    'interpolate': 'walk from image to image, as a film',
    'project': 'find the latents of given images',
    'directions': 'find what w can change, and show it in strips',
    'explore': 'explore all of it in a browser, with sliders',
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
