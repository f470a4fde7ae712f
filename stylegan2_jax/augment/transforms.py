"""The names of ADA's transforms and DiffAugment's policies, and the texts that choose among them.

Source: ADA (arXiv 2006.06676), appendix B; DiffAugment (arXiv 2006.10738). Needs no JAX.
"""

from collections.abc import Mapping

# In the order in which they act; so are those within a group.
GROUPS: Mapping[str, tuple[str, ...]] = {
  'blit': ('xflip', 'rotate90', 'xint'),
  'geom': ('scale', 'rotate', 'aniso', 'xfrac'),
  'color': ('brightness', 'contrast', 'lumaflip', 'hue', 'saturation'),
  'filter': ('imgfilter',),
  'noise': ('noise',),
  'cutout': ('cutout',),
}
TRANSFORMS = tuple(name for group in GROUPS.values() for name in group)


def _sums() -> dict[str, tuple[str, ...]]:
  """bg, bgc, bgcf, bgcfn and bgcfnc: the groups up to one, named by their first letters."""
  names, result = list(GROUPS), {}
  for count in range(2, len(names) + 1):
    letters = ''.join(name[0] for name in names[:count])
    result[letters] = tuple(t for name in names[:count] for t in GROUPS[name])
  return result


PIPES: Mapping[str, tuple[str, ...]] = {**GROUPS, **_sums()}


def parse(text: str) -> dict[str, float]:
  """Transforms and the multipliers of their probability, in the order in which they act.

  >>> parse('blit,noise=0.5,xint=0')
  {'xflip': 1.0, 'rotate90': 1.0, 'noise': 0.5}

  Args:
    text: names of transforms, groups and pipes, each perhaps with =MULTIPLIER, separated by
      commas. Of several for one transform the last counts; 0 leaves it out.

  Raises:
    ValueError: says in one line what is wrong.
  """
  multipliers: dict[str, float] = {}
  for part in text.split(','):
    name, equals, number = part.strip().partition('=')
    names = (name,) if name in TRANSFORMS else PIPES.get(name)
    if names is None:
      known = ', '.join(dict.fromkeys((*PIPES, *TRANSFORMS)))
      raise ValueError(f'{name!r} is none of {known}')
    try:
      multiplier = float(number) if equals else 1.0
    except ValueError:
      multiplier = -1.0
    if not 0 <= multiplier < float('inf'):
      raise ValueError(f'the multiplier in {part.strip()!r} must be a number from 0 up')
    multipliers |= dict.fromkeys(names, multiplier)
  return {name: multipliers[name] for name in TRANSFORMS if multipliers.get(name)}


POLICIES = ('color', 'translation', 'cutout')


def parse_policy(text: str) -> tuple[str, ...]:
  """DiffAugment's policies named in a text, separated by commas, in the order in which they act.

  >>> parse_policy('cutout,color')
  ('color', 'cutout')

  Raises:
    ValueError: one is unknown.
  """
  names = [name.strip() for name in text.split(',')]
  for name in names:
    if name not in POLICIES:
      raise ValueError(f'{name!r} is none of {", ".join(POLICIES)}')
  return tuple(name for name in POLICIES if name in names)
