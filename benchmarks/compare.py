"""Runs the training step of several versions of the code or the environment in turn.

  python benchmarks/compare.py --size=64px . ../before XLA_FLAGS=--xla_cpu_use_fusion_emitters=false

Each argument is a version: words separated by commas, a folder with a checkout of this repository
(by default this one) and variables of the environment. Each runs in a process of its own, on the
networks of benchmarks/sizes.py; in each round all take turns for 16 real steps and one call of each
phase, so that whatever else the machine does falls on all alike. Ratios are to the first version,
medians of those within rounds.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))


class Version:
  """A process that trains when it is told to."""

  def __init__(self, text: str, size: str, batch: int):
    """Starts it and waits until it has compiled."""
    environ, root = dict(os.environ), _ROOT
    for word in text.split(','):
      name, found, value = word.partition('=')
      if found:
        environ[name] = value
      elif word:
        root = pathlib.Path(word).resolve()
    self.name = text
    command = [sys.executable, __file__, '--serve', f'--size={size}', f'--batch={batch}']
    self._process = subprocess.Popen(
      [*command, str(root)],
      env=environ,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    self._answer()

  def round(self) -> dict:
    """Seconds of 16 steps as 'step', and of each phase."""
    self._process.stdin.write('\n')
    self._process.stdin.flush()
    return self._answer()

  def close(self) -> None:
    """Ends it."""
    self._process.stdin.close()
    self._process.wait()

  def _answer(self):
    line = self._process.stdout.readline()
    if not line:
      sys.exit(f'{self.name} ended with status {self._process.wait()}')
    return json.loads(line)


def serve(root: pathlib.Path, size: str, batch: int) -> None:
  """What a version's process does: a round for each line of stdin."""
  sys.path.insert(0, str(root))
  import stylegan2_jax  # that of the root, before anything else imports this one

  assert pathlib.Path(stylegan2_jax.__file__).is_relative_to(root), stylegan2_jax.__file__
  import sizes
  import step

  training = step.Training(sizes.size(size, batch))
  training.cycle()
  training.phases()
  print('{}', flush=True)  # ready
  for _ in sys.stdin:
    print(json.dumps({'step': training.cycle() / step.CYCLE, **training.phases()}), flush=True)


def main():
  """Measures and prints; writes JSON with --out."""
  import report

  parser = report.parser(__doc__)
  parser.add_argument('versions', nargs='+', help='FOLDER,NAME=VALUE,...')
  parser.add_argument('--size', default='64px')
  parser.add_argument('--batch', type=int, default=0, help='another than that of the size')
  parser.add_argument('--serve', action='store_true', help='be a version')
  flags = parser.parse_args()
  if flags.serve:
    serve(pathlib.Path(flags.versions[0]), flags.size, flags.batch)
    return
  versions = [Version(text, flags.size, flags.batch) for text in flags.versions]
  rounds = [[version.round() for version in versions] for _ in range(flags.rounds)]
  results = {'command': f'python benchmarks/compare.py --size={flags.size}', **report.machine()}
  names = list(rounds[0][0])
  rows = [('ms (ratio to the first)', *names)]
  for i, version in enumerate(versions):
    found = {}
    for name in names:
      ratios = [round_[i][name] / round_[0][name] for round_ in rounds]
      found[name] = {
        'milliseconds': report.spread([1000 * round_[i][name] for round_ in rounds]),
        'ratio': report.digits(statistics.median(ratios), 3),
      }
    texts = [f'{found[n]["milliseconds"]["median"]:.4g} ({found[n]["ratio"]:.2f})' for n in names]
    rows.append((version.name, *texts))
    results[version.name] = found
    version.close()
  print(report.table(rows))
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
