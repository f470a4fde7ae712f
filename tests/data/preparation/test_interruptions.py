"""Going on with a preparation after whatever ended it: interruptions, kills, a full disk."""

import dataclasses
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.preparation import finish, scratch, shard
from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError

ROOT = pathlib.Path(__file__).parents[3]


class Stopped(BaseException):
  """Ends a preparation where a test wants it to."""


@pytest.mark.parametrize('interrupt_at', ['shard', 'journal', 'move', 'metadata', 'publish', 'end'])
def test_goes_on_after_an_interruption(request_, tmp_path, monkeypatch, interrupt_at, files):
  monkeypatch.setattr(shard, 'INPUTS', (5, 5))
  expected = files(prepare(dataclasses.replace(request_, out=tmp_path / 'other' / 'photos')))

  def stop_at(target, name, call=1, after=False):
    original, calls = getattr(target, name), []

    def replaced(*args, **kwargs):
      calls.append(1)
      result = original(*args, **kwargs) if after or len(calls) != call else None
      if len(calls) == call:
        raise Stopped
      return result

    patch.setattr(target, name, replaced)

  with monkeypatch.context() as patch:
    {
      'shard': lambda: stop_at(shard.ShardWriter, 'write', 11),
      'journal': lambda: stop_at(scratch.Scratch, 'finish_shard', 3),
      'move': lambda: stop_at(pathlib.Path, 'rename', 3),
      'metadata': lambda: stop_at(finish, 'write_metadata', after=True),
      'publish': lambda: stop_at(scratch.Scratch, 'publish'),
      'end': lambda: stop_at(scratch.Scratch, 'clear'),
    }[interrupt_at]()
    with pytest.raises(Stopped):
      prepare(request_)
  assert request_.out.exists() == (interrupt_at == 'end')
  assert files(prepare(request_)) == expected
  assert not list(request_.out.parent.glob('.*'))


def test_finished_shards_are_not_done_again(request_, monkeypatch):
  monkeypatch.setattr(shard, 'INPUTS', (5, 5))
  convert = prepare.__globals__['convert_all']
  asked = []

  def until(limit):
    def counted(pictures, *args):
      for picture, result in convert(pictures, *args):
        asked.append(picture.name)
        if len(asked) == limit:
          raise Stopped
        yield picture, result

    return counted

  monkeypatch.setitem(prepare.__globals__, 'convert_all', until(13))
  with pytest.raises(Stopped):
    prepare(request_)
  first = asked[:10]
  asked.clear()
  monkeypatch.setitem(prepare.__globals__, 'convert_all', until(1000))
  prepare(request_)
  assert len(asked) == 13
  assert not set(first) & set(asked)


_SCRIPT = """
import pathlib, sys, time
from stylegan2_jax.data.preparation import shard
from stylegan2_jax.data.preparation.prepare import Request, prepare
shard.INPUTS = (40, 40)
write = shard.ShardWriter.write
def slow(*args):
  time.sleep(0.004)
  write(*args)
shard.ShardWriter.write = slow
if __name__ == '__main__':
  prepare(Request(sys.argv[1], pathlib.Path(sys.argv[2]), workers=2))
"""


def test_killed_at_random_moments(tmp_path, monkeypatch, files):
  source, script = tmp_path / 'photos', tmp_path / 'script.py'
  source.mkdir()
  script.write_text(_SCRIPT)
  rng = np.random.default_rng(1)
  for i in range(400):
    Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).save(source / f'{i:03d}.png')
  out, moments = tmp_path / 'sets' / 'photos', random.Random(2)
  command = [sys.executable, str(script), str(source), str(out)]
  environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
  kills = 0
  for _ in range(40):
    process = subprocess.Popen(
      command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    scratch = out.parent / '.preparing-photos'
    before = len(list(scratch.glob('*.json')))
    while process.poll() is None and len(list(scratch.glob('*.json'))) <= max(before, 1):
      time.sleep(0.01)
    try:
      process.wait(moments.uniform(0, 0.3))
      break
    except subprocess.TimeoutExpired:
      os.kill(process.pid, signal.SIGKILL)
      process.wait()
      kills += 1
  assert process.returncode == 0
  assert kills >= 3
  records = Records(out / '1.0.0')
  assert [records.origin(i) for i in range(len(records))] == [f'{i:03d}.png' for i in range(400)]
  monkeypatch.setattr(shard, 'INPUTS', (40, 40))  # as in the script
  direct = prepare(Request(str(source), tmp_path / 'other' / 'photos', workers=0))
  assert files(out / '1.0.0') == files(direct)  # to the byte, though written by many processes


def test_a_killed_parent_leaves_no_process_behind(tmp_path):
  source, script = tmp_path / 'photos', tmp_path / 'script.py'
  source.mkdir()
  script.write_text(_SCRIPT)
  for i in range(200):
    Image.new('RGB', (4, 4), (i, 0, 0)).save(source / f'{i:03d}.png')
  out = tmp_path / 'sets' / 'photos'
  process = subprocess.Popen(
    [sys.executable, str(script), str(source), str(out)],
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    stderr=subprocess.DEVNULL,
    start_new_session=True,  # its process group is its own: all of its children are in it
  )
  while not (out.parent / '.preparing-photos' / 'shard-00000.json').exists():
    assert process.poll() is None
    time.sleep(0.01)
  process.kill()
  process.wait()
  for _ in range(500):
    try:
      os.killpg(process.pid, 0)
    except ProcessLookupError:
      return
    time.sleep(0.01)
  pytest.fail('processes are left')


def test_half_a_set_of_other_options_is_refused(request_, monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(scratch.Scratch, 'publish', _stop)
    with pytest.raises(Stopped):
      prepare(request_)
  with pytest.raises(UserError, match=r'another --transform.*remove that folder'):
    prepare(dataclasses.replace(request_, transform='pad'))


def test_full_disk(request_, tmp_path):
  """A limit on the size of files stands for a full disk: writing fails in the same places."""
  script = (
    'import pathlib, resource, sys\n'
    'from stylegan2_jax.data.preparation.prepare import Request, prepare\n'
    'from stylegan2_jax.errors import UserError\n'
    'request = Request(sys.argv[1], pathlib.Path(sys.argv[2]), workers=0)\n'
    'resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n'
    'try:\n'
    '  prepare(request)\n'
    'except UserError as error:\n'
    '  print(error)\n'
  )
  command = [sys.executable, '-c', script, request_.source, str(request_.out)]
  environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
  ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
  assert ended.returncode == 0, ended.stderr
  assert 'make room there and start the same command again' in ended.stdout
  assert ended.stdout.count('\n') == 1
  assert not request_.out.exists()
  unlabelled = dataclasses.replace(request_, labels='auto')
  assert len(Records(prepare(unlabelled))) == 19  # and it goes on


def _stop(*unused):
  raise Stopped
