"""Notebooks run at a small size, and looked at as they are saved."""

import json
import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tests import quick

FOLDER = pathlib.Path(__file__).parents[2] / 'notebooks'


def execute(name, parameters, at_the_end=''):
  """Runs a notebook with other parameters, and a cell more; complains of anything on stderr.

  Returns:
    The notebook with its outputs.
  """
  notebook = nbformat.read(FOLDER / name, 4)
  (cell,) = (c for c in notebook.cells if 'parameters' in c.metadata.get('tags', ()))
  cell.source += f'\n{parameters}\n'
  notebook.cells.append(new_code_cell(at_the_end))
  with pytest.MonkeyPatch.context() as patch:
    for variable, value in quick.variables().items():
      patch.setenv(variable, value)
    patch.setenv('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0')
    client = NotebookClient(
      notebook, timeout=300, kernel_name='python3', resources={'metadata': {'path': str(FOLDER)}}
    )
    client.execute()
  said = [output for cell in notebook.cells for output in cell.get('outputs', ())]
  assert not [output.text for output in said if output.get('name') == 'stderr']
  return notebook


def texts(notebook):
  """All that its cells printed."""
  outputs = [output for cell in notebook.cells for output in cell.get('outputs', ())]
  return ''.join(output.text for output in outputs if output.output_type == 'stream')


def check_saved(name, pictures, size=1_000_000):
  """As it is saved: run from top to bottom, small, and without a word of the machine it ran on.

  Args:
    name: of the file.
    pictures: how many outputs are pictures.
    size: bytes that it may have.
  """
  path = FOLDER / name
  code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == 'code']
  assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
  outputs = [output for cell in code for output in cell.outputs]
  assert {o.output_type for o in outputs} <= {'stream', 'display_data', 'execute_result'}
  assert all(output.name == 'stdout' for output in outputs if output.output_type == 'stream')
  words = path.read_text(encoding='utf-8')
  shown = [d for o in outputs for kind, d in o.get('data', {}).items() if 'image/' in kind]
  assert len(shown) == pictures
  for picture in shown:
    words = words.replace(json.dumps(picture)[1:-1], '')
  assert not re.search(r'/(work|home|root|tmp|Users|usr|opt)\b', words)
  assert path.stat().st_size < size
