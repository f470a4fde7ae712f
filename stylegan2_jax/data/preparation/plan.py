"""All that a prepared set depends on, so that only the same is gone on with or left alone."""

import hashlib

import PIL

from stylegan2_jax.data.inputs.base import Input
from stylegan2_jax.data.preparation.conversion import Conversion

# What a difference is called: by the flag to look at, where there is one.
_WORDS = {
  'form': 'version of this command',
  'kind': 'kind of --source',
  'label_source': '--labels',
  'width': '--resolution',
  'height': '--resolution',
  'pillow': 'version of Pillow',
  'input': '--source: images or labels in it were added, removed or changed',
}
# Where it lay does not matter, as long as what lay there is the same.
_FREE = ('source',)


def make_plan(
  source: Input, conversion: Conversion, shown: str, label_source: str, split: str
) -> dict:
  """The plan, for JSON.

  Args:
    source: what is prepared.
    conversion: how.
    shown: what the user called the source.
    label_source: the flag --labels.
    split: the flag --split.
  """
  digest = hashlib.sha256(repr(source.labels).encode('utf-8', 'backslashreplace'))
  for line in source.identity():
    digest.update(line.encode('utf-8', 'backslashreplace') + b'\n')
  return {
    'source': shown,
    'kind': source.kind,
    'label_source': label_source,
    'split': split,
    'width': conversion.width,
    'height': conversion.height,
    'channels': conversion.channels,
    'transform': conversion.transform,
    'filter': conversion.filter,
    'background': list(conversion.background),
    'format': conversion.format,
    'upscale': conversion.upscale,
    'pillow': PIL.__version__,
    'input': digest.hexdigest()[:32],
  }


def difference(found: object, plan: dict) -> str:
  """What tells a plan that was found (read from JSON, of any form) from this; '' if nothing."""
  if not isinstance(found, dict):
    return 'plan'
  for key, value in plan.items():
    if key not in _FREE and found.get(key) != value:
      return _WORDS.get(key, f'--{key}')
  return ''
