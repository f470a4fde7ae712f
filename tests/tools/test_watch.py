import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
from rich.console import Console

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting import status
from stylegan2_jax.tools.watch import watch_command
from stylegan2_jax.tools.watch_view import View, sparkline
from tests.reporting.runs import append, locked, make_run, record

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'run'


@pytest.fixture
def once(path, capsys, monkeypatch):
  """A function that returns the lines of `watch --once`, without frames."""
  monkeypatch.setenv('COLUMNS', '100')

  def run():
    watch_command(path, once=True)
    printed = capsys.readouterr().out
    assert '\x1b' not in printed
    return [line.strip('│ ').strip() for line in printed.splitlines()]

  return run


def test_once(path, once):
  run = make_run(path, steps=100, grids=[0.0, 10.0])
  (run.checkpoints_path / '100').mkdir(parents=True)
  run.log_path.write_text(''.join(f'2026-01-01 00:00:0{i} line {i}\n' for i in range(9)))
  with locked(run):
    lines = once()
  text = '\n'.join(lines)
  assert lines[0].endswith('run  running ' + '─' * (99 - lines[0].index('running') - 8) + '╮')
  assert lines[1].endswith('50.0%')
  assert lines[2] == 'step 100   10.0 of 20 kimg   0:03:20 trained   0:03:20 left'
  assert re.fullmatch(
    r'50 images/s   data wait 0\.5%   host memory 1\.2 GiB   last step \d s ago', lines[3]
  )
  assert re.fullmatch(r'checkpoint step 100, \d s ago   grid fakes-000010.png, \d s ago', lines[4])
  assert re.search(r'^loss of G +[\d.]+ +▁+▂+▃+▄+▅+▆+▇+█+$', text, re.MULTILINE)
  assert re.search(r'^R1 +0\.25 +▄+$', text, re.MULTILINE)
  assert re.search(r'^images/s +50 +▄+$', text, re.MULTILINE)
  assert lines[-6:-1] == [f'2026-01-01 00:00:0{i} line {i}' for i in range(4, 9)]


def test_nothing_written_yet(path, once):
  make_run(path)
  lines = once()
  assert 'stopped' in lines[0]
  assert lines[1].endswith('0.0%')
  assert lines[2] == 'step 0   0.0 of 20 kimg'
  assert 'checkpoint none yet   grid none yet' in lines
  assert 'no step yet' in lines


def test_warnings_are_shown_whole(path, once):
  run = make_run(path)
  words = 'warning: TensorBoard failed (No space left on device): the run goes on without it, ' * 2
  run.log_path.write_text(f'2026-01-01 00:00:00 {words}\n')
  assert words.strip() in ' '.join(once())


def test_no_run(path):
  with pytest.raises(UserError, match='no run in'):
    watch_command(path, once=True)


def test_the_folder_is_not_touched(path, once):
  run = make_run(path, steps=9, grids=[0.0])
  with locked(run):
    pass
  before = {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()}
  once()
  assert {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()} == before


def rendered(run, width, height, encoding='utf-8'):
  with open(os.devnull, 'w', encoding=encoding) as file:
    console = Console(file=file, width=width, height=height, record=True, color_system=None)
    console.print(View('runs/a', status.read(run), height))
    return console.export_text().splitlines()


@pytest.mark.parametrize(('width', 'height'), [(80, 24), (120, 50), (40, 16), (30, 12), (200, 9)])
def test_any_terminal(path, width, height):
  run = make_run(path, steps=100, grids=[0.0])
  run.log_path.write_text('2026-01-01 00:00:00 [bold]words[/bold] and more of them\n' * 99)
  lines = rendered(run, width, height)
  assert len(lines) <= height
  assert max(map(len, lines)) <= width
  assert any('step 100' in line for line in lines)
  if height >= 24:
    assert len(lines) == height  # the log takes the rest
    assert any('[bold]words[/bold]' in line for line in lines)
    assert any('loss of G' in line for line in lines)


def test_a_terminal_without_unicode(path):
  run = make_run(path, steps=100)
  run.log_path.write_text('2026-01-01 00:00:00 psi is ψ\n')
  text = '\n'.join(rendered(run, 80, 30, 'ascii'))
  assert text.isascii()
  assert 'psi is ?' in text
  assert re.search(r'loss of G +[\d.]+ +_+.*#', text)


def test_sparklines():
  assert sparkline([0.0, 7.0, 3.0], 5) == '▁█▄'
  assert sparkline([2.0], 5) == '▄'
  assert sparkline(list(range(800)), 8) == '▁▂▃▄▅▆▇█'
  assert sparkline([-1.0, 1.0], 5, ascii_only=True) == '_#'


class Terminal:
  """`watch` in a terminal of its own."""

  def __init__(self, path):
    self.master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    script = (
      'import pathlib, sys\n'
      'from stylegan2_jax.tools.watch import watch_command\n'
      'watch_command(pathlib.Path(sys.argv[1]), once=False)\n'
    )
    environment = {**os.environ, 'TERM': 'xterm-256color', 'PYTHONPATH': str(ROOT)}
    self.process = subprocess.Popen(
      [sys.executable, '-c', script, str(path)],
      stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    self.text, self.seen = '', 0

  def wait_for(self, words):
    """Reads until the words come, after those that came before."""
    end = time.monotonic() + 60
    while words not in self.text[self.seen :]:
      assert time.monotonic() < end, self.text
      if select.select([self.master], [], [], 0.2)[0]:
        self.text += os.read(self.master, 1 << 16).decode('utf-8', 'replace')
    self.seen = self.text.index(words, self.seen) + len(words)

  def close(self):
    self.process.kill()
    self.process.wait()
    os.close(self.master)


@pytest.fixture
def terminal(path):
  found = Terminal(path)
  yield found
  found.close()


def test_live(terminal, path):
  terminal.wait_for('waiting for a run in')
  run = make_run(path)
  terminal.wait_for('no step yet')
  append(run, *map(record, range(1, 11)))
  terminal.wait_for('step 10 ')
  append(run, record(11))
  terminal.wait_for('step 11 ')
  terminal.process.send_signal(signal.SIGINT)
  terminal.wait_for('\x1b[?1049l')  # back from the screen of its own
  terminal.wait_for('step 11 ')  # where the last look stays
  assert terminal.process.wait(20) == 0
  assert 'Traceback' not in terminal.text
  assert 'KeyboardInterrupt' not in terminal.text
