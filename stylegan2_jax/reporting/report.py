"""report.html: a run at a glance, in one file that opens anywhere."""

import pathlib
import time
from collections.abc import Mapping

from stylegan2_jax import config as config_lib
from stylegan2_jax import files
from stylegan2_jax.reporting import page
from stylegan2_jax.reporting.charts import charts, rounded
from stylegan2_jax.reporting.history import History
from stylegan2_jax.reporting.metric_charts import metric_charts
from stylegan2_jax.reporting.strip import Strip, chosen
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings

_LOG_LINES = 100
_RECENT = 0.1  # the part of the time so far that the speed is taken of


class Report:
  """A watcher (`watchers.Watcher`) that writes report.html anew at every snapshot and metric."""

  name = 'report.html'

  def __init__(self, run: RunDirectory, settings: Settings, about: Mapping[str, str]):
    """Touches nothing yet.

    Args:
      run: its stats, grids, and log are read.
      settings: of the run.
      about: what else is to be known of it, by name: versions, devices.
    """
    self._run, self._settings, self._about = run, settings, dict(about)
    self._history, self._strip = History(run.stats), Strip()
    self._written = False

  def record(self, record: Mapping) -> None:
    """Nothing: the numbers are read from stats.jsonl."""

  def picture(self, kimg: float, path: pathlib.Path) -> None:
    """Writes the first report; later ones come with the snapshots."""
    if not self._written:
      self.snapshot()

  def measured(self, record: Mapping) -> None:
    """Writes the report with what there is now, as the next metric may take long."""
    self.snapshot()

  def snapshot(self) -> None:
    """Writes report.html, whole or not at all.

    Raises:
      OSError: it cannot be written.
      UserError: stats.jsonl or metrics.jsonl cannot be read.
    """
    if not self._written:
      self._remember()
    grids = self._run.fakes()
    self._history.update({kimg for kimg, _ in grids})
    name = self._run.path.resolve().name
    text = page.render(f'{name} - stylegan2_jax', self._data(name, grids))
    with files.replacing(self._run.report_path) as file:
      file.write(text.encode())
    self._written = True

  def close(self) -> None:
    """The last report: with what the log says at the end."""
    self.snapshot()

  def _remember(self):
    """The pictures in the report of a former process: large ones take a second each to encode."""
    before = page.embedded(self._run.report_path)
    grids = before.get('grids')
    self._strip.remember([*(grids if isinstance(grids, list) else ()), before.get('reals')])

  def _data(self, name, grids):
    stretches = self._history.stretches
    return {
      'name': name,
      'written': time.time(),
      **self._progress(stretches),
      'x': [rounded(stretch.kimg, 7) for stretch in stretches],
      'times': [rounded(stretch.elapsed, 6) for stretch in stretches],
      'charts': self._charts(stretches),
      **self._pictures(grids),
      'config': _fields(self._settings),
      'about': list(self._about.items()),
      'log': self._run.last_log_lines(_LOG_LINES),
    }

  def _charts(self, stretches):
    """Metrics first: they tell how good the images are."""
    metrics = self._run.metrics
    best = metrics.best(self._settings.metrics)
    return [
      *metric_charts(metrics.measured(), stretches, best and best.name),
      *charts(stretches, self._history.names, self._settings.train.batch_size),
    ]

  def _progress(self, stretches):
    """How far the run is, and how fast of late."""
    total = self._settings.train.total_kimg
    last = stretches[-1] if stretches else None
    kimg, elapsed = (last.kimg, last.elapsed) if last else (0.0, 0.0)
    since = next((s for s in stretches if s.elapsed >= (1 - _RECENT) * elapsed), last)
    if since is last and len(stretches) > 1:
      since = stretches[-2]
    speed = None
    if last and elapsed > since.elapsed:
      speed = 1000 * (kimg - since.kimg) / (elapsed - since.elapsed)
    return {
      'kimg': kimg,
      'totalKimg': total,
      'step': last.step if last else 0,
      'elapsed': elapsed,
      'speed': rounded(speed),
      'left': 1000 * max(0.0, total - kimg) / speed if speed else None,
      'nonfinite': self._history.total('nonfinite'),
    }

  def _pictures(self, grids):
    """The strip of grids, and the grid of the data set."""
    last = self._history.last
    if last:  # a run that went back to a former checkpoint still has the later grids
      grids = [grid for grid in grids if grid[0] <= last['kimg']]
    grids = [grids[i] for i in chosen(len(grids))]
    *pictures, reals = self._strip.encoded([*(path for _, path in grids), self._run.reals_path])
    strip = [
      {
        'kimg': kimg,
        'elapsed': rounded(self._history.elapsed_at(kimg), 6),
        'name': path.name,
        **picture._asdict(),
      }
      for (kimg, path), picture in zip(grids, pictures, strict=True)
      if picture
    ]
    return {'grids': strip, 'reals': reals and reals._asdict()}


def _fields(settings):
  """Rows of [field, value, default, whether they differ], as text."""
  defaults = config_lib.flatten(Settings())
  return [
    [field, _text(value), _text(defaults[field]), value != defaults[field]]
    for field, value in config_lib.flatten(settings).items()
  ]


def _text(value):
  return f"'{value}'" if isinstance(value, str) else str(value)
