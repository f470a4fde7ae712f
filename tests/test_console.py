"""What a run says, on a terminal and elsewhere, and that the log file has it all."""

import re

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
