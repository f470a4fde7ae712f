"""`launch.py explore`: where it listens, what it opens, and how it ends."""

import signal
import socket
import subprocess
import sys

import pytest

import launch
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer import serve
from tests.explorer.serving import ROOT, as_process, in_thread, request
from tests.helpers import saved_run
from tests.tools.models import saved_model


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run with checkpoints of steps 1 and 3."""
  path = tmp_path_factory.mktemp('runs') / 'run'
  saved_run(path, step=1, seed=1)
  saved_run(path, step=3, seed=3)
  return path


def test_it_ends_in_one_line(run):
  """And leaves nothing in the run's folder."""
  before = sorted(path.name for path in run.iterdir())
  with as_process(f'--workdir={run}', '--port=0', cwd=run.parent) as (port, process):
    assert request(port, '/state').json['step'] == 3
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
  assert (process.returncode, out, err) == (0, '\nthe explorer has ended\n', '')
  assert sorted(path.name for path in run.iterdir()) == before


@pytest.mark.parametrize('chosen', [{}, {'step': 1}])
def test_steps(run, chosen):
  with in_thread(run, **chosen) as (port, _):
    facts = request(port, '/state').json
    assert (facts['name'], facts['step']) == ('run', chosen.get('step', 3))
    assert facts['favourites_path'] == str(run / 'favourites' / 'favourites.json')
    code = request(port, '/snippet', {'view': {}}).json['snippet']
    assert f'StyleGAN2.load({str(run)!r}, step={facts["step"]})' in code


def test_a_checkpoint(run):
  explorer = serve.load(run / 'checkpoints' / '1', None, None)
  assert explorer.facts()['step'] == 1
  assert explorer.favourites.path == run / 'favourites' / 'favourites.json'


def test_ports(monkeypatch):
  with socket.socket() as other:
    other.bind(('127.0.0.1', 0))
    other.listen()
    taken = other.getsockname()[1]
    with pytest.raises(UserError, match=f'port {taken} is taken: name another --port'):
      serve.listen(taken)
    monkeypatch.setattr(serve, 'PORT', taken)
    [found] = serve.listen(None)
    with found:
      assert found.getsockname()[0] == '127.0.0.1'
      assert taken < found.getsockname()[1] <= taken + 20


def test_bad_input(tmp_path, capsys):
  bad = saved_model(tmp_path).with_suffix('.pkl')
  for flags, named in (
    (['--workdir=/nowhere'], 'no run in /nowhere'),
    (['--workdir=x', '--port=70000'], '--port=70000'),
    (['--workdir=x', '--port=abc'], '--port=abc'),
    (['--workdir=x', '--favourites='], 'a path is empty'),
    ([], '--workdir is missing'),
    ([f'--workdir={bad}'], str(bad)),
  ):
    assert launch.main(['explore', '--no_browser', *flags]) == 2
    err = capsys.readouterr().err
    assert err.count('\n') == 1
    assert named in err


def test_a_browser_is_opened_where_there_is_a_screen(monkeypatch):
  opened = []
  monkeypatch.setattr(serve.webbrowser, 'open', opened.append)
  monkeypatch.setattr(serve.sys, 'platform', 'linux')
  for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
    monkeypatch.delenv(name, raising=False)
  serve._open_browser('http://127.0.0.1:1/')
  assert opened == []
  monkeypatch.setenv('DISPLAY', ':0')
  thread = serve._open_browser('http://127.0.0.1:1/')
  thread.join()
  assert opened == ['http://127.0.0.1:1/']


def test_help_needs_no_model():
  command = [sys.executable, ROOT / 'launch.py', 'explore', '--help']
  done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
  assert (done.returncode, done.stderr) == (0, '')
  assert '--favourites' in done.stdout
