"""The passes of one evaluation: over the fakes once for all, over real images once and for ever.

What was made of real images is kept for the next time in ~/.cache/stylegan2_jax/features (remove it
at will), by the images and the network with its weights; but not patches, which are huge.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from stylegan2_jax import backend
from stylegan2_jax.data.base import Source
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.collection import ROWS, Collected, Collection
from stylegan2_jax.metrics.extraction import Extractor
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.image_sets import ImageSet, SourceImages
from stylegan2_jax.metrics.kinds import FORMULAS, kept_by
from stylegan2_jax.metrics.names import SWD_IMAGES, Metric
from stylegan2_jax.metrics.networks import output_names
from stylegan2_jax.metrics.notes import notes
from stylegan2_jax.metrics.path_lengths import PathLengths
from stylegan2_jax.metrics.progress import Progress
from stylegan2_jax.words import reason
from stylegan2_jax.workdir_lock import WorkdirLock

_LOCK = '.lock'  # in the folder of a pass, while it is under way
_ABANDONED_SECONDS = 7 * 24 * 3600.0  # so long an interrupted pass waits for its command


class Passes:
  """Those of one evaluation."""

  def __init__(
    self,
    metrics: Sequence[Metric],
    networks: Mapping[str, FeatureNetwork],
    fakes: ImageSet,
    reals: Source,
    scratch: pathlib.Path,
    progress: Progress,
    stop: Callable[[], bool],
  ):
    """See `evaluation.evaluate`, whose arguments these are.

    Raises:
      UserError: the scratch folder cannot be made.
    """
    self._metrics, self._networks = metrics, networks
    self._fakes, self._reals, self._scratch = fakes, reals, scratch
    self._progress, self._stop = progress, stop
    self._own: list[pathlib.Path] = []  # folders in scratch
    try:
      scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise UserError(f'cannot make the folder {scratch}: {reason(error)}') from None

  def end(self) -> None:
    """Removes its passes, and abandoned ones; those of other evaluations may yet go on."""
    for folder in self._scratch.glob('*/'):
      of_use = folder not in self._own and not _abandoned(folder)
      if not of_use and not WorkdirLock(folder / _LOCK).is_taken():
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # something is left
      self._scratch.rmdir()

  def counts(self, metric: Metric) -> tuple[int, int]:
    """(number of fakes, of real images at most)."""
    there = len(self._reals)
    if metric.kind == 'swd' and metric.num_fakes is None:
      count = min(SWD_IMAGES, there, getattr(self._fakes, 'count', there))
      return count, count
    return metric.num_fakes, there if metric.num_reals is None else min(metric.num_reals, there)

  @contextlib.contextmanager
  def over_fakes(self, group: Sequence[Metric]) -> Iterator[Collected]:
    """All that a group needs of the fakes; its files go when the block ends without failing."""
    count, _ = self.counts(group[0])
    networks = [self._networks[name] for name in dict.fromkeys(m.network for m in group)]
    keep = self._keep(group)
    if group[0].kind == 'ppl':
      lengths = PathLengths(group[0], self._fakes, networks[0])
      identity, produce = lengths.identity(count), lengths.batches
      what = f'{count} path lengths ({group[0].name})'
    else:
      images = self._fakes.taking(count)
      identity, produce = images.identity(count), Extractor(networks, images.size).produce(images)
      what = f'{count} images of {images.name}, by {_and(network.name for network in networks)}'
    asked = {'images': identity, 'networks': [network.recipe for network in networks]}
    self._own.append(self._scratch / _key(asked, keep))
    with _locked(self._scratch, self._scratch, _key(asked, keep)) as folder:
      with self._progress.over(what) as progress:
        found = Collection(folder, asked, keep).run(count, produce, progress, self._stop)
      yield found
      shutil.rmtree(folder, ignore_errors=True)

  def over_reals(self, metric: Metric) -> Collected:
    """What a metric needs of the real images, from where it was kept or new."""
    network, count = self._networks[metric.network], self.counts(metric)[1]
    images = SourceImages(self._reals, count)
    alike = (m for m in self._metrics if m.network == metric.network and m.needs_reals)
    keep = self._keep([m for m in alike if self.counts(m)[1] == count])
    asked = {'images': images.identity(images.count), 'networks': [network.recipe]}
    cache = backend.cache_directory(os.environ, 'features') if network.cached else None
    for kinds in (keep, dict.fromkeys(keep, ROWS)):  # rows serve for Gaussians too
      place = (cache or self._scratch) / _key(asked, kinds)
      found = Collection(place, asked, kinds).finished(images.count)
      if found is not None:
        return found
    self._own.append(self._scratch / _key(asked, keep))
    with _locked(cache or self._scratch, self._scratch, _key(asked, keep)) as place:
      produce = Extractor([network], images.size).produce(images)
      with self._progress.over(f'{images.count} images of {images.name}, by {network.name}') as at:
        return Collection(place, asked, keep).run(images.count, produce, at, self._stop)

  def recipe(self, metric: Metric, reals: Collected | None, fakes: Collected) -> dict[str, Any]:
    """All that the values of a metric depend on."""
    network = self._networks[metric.network]
    sides = {'fakes': self._fakes.taking(fakes.count).recipe(fakes.count)}
    if metric.kind == 'ppl':  # of no single images
      sides['fakes'] = {name: sides['fakes'][name] for name in ('count', 'weights')}
    else:
      sides['fakes']['sha256'] = fakes.sha256
    if reals is not None:
      images = SourceImages(self._reals, reals.count)
      sides['reals'] = {**images.recipe(reals.count), 'sha256': reals.sha256}
    height, width = self._fakes.size
    return {
      **sides,
      'features': network.recipe,
      **FORMULAS[metric.kind].recipe,
      **({'k': metric.k} if metric.k else {}),
      **(PathLengths(metric, self._fakes, network).recipe() if metric.kind == 'ppl' else {}),
      'images': f'{height}x{width}x{self._fakes.channels}',
      'computed': f'jax {jax.__version__} on {jax.default_backend()}',
      'notes': list(notes(metric, network, reals, fakes)),
    }

  def _keep(self, group):
    """GAUSSIAN or ROWS by the names of rows; rows serve for Gaussians too."""
    keep: dict[str, str] = {}
    for metric in group:
      outputs = output_names(self._networks[metric.network], self._fakes.size)
      for name, kind in kept_by(metric, outputs).items():
        keep[name] = ROWS if ROWS in (kind, keep.get(name)) else kind
    return dict(sorted(keep.items()))


def _abandoned(folder: pathlib.Path) -> bool:
  """Whether nothing was saved in the folder of a pass for long."""
  try:
    newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
  except OSError:  # it goes at this moment
    return False
  return time.time() - newest > _ABANDONED_SECONDS


def _and(names) -> str:
  """As in 'inception, vgg16 and random'."""
  *first, last = names
  return f'{", ".join(first)} and {last}' if first else last


def _key(asked, keep) -> str:
  """The name of the folder of a pass."""
  text = json.dumps([asked, keep], sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:24]


@contextlib.contextmanager
def _locked(folder: pathlib.Path, scratch: pathlib.Path, key: str) -> Iterator[pathlib.Path]:
  """A place where no other process writes: in `folder`, or else one of its own in `scratch`."""
  with contextlib.ExitStack() as stack:
    if _take(folder / key, stack):
      yield folder / key
      return
    try:
      scratch.mkdir(parents=True, exist_ok=True)  # one that ended may have removed it
      own = pathlib.Path(tempfile.mkdtemp(prefix='unshared-', dir=scratch))
    except OSError as error:
      raise UserError(f'cannot make a folder in {scratch}: {reason(error)}') from None
    stack.callback(shutil.rmtree, own, ignore_errors=True)
    _take(own, stack)
    yield own


def _take(folder, stack) -> bool:
  """Locks a folder until the stack is left; False where another process has it, or on odd disks."""
  lock = WorkdirLock(folder / _LOCK, 'evaluation')
  try:
    folder.mkdir(parents=True, exist_ok=True)  # one that ended may have removed scratch
    lock.take()
  except (UserError, OSError):
    return False
  stack.callback(lock.close)
  return True
