"""The names of metrics, as people write them: what is measured, and on how many images.

  fid50k_full          Fréchet inception distance of 50,000 fakes to all reals
  fid50k               the same to at most 50,000 reals
  kid50k_full          kernel inception distance
  pr50k3_full          precision and recall, k = 3 neighbours
  dc50k5_full          density and coverage, k = 5
  is50k                inception score
  ppl2_wend            perceptual path length in w at t = 0, on 50,000 samples
  ppl_wend, ppl_wfull, ppl_zend, ppl_zfull    as the papers have it for faces, cropped
  swd                  sliced Wasserstein distance, at most 16,384 images of each
  frechet5k_random     Fréchet distance of features of a random network: no FID
  kernel5k_random      kernel distance of the same
  shapes1k             what shapes there are, against the built-in data set

Other numbers may stand in their place: `fid5k_full`, `fid2500`, `pr1k3`, `swd4k`, `ppl2_wend_1k`.
Those that the official StyleGAN2-ADA code has are called the same there, and measure the same.
"""

import dataclasses
import difflib
import re

from stylegan2_jax.errors import UserError

EXAMPLES = (
  'fid50k_full', 'fid50k', 'kid50k_full', 'kid50k', 'pr50k3_full', 'pr50k3', 'dc50k5_full',
  'dc50k5', 'is50k', 'ppl2_wend', 'ppl_wend', 'ppl_wfull', 'ppl_zend', 'ppl_zfull', 'swd',
  'frechet5k_full_random', 'frechet5k_random', 'kernel5k_full_random', 'kernel5k_random',
  'shapes1k',
)  # fmt: skip

_COUNT = r'(?P<count>[1-9]\d{0,6}k?)'
_FULL = r'(?P<full>_full)?'
_PATTERNS = {
  'fid': f'fid{_COUNT}{_FULL}',
  'kid': f'kid{_COUNT}{_FULL}',
  'pr': rf'pr{_COUNT}(?P<k>[1-9]){_FULL}',
  'dc': rf'dc{_COUNT}(?P<k>[1-9]){_FULL}',
  'is': f'is{_COUNT}',
  'ppl': f'ppl(?P<whole>2)?_(?P<space>[wz])(?P<sampling>full|end)(_{_COUNT})?',
  'swd': f'swd{_COUNT}?',
  'frechet': f'frechet{_COUNT}{_FULL}_random',
  'kernel': f'kernel{_COUNT}{_FULL}_random',
  'shapes': f'shapes{_COUNT}',
}
_NETWORKS = {
  'fid': 'inception', 'kid': 'inception', 'is': 'inception', 'pr': 'vgg16', 'dc': 'vgg16',
  'ppl': 'lpips', 'swd': 'patches', 'frechet': 'random', 'kernel': 'random', 'shapes': 'shapes',
}  # fmt: skip
_PARTS = {  # of metrics with several values, the headline first
  'pr': ('precision', 'recall'),
  'dc': ('density', 'coverage'),
  'is': ('mean', 'std'),
}
_HIGHER = ('precision', 'recall', 'density', 'coverage', 'mean', 'valid_share', 'kinds_covered')
_MOST_REALS = {'kid': 1_000_000, 'pr': 200_000, 'dc': 200_000}  # of _full, as officially
_PPL_SAMPLES = 50_000
SWD_IMAGES = 16_384  # in the paper
SPLITS = 10  # of the fakes for the inception score
_FEWEST = {'fid': 2, 'kid': 2, 'is': SPLITS, 'frechet': 2, 'kernel': 2}  # else 1, or k + 1


@dataclasses.dataclass(frozen=True)
class Metric:
  """One metric: its formula, its feature network, and on how many images."""

  name: str
  kind: str  # a key of _PATTERNS
  network: str  # 'inception', 'vgg16', 'lpips', 'random', 'patches' or 'shapes'
  num_fakes: int | None  # None: as many as there are reals, at most SWD_IMAGES
  num_reals: int | None  # at most; None: all
  k: int = 0  # of nearest neighbours
  space: str = ''  # of path lengths: 'w' or 'z'
  sampling: str = ''  # 'full' or 'end'
  crop: bool = False

  @property
  def headline(self) -> str:
    """The name of its value, or of the first of them."""
    parts = _PARTS.get(self.kind)
    if self.kind == 'shapes':
      return f'{self.name}_kind_distance'
    return f'{self.name}_{parts[0]}' if parts else self.name

  @property
  def fewest(self) -> int:
    """The number of images of each set, below which it is not defined."""
    return _FEWEST.get(self.kind, self.k + 1)

  @property
  def needs_reals(self) -> bool:
    """Whether it compares with real images."""
    return self.kind not in ('is', 'ppl')


def parse(text: str) -> tuple[Metric, ...]:
  """The metrics of a list such as `fid50k_full,swd`; none of an empty one.

  Raises:
    UserError: one is unknown, of too few images, or named twice.
  """
  names = [name.strip() for name in text.split(',')] if text.strip() else []
  metrics = tuple(map(parse_one, names))
  twice = sorted({name for name in names if names.count(name) > 1})
  if twice:
    raise UserError(f'metric {twice[0]} is named twice: name it once')
  return metrics


def parse_one(name: str) -> Metric:
  """The metric of a name.

  Raises:
    UserError: it is unknown, or of fewer images than it takes.
  """
  for kind, pattern in _PATTERNS.items():
    match = re.fullmatch(pattern, name, re.ASCII)
    if match:
      metric = _metric(name, kind, match.groupdict())
      if metric.num_fakes is not None and metric.num_fakes < metric.fewest:
        raise UserError(f'{name} is of too few images: it takes at least {metric.fewest}')
      return metric
  close = difflib.get_close_matches(name, EXAMPLES, 1, 0.4)
  hint = f'did you mean {close[0]}?' if close else f'there are {", ".join(EXAMPLES)}'
  raise UserError(f'unknown metric {name[:60]!r}: {hint}')


def higher_is_better(value_name: str) -> bool:
  """Whether a value of a metric, by its name, is better when higher.

  >>> higher_is_better('pr50k3_full_recall'), higher_is_better('fid50k_full')
  (True, False)
  """
  return value_name.endswith(tuple(f'_{part}' for part in _HIGHER))


def of_value(metrics: tuple[Metric, ...], value_name: str) -> Metric | None:
  """Which of the metrics has a value of this name; None if none has."""
  fitting = [m for m in metrics if value_name == m.name or value_name.startswith(f'{m.name}_')]
  return max(fitting, key=lambda metric: len(metric.name), default=None)


def value_names(metric: Metric) -> tuple[str, ...] | None:
  """Names of all its values, the headline first; None where only measuring tells."""
  if metric.kind in ('shapes', 'swd'):
    return None
  parts = _PARTS.get(metric.kind)
  return tuple(f'{metric.name}_{part}' for part in parts) if parts else (metric.name,)


def _metric(name, kind, groups):
  count = _number(groups.get('count'))
  if kind == 'ppl':
    return Metric(
      name, kind, _NETWORKS[kind], count or _PPL_SAMPLES, 0,
      space=groups['space'], sampling=groups['sampling'], crop=not groups['whole'],
    )  # fmt: skip
  num_reals = _MOST_REALS.get(kind) if groups.get('full') else count
  if kind == 'is':
    num_reals = 0
  return Metric(name, kind, _NETWORKS[kind], count, num_reals, k=int(groups.get('k') or 0))


def _number(text):
  if text is None:
    return None
  return 1000 * int(text[:-1]) if text.endswith('k') else int(text)
