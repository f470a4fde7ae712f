"""launch.py as a newcomer may start it: without the packages."""

import pathlib
import subprocess
import sys

import pytest

import launch
from stylegan2_jax import commands

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
  monkeypatch.setattr(commands.backend, 'prepare', lambda **unused: __import__('no_such_package'))
  configs = '--config=' + str(ROOT / 'configs' / 'tiny.py')
  flags = {'train': [configs, '--workdir=x'], 'summary': [configs], 'sample': ['--workdir=x']}
  assert launch.main([command, *flags[command]]) == 2
  assert 'error: the Python package no_such_package is missing' in capsys.readouterr().err
