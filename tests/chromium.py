"""A real browser without a window, for tests of pages."""

import contextlib
import os
import shutil

from tests.required import missing


@contextlib.contextmanager
def started():
  """Debian's Chromium, or one by another name in the PATH; without one the test is skipped."""
  try:
    from playwright import sync_api
  except ImportError:
    missing('the package playwright is not installed')
  names = ('chromium', 'chromium-browser', 'google-chrome')
  path = next(filter(None, map(shutil.which, names)), None)
  if path is None:
    missing('there is no chromium (apt-get install chromium)')
  with sync_api.sync_playwright() as playwright:
    sandbox = ['--no-sandbox'] if os.geteuid() == 0 else []  # Chromium has none for root
    browser = playwright.chromium.launch(executable_path=path, args=sandbox)
    yield browser
    browser.close()
