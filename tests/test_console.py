"""What a run says, on a terminal and elsewhere, and that the log file has it all."""

import os
import re
import subprocess
import sys

import pytest

from stylegan2_jax import console as console_lib
from stylegan2_jax.console import Console


@pytest.fixture
def clock(monkeypatch):
  """The seconds that pass, settable: clock[0]."""
  now = [100.0]
  monkeypatch.setattr(console_lib.time, 'perf_counter', lambda: now[0])
  return now


def test_plain_lines_every_half_minute(tmp_path, capsys, clock):
  """From 10 to 20 kimg, 0.1 kimg a second: at 10.1 it has 99 s to go."""
  console = Console(tmp_path / 'log.txt')
  console.begin(10.0, 20.0)
  for second in range(1, 62):
    clock[0] = 100.0 + second
    console.progress(10 + second / 10, {'G': 0.12345})
  console.close()
  lines = capsys.readouterr().out.splitlines()
  assert lines == [
    '10.1/20.0 kimg  0:01:39 left  G 0.123  100 images/s',
    '13.2/20.0 kimg  0:01:08 left  G 0.123  100 images/s',
  ]


def test_speed_is_that_since_the_last_line(tmp_path, capsys, clock):
  console = Console(tmp_path / 'log.txt')
  console.begin(0.0, 20.0)
  for seconds, kimg in ((1, 0.1), (41, 8.1)):
    clock[0] = 100.0 + seconds
    console.progress(kimg, {})
  console.close()
  assert capsys.readouterr().out.splitlines()[1].endswith('200 images/s')


def test_a_pause_counts_for_no_speed(tmp_path, capsys, clock):
  console = Console(tmp_path / 'log.txt')
  console.begin(0.0, 20.0)
  for seconds, kimg in ((1, 0.1), (41, 8.1), (142, 12.1)):
    if kimg == 12.1:
      with console.paused():
        clock[0] += 60
    clock[0] = 100.0 + seconds
    console.progress(kimg, {})
  console.close()
  *_, last = capsys.readouterr().out.splitlines()
  assert last == '12.1/20.0 kimg  0:00:53 left  98 images/s'  # 4 kimg in 101 - 60 s


def test_a_pause_before_the_first_step(tmp_path, capsys, clock):
  console = Console(tmp_path / 'log.txt')
  console.begin(0.0, 20.0)
  with console.paused():
    clock[0] += 60
  clock[0] += 1
  console.progress(0.25, {})
  console.close()
  assert capsys.readouterr().out == '0.2/20.0 kimg  0:01:19 left  250 images/s\n'


def test_log_has_every_line_with_its_time(tmp_path, capsys):
  for text in ('first', 'second'):  # a resumed run goes on in the same file
    console = Console(tmp_path / 'log.txt')
    console.say(text)
    console.close()
  assert capsys.readouterr().out == 'first\nsecond\n'
  lines = (tmp_path / 'log.txt').read_text().splitlines()
  assert len(lines) == 2
  assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d first', lines[0])


def test_bar_on_a_terminal(tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(console_lib.sys.stdout, 'isatty', lambda: True)
  console = Console(tmp_path / 'log.txt')
  console.begin(5.0, 10.0)
  console.progress(7.5, {'G': 1.5})
  console._bar.refresh()
  console.say('wrote it')
  console.progress(10.008, {'G': 1.5})  # the last step may overshoot
  console.close()
  shown = capsys.readouterr().out
  assert re.search(r'75%\|.*\| 7\.5/10\.0 kimg \[.*G 1\.5  .*images/s\]', shown)
  assert '10.0/10.0 kimg' in shown
  assert 'wrote it\n' in shown
  assert 'wrote it' in (tmp_path / 'log.txt').read_text()


# What a training says, in a process of its own. `{before}`: what happens to its standard output.
SCRIPT = """
import os, pathlib, sys, threading
{before}
from stylegan2_jax.console import Console
console = Console(pathlib.Path(sys.argv[1]))
console.say('begins')
console.begin(0.0, 1.0)
console.progress(0.5, {{'G': 1.0}})
other = threading.Thread(target=console.say, args=['compiled'], daemon=True)
other.start()
other.join(20)
console.say('x' * 20_000)
console.close()
sys.exit(75)
"""
TERMINAL = 'sys.stdout.isatty = lambda: True'
UNREAD = 'read, write = os.pipe(); os.close(read); os.dup2(write, 1)'


@pytest.mark.parametrize('unbuffered', ['', '1'])
@pytest.mark.parametrize(
  'before',
  [
    'os.dup2(os.open("/dev/full", os.O_WRONLY), 1)',
    f'os.dup2(os.open("/dev/full", os.O_WRONLY), 1); {TERMINAL}',
    UNREAD,
    f'{UNREAD}; {TERMINAL}',
    'sys.stdout.close()',
    'sys.stdout = None',
    'sys.stdout.reconfigure(encoding="ascii")',
  ],
)
def test_nobody_listens(tmp_path, before, unbuffered):
  """The run goes on and ends with its own status, and the log has every line."""
  ended = subprocess.run(
    [sys.executable, '-c', SCRIPT.format(before=before), tmp_path / 'log.txt'],
    env={**os.environ, 'PYTHONUNBUFFERED': unbuffered},
    capture_output=True,
    check=False,
    timeout=60,
  )
  assert (ended.returncode, ended.stderr) == (75, b'')
  texts = [line.split(' ', 2)[2] for line in (tmp_path / 'log.txt').read_text().splitlines()]
  assert [text for text in texts if 'kimg' not in text] == ['begins', 'compiled', 'x' * 20_000]


def test_names_that_are_no_text(tmp_path, capsys):
  """A folder's name may have bytes that are not UTF-8."""
  console = Console(tmp_path / 'log.txt')
  console.say(f'wrote {os.fsdecode(bytes([0xFF]))}.png')
  console.close()
  assert (tmp_path / 'log.txt').read_text().endswith(' wrote \\udcff.png\n')
