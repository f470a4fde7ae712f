"""What a user's machine may lack, but not one on which every check has to run."""

import os

import pytest

ALL = 'STYLEGAN2_REQUIRE_ALL'


def missing(what):
  """Ends a test: as failed where everything is required (`.ci/run`), else as skipped."""
  if os.environ.get(ALL) == '1':
    pytest.fail(f'{ALL}=1, but {what}')
  pytest.skip(what)
