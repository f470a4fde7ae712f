"""What `prepare` and `inspect` say about a set: lines for people."""

import re
import shlex

from stylegan2_jax import geometry
from stylegan2_jax.data.locating import find_prepared
from stylegan2_jax.data.provenance import SKIPPED, UNMATCHED, Provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

_SHOWN = 8
_FOR_CPUS = 64  # pixels: up to here the demo's networks are proposed


def report(records: Records, outcome: dict, provenance: Provenance | None) -> list[str]:
  """Lines on a prepared set.

  Args:
    records: of the set.
    outcome: what `tally.outcome` says of its pictures.
    provenance: how it was prepared, where that is known.
  """
  counts = outcome['counts']
  lines = [
    f'{records.name}: {len(records):,} images of {_size(records)}, {_bytes(counts["bytes"])}, in '
    f'{_shown(records.path)}'
  ]
  if provenance:
    where = f', named in {_shown(records.path / SKIPPED)}' if provenance.num_skipped else ''
    lines += [
      f'  made of    {one_line(provenance.kind)} {one_line(provenance.source, 200)}',
      f'  in         {provenance.num_read:,}',
      f'  out        {provenance.num_read - provenance.num_skipped:,}',
      f'  skipped    {provenance.num_skipped:,}{where}',
      *(
        f'    {number:>7,} {one_line(reason, 100)}' for reason, number in _most(provenance.reasons)
      ),
      f'  transform  {provenance.transform}, {provenance.filter} filter of Pillow '
      f'{provenance.pillow}',
      f'  stored as  {one_line(provenance.format)}',
    ]
    lines += _warnings(provenance)
  lines.append(f'  content    {outcome["content"]} (hash of pixels and labels)')
  return lines + _labels(records, outcome['labels'], provenance) + _duplicates(records, counts)


def _warnings(provenance):
  """What should not be overlooked among the reasons for skipping."""
  lines = [
    f'  warning    {one_line(reason, 100)}: pictures are missing, get it again'
    for reason, _ in provenance.reasons
    if reason.startswith('the archive ')
  ]
  if 2 * provenance.num_skipped > provenance.num_read:
    lines.append('  warning    most images were skipped: look at the reasons above')
  return lines


def how_to_train(records: Records) -> list[str]:
  """The command that trains on a set, where it can be trained on."""
  height, width, channels = records.shape
  if not height or not width:
    return []
  source = _source(records.path)
  if not str(source).isprintable():  # a command with that could not be copied
    return []
  fields = [f'data.source={source}']
  found = geometry.trainable((height, width))
  if found is None:
    return ['  note       images of this size cannot be trained on: give another --resolution']
  longer, aspect = found
  fields.append(f'data.resolution={longer}')
  if aspect != (1, 1):
    fields.append(f'data.aspect={aspect[0]}:{aspect[1]}')
  if channels != 3:
    fields.append(f'data.channels={channels}')
  if records.label_dim:
    fields.append('data.labels=True')
  preset = 'emoji' if longer <= _FOR_CPUS else 'default'
  flags = ' \\\n      '.join(shlex.quote(f'--config.{field}') for field in fields)
  is_version = re.fullmatch(r'[\d.]+', source.name)
  workdir = shlex.quote(f'--workdir=runs/{source.parent.name if is_version else source.name}')
  return [
    'to train on it:',
    f'  python launch.py --config=configs/{preset}.py {workdir} \\',
    f'      {flags}',
  ]


def _source(path):
  """The shortest path that leads to a set: of its folder the highest version is taken."""
  try:
    return path.parent if find_prepared(path.parent) == path else path
  except UserError:  # several sets lie there
    return path


def _shown(path):
  return one_line(path, 1000)


def _labels(records, labels, provenance):
  if labels is None:
    return ['  labels     none']
  origin = f' (from {one_line(provenance.origin)})' if provenance and provenance.origin else ''
  lines = []
  if 'class_names' in labels:
    lines.append(f'  labels     {len(labels["class_names"])} classes{origin}')
    pairs = list(zip(labels['class_names'], labels['class_counts'], strict=True))
    lines += [f'    {count:>7,} {one_line(name)}' for name, count in pairs[: 3 * _SHOWN]]
    if len(pairs) > 3 * _SHOWN:
      rest = sum(count for _, count in pairs[3 * _SHOWN :])
      lines.append(f'    {rest:>7,} in {len(pairs) - 3 * _SHOWN} more classes')
    empty = [name for name, count in pairs if not count]
    if empty:
      lines.append(f'  warning    {len(empty)} classes have no image: {listing(empty, _SHOWN)}')
  else:
    lines.append(f'  labels     vectors of {labels["dim"]}{origin}; means over the images:')
    names = labels['component_names']
    if len(names) != labels['dim']:
      names = [f'component {i}' for i in range(labels['dim'])]
    pairs = list(zip(labels['means'], names, strict=False))  # no means without any picture
    lines += [f'    {mean:>9.4g} {one_line(name)}' for mean, name in pairs[: 3 * _SHOWN]]
  if provenance and provenance.unmatched:
    where = _shown(records.path / UNMATCHED)
    lines.append(f'  warning    {provenance.unmatched:,} labels belong to no image; see {where}')
  return lines


def _duplicates(records, counts):
  if not counts['duplicates']:
    return []
  pairs = [
    f'{one_line(records.origin(later))} = {one_line(records.origin(earlier))}'
    for earlier, later in counts['duplicate_pairs'][:3]
  ]
  more = ', ...' if counts['duplicates'] > len(pairs) else ''
  return [f'  warning    {counts["duplicates"]:,} duplicates: {", ".join(pairs)}{more}']


def _size(records):
  height, width, channels = records.shape
  return f'{width}x{height}x{channels}' if height and width else 'various sizes'


def _most(reasons):
  """The most frequent reasons, the others as one."""
  pairs = list(reasons)
  rest = sum(number for _, number in pairs[_SHOWN:])
  return pairs[:_SHOWN] + ([('for other reasons', rest)] if rest else [])


def _bytes(number):
  for unit in ('bytes', 'KiB', 'MiB'):
    if number < 1024:
      return f'{number:.4g} {unit}'
    number /= 1024
  return f'{number:.4g} GiB'
