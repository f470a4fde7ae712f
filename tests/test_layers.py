"""Imports go one direction, and a few words stay in one place."""

import ast
import pathlib
import subprocess
import sys

import pytest

from stylegan2_jax import config as config_lib

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / 'stylegan2_jax'
SOURCES = sorted(PACKAGE.rglob('*.py'))

# From the ground up. Modules import from floors below, packages also from themselves; of two
# names that fit, the longer one counts.
FLOORS = (
  ('errors', 'files', 'backend', 'durations', 'geometry', 'stop_signals', 'words'),
  ('console', 'manifest', 'images', 'captions', 'supervisor', 'cluster', 'workdir_lock'),
  ('json_lines', 'metrics.names'),
  ('settings', 'stats', 'augment.transforms', 'films', 'sheets', 'unpickling'),
  ('config', 'facts', 'metric_records'),
  ('resuming',),
  ('presets', 'validation', 'labels', 'run_directory', 'drawn_images', 'ops', 'data'),
  ('networks', 'reporting', 'augment'),
  ('training',),
  ('checkpoints', 'sampler', 'model'),
  (
    'saving',
    'weights_file',
    'importers',
    'training.snapshots',
    'training.resume',
    'training.finetune',
  ),
  ('model_files', 'metrics'),
  ('training.measuring', 'training.no_books'),
  ('training.books', 'training.inputs'),
  ('training.loop',),
  ('training.session', 'run_settings'),
  ('api',),
  ('exporters',),
  ('tools',),
  ('explorer',),
  ('commands',),
  ('',),
)
# What floors alone do not forbid.
NEVER = {
  'ops': ('config', 'settings', 'files', 'backend'),
  'networks': ('data', 'presets', 'run_directory'),
  'training': ('presets', 'data'),
}


def module_name(path):
  """The dotted name below the package: `ops.conv`; of the package itself ''."""
  parts = path.relative_to(PACKAGE).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(path):
  """Full dotted names that a file imports, wherever in it; of `from a import b`, a.b."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: write imports in full'
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
  return names


def own_imports(path):
  """Names below the package of the modules that a file imports."""
  modules = {module_name(source) for source in SOURCES}
  result = set()
  for name in imports(path):
    head, _, rest = name.partition('.')
    if head == 'stylegan2_jax':
      result.add(rest if rest in modules else rest.rpartition('.')[0])
  return result


def unit(module):
  """The entry of FLOORS that a module belongs to."""
  entries = [entry for floor in FLOORS for entry in floor]
  fitting = [e for e in entries if module == e or module.startswith(f'{e}.')]
  assert fitting, f'no floor for {module}: give it one'
  return max(fitting, key=len)


def floor(module):
  return next(i for i, entries in enumerate(FLOORS) if unit(module) in entries)


@pytest.mark.parametrize('path', SOURCES, ids=module_name)
def test_imports_go_down(path):
  module = module_name(path)
  for other in own_imports(path):
    same_package = unit(other) == unit(module)
    assert same_package or floor(other) < floor(module), f'{module} imports {other}'
    assert unit(other) not in NEVER.get(unit(module), ()), f'{module} imports {other}'


def test_no_cycles():
  graph = {module_name(path): own_imports(path) for path in SOURCES}
  while graph:
    leaves = [module for module, used in graph.items() if not used & graph.keys() - {module}]
    assert leaves, f'these import each other: {sorted(graph)}'
    for leaf in leaves:
      del graph[leaf]


def test_only_presets_knows_config_dicts():
  users = {module_name(p) for p in SOURCES if any('ml_collections' in n for n in imports(p))}
  assert users == {'presets'}


def test_only_parallel_knows_the_mapping_over_devices():
  users = set()
  for path in SOURCES:
    for node in ast.walk(ast.parse(path.read_text())):
      name = getattr(node, 'attr', getattr(node, 'id', ''))
      if name in ('pmap', 'shard_map', 'jax_utils'):
        users.add(module_name(path))
  assert users == {'training.parallel'}


def test_looking_at_a_run_needs_no_jax():
  """`watch` and `progress` must not wait for JAX, nor take the devices of the run."""
  users = {module_name(p) for p in SOURCES if 'jax' in {n.split('.')[0] for n in imports(p)}}
  assert {name for name in users if name.startswith('reporting')} == {'reporting.environment'}


def test_help_and_complaints_need_no_jax():
  script = (
    'import sys, launch\n'
    'assert launch.main(["--workdir=nowhere"]) == 2\n'
    'heavy = {"jax", "flax", "grain", "orbax", "tensorflow_datasets", "PIL"} & set(sys.modules)\n'
    'assert not heavy, heavy\n'
  )
  ended = subprocess.run(
    [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert ended.returncode == 0, ended.stderr
  assert ended.stderr.startswith('error: there is no run in nowhere')


def names_read(tree):
  """Names of all attributes that a piece of code reads."""
  return {
    node.attr
    for node in ast.walk(tree)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
  }


def test_every_config_field_is_read():
  """By code that does something with it: neither settings.py nor validation.py."""
  read = set()
  for path in (*SOURCES, ROOT / 'launch.py'):
    if path.stem not in ('config', 'settings', 'validation'):
      read |= names_read(ast.parse(path.read_text()))
  for node in ast.walk(ast.parse((PACKAGE / 'settings.py').read_text())):
    if isinstance(node, ast.FunctionDef) and node.name in read:
      read |= names_read(node)  # a property that is read reads fields itself
  unread = [f for f in config_lib.field_types() if f.rpartition('.')[2] not in read]
  assert not unread
