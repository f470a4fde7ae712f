"""`launch.py ablate` with runs that do train."""

import csv
import json
import pathlib
import subprocess
import sys

import pytest

from tests import quick

ROOT = pathlib.Path(__file__).parents[2]
TINY = ROOT / 'configs' / 'tiny.py'


def test_real_runs(tmp_path):
  """Two variants with two seeds, of two steps: what the table says is in their stats.jsonl."""
  small = 'network.z_dim=4 network.w_dim=4 network.channel_base=16 network.channel_max=4 '
  small += 'network.mapping_layers=1 network.d_mapping_layers=0 data.resolution=4 '
  small += 'train.r1_gamma=0 train.pl_weight=0 train.total_kimg=0.016 log.tensorboard=False '
  small += 'sample.grid_rows=1 sample.grid_cols=2'
  fields = [f'--config.{field}' for field in small.split()]
  argv = [sys.executable, ROOT / 'launch.py', 'ablate', f'--config={TINY}', '--workdir=ab']
  ended = subprocess.run(
    [*argv, '--vary=data.mirror=True,False', '--seeds=2', *fields],
    cwd=tmp_path,
    env=quick.environment(JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS='0'),
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )
  assert (ended.returncode, ended.stderr) == (0, ''), ended.stdout
  with (tmp_path / 'ab' / 'table.csv').open(newline='') as file:
    rows = list(csv.DictReader(file))
  assert [row['data.mirror'] for row in rows] == ['True', 'False']
  for row in rows:
    last = []
    for seed in range(2):
      stats = tmp_path / 'ab' / row['variant'] / f'seed{seed}' / 'stats.jsonl'
      records = [json.loads(line) for line in stats.read_text().splitlines()]
      assert [record['step'] for record in records] == [1, 2]
      last.append(records[-1]['loss_d'])
    assert last[0] != last[1]
    assert float(row['loss_d mean']) == pytest.approx(sum(last) / 2, rel=1e-12)
    assert float(row['loss_d std']) == pytest.approx(abs(last[0] - last[1]) / 2**0.5, rel=1e-9)
  assert rows[0]['loss_d mean'] != rows[1]['loss_d mean']  # shapes are not symmetric
