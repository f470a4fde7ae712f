"""A browser, and an explorer of the demo's networks for it."""

import dataclasses
import urllib.parse

import pytest

from stylegan2_jax import presets
from tests import chromium
from tests.explorer.browsing import settled
from tests.explorer.serving import ROOT, as_process
from tests.explorer.test_rendering import pale
from tests.tools.models import saved_model


@pytest.fixture(scope='module')
def browser():
  with chromium.started() as browser:
    yield browser


@pytest.fixture(scope='module')
def demo_model(tmp_path_factory):
  """A file with the networks of the demo preset and random weights."""
  settings = presets.load_settings(str(ROOT / 'configs' / 'shapes.py'))
  network = dataclasses.asdict(settings.network)
  folder = tmp_path_factory.mktemp('demo')
  return saved_model(folder, settings.data.resolution, edit=pale, **network)


@pytest.fixture(scope='module')
def demo(demo_model):
  """The port of an explorer of the demo's networks, which is a process as for a user."""
  with as_process(f'--workdir={demo_model}', '--port=0', cwd=demo_model.parent) as (port, _):
    yield port


@pytest.fixture
def opened(browser):
  """A function that opens an explorer's page; what goes wrong in it fails the test at its end."""
  contexts, wrong, requests, ports = [], [], [], []

  def open_page(port, width=1280, expected=(), fragment='', ready=True, **options):
    context = browser.new_context(viewport={'width': width, 'height': 900}, **options)
    contexts.append(context)
    ports.append(port)
    page = context.new_page()

    def note(text):
      if not any(part in text for part in expected):
        wrong.append(text)

    page.on('console', lambda message: note(message.text))
    page.on('pageerror', lambda error: note(str(error)))
    page.on('request', lambda request: requests.append(request.url))
    page.goto(f'http://127.0.0.1:{port}/{fragment}')
    if ready:
      settled(page)
    return page

  yield open_page
  for context in contexts:
    context.close()
  assert not wrong
  hosts = {urllib.parse.urlsplit(url.removeprefix('blob:')).netloc for url in requests}
  assert hosts == {f'127.0.0.1:{port}' for port in ports}
