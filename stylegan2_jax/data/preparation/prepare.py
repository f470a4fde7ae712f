"""From an input to a prepared set: the order of things, and what is refused."""

import contextlib
import dataclasses
import pathlib
import re

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.open import open_input
from stylegan2_jax.data.notices import announced, notice
from stylegan2_jax.data.preparation.conversion import Conversion
from stylegan2_jax.data.preparation.features import as_array, serializer
from stylegan2_jax.data.preparation.finish import finish
from stylegan2_jax.data.preparation.plan import difference, make_plan
from stylegan2_jax.data.preparation.progress import Progress
from stylegan2_jax.data.preparation.scratch import VERSION, Scratch
from stylegan2_jax.data.preparation.shard import ShardWriter
from stylegan2_jax.data.preparation.sizing import size_of_pictures, warn_of_size
from stylegan2_jax.data.preparation.workers import convert_all
from stylegan2_jax.data.provenance import SKIPPED, read_json, read_provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError

_ANY_SIZE = (4, 3)  # that passes for every transform


@dataclasses.dataclass(frozen=True)
class Request:
  """What to prepare; the fields are the flags of `launch.py prepare`."""

  source: str
  out: pathlib.Path
  resolution: tuple[int, int] | None = None  # (width, height); None: that of the first picture
  transform: str = 'none'
  filter: str = 'lanczos'
  labels: str = 'auto'
  channels: int = 3
  background: tuple[int, int, int] = (255, 255, 255)
  format: str = 'png'
  upscale: bool = False
  split: str = 'train'
  workers: int = 1
  strict: bool = False


def prepare(request: Request) -> pathlib.Path:
  """Prepares a set, or goes on with it where it was interrupted.

  Returns:
    The folder of the finished set, with its version. One that is there already is left alone.

  Raises:
    UserError: the request, the input or the disk does not allow it; nothing but the scratch folder
      beside `out` has been touched then.
  """
  _check_out(request)
  _conversion(request, request.resolution or _ANY_SIZE)  # what is wrong with it, before reading
  with Scratch(request.out) as scratch, _opened(request) as source:
    size = request.resolution or size_of_pictures(source, request.workers == 0)
    conversion = _conversion(request, size)
    plan = make_plan(source, conversion, request.source, request.labels, request.split)
    finished = request.out / VERSION
    if request.out.exists() and any(request.out.iterdir()):
      _check_finished(finished, plan, request.strict)
      scratch.clear()  # which an interruption at the very end leaves behind
      notice(f'{request.out} is prepared already: nothing to do')
      return finished
    warn_of_size(*conversion.stored_size)
    _write_shards(request, source, conversion, scratch, scratch.begin(plan))
    finish(scratch, plan, conversion, source.labels, request.strict)
  return finished


def _check_out(request):
  """Refuses a place where no set can be, before anything is read."""
  out = request.out
  if not re.fullmatch(r'[a-z][a-z0-9_]{0,99}', out.name):
    better = re.sub(r'\W+', '_', out.name.lower(), flags=re.ASCII).strip('_0123456789') or 'photos'
    raise UserError(
      f'--out={out}: the last part names the data set, in small letters, digits and _: '
      f'{out.parent / better[:99]} would do'
    )
  try:
    if out.is_symlink() or out.is_mount() or (out.exists() and not out.is_dir()):
      raise UserError(f'--out={out} is a file, a link or a mount point: name a new folder')
    source = pathlib.Path(request.source)
    if source.is_dir() and out.absolute().resolve().is_relative_to(source.resolve()):
      raise UserError(f'--out={out} lies inside --source: name a folder outside of it')
  except OSError as error:
    raise UserError(f'cannot use --out={out} ({error.strerror}): name another') from None


def _conversion(request, size):
  """What is to be done with each picture. Raises UserError if it cannot be."""
  conversion = Conversion(
    *size,
    channels=request.channels,
    transform=request.transform,
    filter=request.filter,
    background=request.background,
    format=request.format,
    upscale=request.upscale,
  )
  conversion.check()
  return conversion


@contextlib.contextmanager
def _opened(request):
  """The source, while it is needed."""
  with announced(f'looking through {request.source} ...'):
    source = open_input(request.source, request.labels, request.split)
  if source.hint:
    notice(f'note: no labels; {source.hint}')
  with contextlib.closing(source):
    yield source


def _check_finished(finished, plan, strict):
  """Raises UserError unless the folder holds the very set that is asked for, whole."""
  out = finished.parent
  found, provenance = read_json(finished), read_provenance(finished)
  if found is None or provenance is None:
    raise UserError(f'--out={out} exists and is no set of this command: remove it or name another')
  different = difference(found, plan)
  if different:
    raise UserError(
      f'--out={out} holds a set with another {different}; remove it or name another --out'
    )
  Records(finished)  # refuses one that is damaged
  if strict and (provenance.num_skipped or provenance.unmatched):
    raise UserError(
      f'--strict: {provenance.num_skipped:,} images and {provenance.unmatched:,} labels were left '
      f'out of {out} when it was prepared: {finished / SKIPPED} names them'
    )


def _write_shards(request, source, conversion, scratch, position):
  """Converts what the finished shards do not deal with yet."""
  if position.inputs:
    notice(f'going on at image {position.inputs:,} of {len(source):,}')
  serialize = serializer(conversion, source.labels)
  pictures = (_labelled(p, source.labels) for p in source.pictures(position.inputs))
  writer = None
  try:
    with Progress(len(source), position.inputs) as progress:
      for picture, result in convert_all(pictures, conversion, request.workers):
        writer = writer or ShardWriter(scratch.shard_path(position.shards), position)
        if isinstance(result, Problem):
          writer.skip(picture.name, result.reason)
        else:
          label = as_array(picture.label, source.labels)
          example = serialize(result.encoded, picture.name, label)
          writer.write(example, len(result.encoded), result.digest, label)
        progress.advance(isinstance(result, Problem))
        if writer.full:
          position, writer = scratch.finish_shard(position, writer.close()), None
      if writer:
        position = scratch.finish_shard(position, writer.close())
  except KeyboardInterrupt:
    kept = f'{position.inputs:,} of {len(source):,} images are kept in {scratch.path}'
    notice(f'\n{kept if position.inputs else "nothing is kept yet"}; the same command goes on')
    raise


def _labelled(picture, labels):
  """In a set with labels, a picture without one is of no use."""
  if labels and picture.label is None and not isinstance(picture.content, Problem):
    return picture._replace(content=Problem('has no label'))
  return picture
