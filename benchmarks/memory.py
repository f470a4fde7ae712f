"""Measures whether the memory of a long run stays the same.

  python benchmarks/memory.py --out=benchmarks/results/memory.json

Trains the tiny preset for 20,000 steps in a process of its own, with snapshots, and notes the
memory that it has (not the most it ever had) every thousand steps. Linux only.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax.stats import Stats

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def resident_mib(pid):
  """The memory that a process has now, in MiB."""
  pages = int(pathlib.Path(f'/proc/{pid}/statm').read_text().split()[1])
  return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def watch(process, stats, every):
  """{steps done: MiB}, about every so many steps until the process ends."""
  found, due = {}, every
  while process.poll() is None:
    last = stats.last()
    if last is not None and last['step'] >= due:
      found[last['step']] = round(resident_mib(process.pid), 1)
      due = (last['step'] // every + 1) * every
      print(f'step {last["step"]}: {found[last["step"]]} MiB', flush=True)
    time.sleep(0.05)
  return found


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--config', default=str(_ROOT / 'configs' / 'tiny.py'))
  parser.add_argument('--steps', type=int, default=20_000)
  parser.add_argument('--every', type=int, default=1000)
  parser.add_argument('--snapshots', type=int, default=100)
  parser.add_argument('--data_dir', default='datasets')
  parser.add_argument('--batch', type=int, default=8)
  parser.add_argument('--out')
  flags = parser.parse_args()
  kimg = flags.steps * flags.batch / 1000
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder) / 'run'
    command = [sys.executable, _ROOT / 'launch.py', f'--config={flags.config}']
    command += [f'--workdir={workdir}', f'--config.data.dir={flags.data_dir}']
    command += [f'--config.train.batch_size={flags.batch}', f'--config.train.total_kimg={kimg}']
    command += [f'--config.train.snapshot_kimg={kimg / flags.snapshots}']
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    found = watch(process, Stats(workdir / 'stats.jsonl'), flags.every)
    if process.returncode:
      sys.exit(process.returncode)
    last = Stats(workdir / 'stats.jsonl').last()
  values = list(found.values())
  half = values[len(values) // 2 :]
  result = {
    'command': 'python benchmarks/memory.py',
    'config': pathlib.Path(flags.config).name,
    'steps': last['step'],
    'snapshots': flags.snapshots,
    'machine': platform.machine(),
    'mib_at_step': found,
    'peak_mib': round(1024 * last['memory_gib'], 1),
    'second_half_mib': [min(half), max(half)],
  }
  print(json.dumps(result, indent=2))
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
