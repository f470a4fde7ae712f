"""Draws how D's outputs on training, held-out and generated images part, for runs side by side.

  python benchmarks/overfitting.py runs/none runs/ada --out=docs/augmentation.png

As figure 1 of ADA (arXiv 2006.06676). The runs need data.held_out. Means over windows of 1 kimg;
prints those of the last tenth, and the share r_v of the way from training to generated images at
which held-out ones lie: 0 is no overfitting, 1 is all of it (ADA, section 3, equation 1).
"""

import argparse
import json
import math
import pathlib
import statistics

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_LINES = {
  'logits_real': ('training', 'C0'),
  'logits_held_out': ('held out', 'C2'),
  'logits_fake': ('generated', 'C3'),
}


def read(workdir):
  """The records of a run."""
  lines = (pathlib.Path(workdir) / 'stats.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def windows(records, name, width=1.0):
  """([kimg], [mean of `name`]) over windows of `width` kimg."""
  found = {}
  for record in records:
    if name in record:
      found.setdefault(math.ceil(record['kimg'] / width) - 1, []).append(record[name])
  return [(i + 0.5) * width for i in found], [statistics.fmean(values) for values in found.values()]


def last(records, name):
  """The mean of `name` over the last tenth of a run."""
  start = records[-1]['kimg'] * 0.9
  return statistics.fmean(r[name] for r in records if name in r and r['kimg'] > start)


def main():
  """Runs the command line."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
  parser.add_argument('runs', nargs='+', help='folders of runs')
  parser.add_argument('--titles', nargs='+', help='one for each run')
  parser.add_argument('--out', required=True, help='PNG file to write')
  flags = parser.parse_args()
  runs = {run: read(run) for run in flags.runs}
  figure = Figure(figsize=(4.4 * len(runs) + 4.4, 3.4), dpi=100, layout='constrained')
  panels = figure.subplots(1, len(runs) + 1)
  for axes, (run, records), title in zip(
    panels, runs.items(), flags.titles or flags.runs, strict=False
  ):
    for name, (label, color) in _LINES.items():
      axes.plot(*windows(records, name), color=color, label=label, linewidth=1.2)
    axes.set_title(title, fontsize='medium')
    axes.set_ylabel('D')
    axes.sharey(panels[0])
    outputs = {name: last(records, name) for name in (*_LINES, 'sign_real')}
    r_v = (outputs['logits_real'] - outputs['logits_held_out']) / (
      outputs['logits_real'] - outputs['logits_fake']
    )
    print(f'{run}: ' + ', '.join(f'{k} {v:.2f}' for k, v in outputs.items()) + f', r_v {r_v:.2f}')
    if 'augment_p' in records[-1]:
      panels[-1].plot(*windows(records, 'augment_p'), color='C1', label='p')
      panels[-1].plot(*windows(records, 'r_t'), color='C4', label='r_t', linewidth=0.8)
      print(f'{run}: p {records[-1]["augment_p"]:.3f}')
  panels[-1].set_title('augmentation strength', fontsize='medium')
  for axes in panels:
    axes.set_xlabel('kimg')
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
  FigureCanvasAgg(figure).print_png(flags.out)


if __name__ == '__main__':
  main()
