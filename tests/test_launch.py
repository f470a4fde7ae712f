"""launch.py as a newcomer may start it: without the packages."""

import os
import pathlib
import subprocess
import sys

import pytest

import launch
from stylegan2_jax import backend
from stylegan2_jax.commands import watch
from tests.reporting.runs import make_run

ROOT = pathlib.Path(__file__).parents[1]


def test_without_the_packages():
  """-S: no site-packages, as with a Python of the system."""
  command = [sys.executable, '-S', ROOT / 'launch.py', 'sample', '--workdir=x']
  done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60, check=False)
  assert done.returncode == 2
  assert done.stdout == ''
  assert done.stderr.startswith('error: the Python package ')
  assert '.venv/bin/python' in done.stderr
  assert done.stderr.count('\n') == 1


@pytest.mark.parametrize('command', ['train', 'summary', 'sample'])
def test_without_one_package(command, monkeypatch, capsys):
  """Packages that are needed only later are missed in the same words."""
  monkeypatch.setattr(backend, 'prepare', lambda **unused: __import__('no_such_package'))
  configs = '--config=' + str(ROOT / 'configs' / 'tiny.py')
  flags = {'train': [configs, '--workdir=x'], 'summary': [configs], 'sample': ['--workdir=x']}
  assert launch.main([command, *flags[command]]) == 2
  assert 'error: the Python package no_such_package is missing' in capsys.readouterr().err


@pytest.fixture
def run(tmp_path):
  """The folder of a run with so many grids that their table is long."""
  path = make_run(tmp_path / 'run', grids=[float(i) for i in range(30)], size=(2, 2)).path
  (path / 'log.txt').write_text('2026-01-01 00:00:00 line\n' * 9)
  return path


@pytest.mark.parametrize('unbuffered', ['', '1'])
@pytest.mark.parametrize('command', [['progress', '--out=a.md'], ['watch', '--once'], ['--help']])
def test_output_that_nobody_reads(command, unbuffered, run, tmp_path):
  """As with `| head -0`."""
  if command[-1] != '--help':
    command = [*command, f'--workdir={run}']
  reading, writing = os.pipe()
  os.close(reading)
  with os.fdopen(writing, 'w') as unread:
    done = subprocess.run(
      [sys.executable, ROOT / 'launch.py', *command],
      env={**os.environ, 'PYTHONUNBUFFERED': unbuffered}, cwd=tmp_path, stdout=unread,
      stderr=subprocess.PIPE, text=True, timeout=120, check=False,
    )  # fmt: skip
  assert (done.returncode, done.stderr) == (141, '')


def test_another_pipe_that_breaks_is_an_error(monkeypatch):
  def fails(flags):
    raise BrokenPipeError(32, 'Broken pipe')

  monkeypatch.setattr(watch, 'run', fails)
  with pytest.raises(BrokenPipeError):
    launch.main(['watch', '--workdir=x'])
