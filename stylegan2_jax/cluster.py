"""Which processes make up a training: by flags, or by what their launcher tells each of them.

Imports neither JAX nor anything that does.
"""

import dataclasses
import glob
import importlib.util
import urllib.request
from collections.abc import Mapping

from stylegan2_jax.errors import UserError

_FLAGS = ('coordinator', 'num_processes', 'process_id')
_METADATA = 'computeMetadata/v1/instance/attributes/worker-network-endpoints'


@dataclasses.dataclass(frozen=True)
class Cluster:
  """How a process finds the others; what is None, JAX asks the launcher for."""

  found_by: str  # 'flags' or the launcher's name
  coordinator: str | None = None  # 'host:port' of process 0
  num_processes: int | None = None
  process_id: int | None = None
  device: int | None = None  # the only one of its machine that it takes; None: all it can see


def find(
  coordinator: str | None,
  num_processes: int | None,
  process_id: int | None,
  environ: Mapping[str, str],
) -> Cluster | None:
  """The cluster that this process belongs to; None if it trains alone.

  Args:
    coordinator: flag --coordinator, HOST:PORT of process 0; None where it is not given.
    num_processes: flag.
    process_id: flag.
    environ: the variables of the process: those of SLURM, Open MPI or a TPU pod count if no flag
      is given; with --coordinator alone, they add the other two.

  Raises:
    UserError: the flags are not complete, or contradict each other.
  """
  launched = _slurm(environ) or _open_mpi(environ)
  given = (coordinator, num_processes, process_id)
  if given == (None, None, None):
    launched = launched or _tpu(environ)
    if launched is not None and launched.found_by == 'Open MPI' and not _knows_first(environ):
      raise UserError(
        'this Open MPI does not tell processes where the first one is: add '
        '--coordinator=HOST:PORT with the name of the first host and a free port'
      )
    return launched
  if launched is not None and given == (coordinator, None, None):
    given = (coordinator, launched.num_processes, launched.process_id)
  if given[1] is not None and given[1] < 1:
    raise UserError(f'--num_processes={given[1]} must be at least 1: it counts all hosts')
  missing = [f'--{name}' for name, value in zip(_FLAGS, given, strict=True) if value is None]
  if missing:
    raise UserError(f'{missing[0]} is missing: several hosts need {_listed()}')
  if not 0 <= given[2] < given[1]:
    raise UserError(
      f'--process_id={given[2]} must lie between 0 and {given[1] - 1}: '
      f'--num_processes={given[1]} counts all hosts'
    )
  device = None if launched is None else launched.device
  return Cluster('flags', *given, device) if given[1] > 1 else None


def _listed() -> str:
  return ', '.join(f'--{name}' for name in _FLAGS)


def _slurm(environ: Mapping[str, str]) -> Cluster | None:
  """A step of several tasks, as `srun` starts them. The script around it is a step of one."""
  if _number(environ, 'SLURM_STEP_NUM_TASKS') <= 1 or 'SLURM_STEP_NODELIST' not in environ:
    return None
  tasks = environ.get('SLURM_STEP_TASKS_PER_NODE', '')  # as in 4(x2),3
  shared = any(part.partition('(')[0] != '1' for part in tasks.split(','))
  return Cluster(
    'SLURM',
    num_processes=_number(environ, 'SLURM_STEP_NUM_TASKS'),
    process_id=_number(environ, 'SLURM_PROCID'),
    device=_device(environ, 'SLURM_LOCALID') if shared else None,
  )


def _open_mpi(environ: Mapping[str, str]) -> Cluster | None:
  if _number(environ, 'OMPI_COMM_WORLD_SIZE') <= 1:
    return None
  shared = _number(environ, 'OMPI_COMM_WORLD_LOCAL_SIZE') > 1
  return Cluster(
    'Open MPI',
    num_processes=_number(environ, 'OMPI_COMM_WORLD_SIZE'),
    process_id=_number(environ, 'OMPI_COMM_WORLD_RANK'),
    device=_device(environ, 'OMPI_COMM_WORLD_LOCAL_RANK') if shared else None,
  )


def _knows_first(environ: Mapping[str, str]) -> bool:
  return 'OMPI_MCA_orte_hnp_uri' in environ  # up to version 4


def _device(environ: Mapping[str, str], name: str) -> int | None:
  """The GPU of a process that shares its machine: that of its number, unless it sees but one."""
  visible = environ.get('CUDA_VISIBLE_DEVICES', '')
  return None if visible and ',' not in visible else _number(environ, name)


def _tpu(environ: Mapping[str, str]) -> Cluster | None:
  """A pod: TPU machines that work as one. On a single one JAX needs no help."""
  for name in ('TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES'):
    if name in environ:
      several = ',' in environ[name] or _number(environ, 'MEGASCALE_NUM_SLICES') > 1
      return Cluster('TPU pod') if several else None
  if importlib.util.find_spec('libtpu') is None or not glob.glob('/dev/accel*'):
    return None
  several = ',' in _tpu_workers(environ) or _number(environ, 'MEGASCALE_NUM_SLICES') > 1
  return Cluster('TPU pod') if several else None


def _tpu_workers(environ: Mapping[str, str]) -> str:
  """What the machine's metadata server says of the pod's machines; '' where there is none."""
  server = environ.get('GCE_METADATA_IP', 'metadata.google.internal')
  request = urllib.request.Request(f'http://{server}/{_METADATA}')
  request.add_header('Metadata-Flavor', 'Google')
  try:
    with urllib.request.urlopen(request, timeout=5) as answer:
      return answer.read().decode()
  except OSError:
    return ''


def _number(environ: Mapping[str, str], name: str) -> int:
  value = environ.get(name, '')
  return int(value) if value.isdecimal() else 0
