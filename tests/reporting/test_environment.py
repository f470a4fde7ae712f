"""What a run ran with: true, and never in the way."""

import importlib.metadata
import os
import platform
import subprocess

import pytest

from stylegan2_jax.reporting import environment
from stylegan2_jax.run_directory import RunDirectory
from tests import helpers


@pytest.fixture
def run(tmp_path):
  return RunDirectory(tmp_path)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
  """A git checkout with a package in it, which `environment` takes for its own; and git in it."""
  package = tmp_path / 'checkout' / 'package'
  package.mkdir(parents=True)
  (package / '__init__.py').write_text('')
  monkeypatch.setattr(environment, '_PACKAGE', package)

  def git(*arguments):
    who = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'init.defaultBranch=main']
    command = ['git', '-C', str(package.parent), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

  git('init')
  git('add', '.')
  git('commit', '--message=first')
  return package, git


def test_versions_and_devices(run):
  about = environment.about(helpers.settings(), run)
  assert about['jax'] == importlib.metadata.version('jax')
  assert about['python'] == platform.python_version()
  assert about['devices'] == '4 x cpu'
  assert about['hosts'] == '1'
  assert about['XLA_FLAGS'] == os.environ['XLA_FLAGS']
  assert about['computes in'] == 'float32'
  assert about['free disk'].endswith(' GiB at the start')
  assert 'unknown' not in about.values()


def test_reduced_precision_is_told(run):
  about = environment.about(helpers.settings(network={'num_reduced': 2}), run)
  assert about['computes in'] == 'float32, bfloat16 at the 2 highest resolutions'


def test_commit(checkout, run):
  package, git = checkout
  commit = git('rev-parse', '--short=12', 'HEAD')
  assert environment.about(helpers.settings(), run)['git commit'] == commit
  (package / '__init__.py').write_text('changed')
  about = environment.about(helpers.settings(), run)
  assert about['git commit'] == f'{commit}, and changed since'


def test_a_package_that_merely_lies_in_a_checkout_has_no_commit(checkout, run, monkeypatch):
  package, _ = checkout
  installed = package.parent / 'venv' / 'package'
  installed.mkdir(parents=True)
  (installed / '__init__.py').write_text('')
  monkeypatch.setattr(environment, '_PACKAGE', installed)
  assert environment.about(helpers.settings(), run)['git commit'] == 'not a git checkout'


def test_no_checkout(run, tmp_path, monkeypatch):
  monkeypatch.setattr(environment, '_PACKAGE', tmp_path / 'package')
  assert environment.about(helpers.settings(), run)['git commit'] == 'not a git checkout'


def test_never_fails(checkout, tmp_path, monkeypatch):
  """No git, no devices, no folder."""

  def fail(*unused):
    raise RuntimeError('no backend')

  monkeypatch.setenv('PATH', '')
  monkeypatch.setattr(environment.jax, 'devices', fail)
  about = environment.about(helpers.settings(), RunDirectory(tmp_path / 'missing'))
  assert about['devices'] == about['free disk'] == 'unknown'
  assert about['git commit'] == 'unknown: git does not answer'
