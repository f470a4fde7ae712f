"""From an input to a prepared set: the order of things, and what is refused."""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import re

import PIL

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.open import open_input
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.preparation.conversion import Conversion, probe_size
from stylegan2_jax.data.preparation.features import serializer
from stylegan2_jax.data.preparation.finish import finish
from stylegan2_jax.data.preparation.progress import Progress
from stylegan2_jax.data.preparation.shards import VERSION, Scratch, ShardWriter
from stylegan2_jax.data.preparation.workers import convert_all
from stylegan2_jax.data.provenance import RECORD
from stylegan2_jax.errors import UserError


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
  with contextlib.closing(open_input(request.source, request.labels, request.split)) as source:
    conversion = _conversion(request, source)
    plan = _plan(request, conversion, source)
    finished = request.out / VERSION
    if request.out.exists() and any(request.out.iterdir()):
      _check_finished(finished, plan)
      with Scratch(request.out) as scratch:  # which an interruption at the very end leaves behind
        scratch.clear()
      notice(f'{request.out} is prepared already: nothing to do')
      return finished
    with Scratch(request.out) as scratch:
      try:
        _write_shards(request, source, conversion, scratch, scratch.begin(plan))
        finish(scratch, plan, conversion, source.labels, request.strict)
      except (OSError, RuntimeError) as error:  # RuntimeError: of array_record
        reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
        raise UserError(
          f'cannot write {scratch.path} ({reason}): make room there and start the same command '
          'again'
        ) from error
      except KeyboardInterrupt:
        notice(f'\nwhat is finished lies in {scratch.path}; the same command goes on from there')
        raise
  return finished


def _check_out(request):
  """Refuses a place where no set can be, before anything is read."""
  out = request.out
  if not re.fullmatch(r'[a-z][a-z0-9_]*', out.name):
    better = re.sub(r'\W+', '_', out.name.lower(), flags=re.ASCII).strip('_0123456789') or 'photos'
    raise UserError(
      f'--out={out}: the last part names the data set, in small letters, digits and _: '
      f'{out.with_name(better)} would do'
    )
  if out.exists() and not out.is_dir():
    raise UserError(f'--out={out} is a file: name a new folder')
  source = pathlib.Path(request.source).expanduser()
  if source.is_dir() and out.absolute().resolve().is_relative_to(source.resolve()):
    raise UserError(f'--out={out} lies inside --source: name a folder outside of it')


def _conversion(request, source):
  """What is to be done with each picture."""
  size = request.resolution or _first_size(source)
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


def _first_size(source):
  """(width, height) of the first picture that has one."""
  for picture in source.pictures():
    size = None if isinstance(picture.content, Problem) else probe_size(picture.content)
    if size:
      notice(f'size {size[0]}x{size[1]}, from {picture.name} (--resolution sets another)')
      return size
  raise UserError('no picture of the source can be read: look at it, or name another --source')


def _plan(request, conversion, source):
  """All that the finished set depends on, by the names that people know."""
  digest = hashlib.sha256(repr(source.labels).encode('utf-8', 'backslashreplace'))
  for line in source.identity():
    digest.update(line.encode('utf-8', 'backslashreplace') + b'\n')
  for path in (request.source, request.labels):
    with contextlib.suppress(OSError):  # a label file that changed, or an archive
      if pathlib.Path(path).is_file():
        digest.update(repr(pathlib.Path(path).stat().st_mtime_ns).encode())
  return {
    'source': request.source,
    'kind': source.kind,
    'label_source': request.labels,
    'split': request.split,
    **{k: v for k, v in dataclasses.asdict(conversion).items() if k != 'background'},
    'background': list(conversion.background),
    'pillow': PIL.__version__,
    'input': digest.hexdigest()[:32],
  }


def _check_finished(finished, plan):
  """Raises UserError unless the folder holds the very set that is asked for."""
  try:
    record = json.loads((finished / RECORD).read_text())
  except (OSError, ValueError):
    raise UserError(
      f'--out={finished.parent} exists and is no set of this command: remove it or name another'
    ) from None
  different = [key for key in plan if record.get(key) != plan[key]]
  if different:
    raise UserError(
      f'--out={finished.parent} holds a set with another {different[0]} '
      f'({record.get(different[0])}, now {plan[different[0]]}): remove it or name another --out'
    )


def _write_shards(request, source, conversion, scratch, done):
  """Converts what the finished shards do not deal with yet."""
  number, start = done
  if start:
    notice(f'going on at picture {start:,} of {len(source):,}')
  serialize = serializer(conversion, source.labels)
  labelled = source.labels is not None
  pictures = (_labelled(p, labelled) for p in source.pictures(start))
  writer = None
  with Progress(len(source), start) as progress:
    for picture, result in convert_all(pictures, conversion, request.workers):
      writer = writer or ShardWriter(scratch.shard_path(number), start)
      if isinstance(result, Problem):
        writer.skip(picture.name, result.reason)
      else:
        example = serialize(result.encoded, picture.name, picture.label)
        writer.write(example, len(result.encoded), result.digest, picture.label)
      progress.advance(isinstance(result, Problem))
      if writer.full:
        scratch.finish_shard(number, writer.close())
        writer, number, start = None, number + 1, writer.journal.stop
    if writer:
      scratch.finish_shard(number, writer.close())


def _labelled(picture, labelled):
  """In a set with labels, a picture without one is of no use."""
  if labelled and picture.label is None and not isinstance(picture.content, Problem):
    return picture._replace(content=Problem('has no label'))
  return picture
