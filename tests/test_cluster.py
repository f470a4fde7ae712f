"""Which processes train together: flags first, then what the launcher says."""

import http.server
import threading

import pytest

from stylegan2_jax import cluster
from stylegan2_jax.cluster import Cluster
from stylegan2_jax.errors import UserError

SLURM = {
  'SLURM_JOB_ID': '7',
  'SLURM_STEP_NODELIST': 'node[1-2]',
  'SLURM_STEP_NUM_TASKS': '2',
  'SLURM_STEP_TASKS_PER_NODE': '1(x2)',
  'SLURM_NTASKS': '2',
  'SLURM_PROCID': '1',
  'SLURM_LOCALID': '0',
}
OPEN_MPI = {
  'OMPI_MCA_orte_hnp_uri': '1531576320.0;tcp://10.96.0.1:34911',
  'OMPI_COMM_WORLD_SIZE': '4',
  'OMPI_COMM_WORLD_RANK': '3',
  'OMPI_COMM_WORLD_LOCAL_RANK': '1',
  'OMPI_COMM_WORLD_LOCAL_SIZE': '2',
}


def found(environ, *flags):
  return cluster.find(*(flags or (None, None, None)), environ)


def test_alone():
  assert found({}) is None
  assert found({}, 'node1:5000', 1, 0) is None


def test_flags():
  assert found({}, 'node1:5000', 2, 1) == Cluster('flags', 'node1:5000', 2, 1)
  assert found(SLURM, 'node9:5000', 3, 2) == Cluster('flags', 'node9:5000', 3, 2)


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    ((None, 2, 0), '--coordinator is missing: several hosts need --coordinator, --num_processes'),
    (('a:1', None, 0), '--num_processes is missing'),
    (('a:1', 2, None), '--process_id is missing'),
    (('a:1', None, None), '--num_processes is missing'),
    (('a:1', 2, 2), '--process_id=2 must lie between 0 and 1: --num_processes=2 counts all hosts'),
    (('a:1', 0, 0), '--num_processes=0 must be at least 1: it counts all hosts'),
    ((None, -2, None), '--num_processes=-2 must be at least 1'),
    (('a:1', 2, -1), '--process_id=-1 must lie between 0 and 1'),
  ],
)
def test_flags_that_are_wrong(flags, message):
  with pytest.raises(UserError, match=message):
    found({}, *flags)


def test_a_step_of_slurm():
  """JAX knows how to find the coordinator; a process alone on its node takes all its GPUs."""
  assert found(SLURM) == Cluster('SLURM', None, 2, 1)


@pytest.mark.parametrize(
  ('changes', 'device'),
  [
    ({'SLURM_STEP_TASKS_PER_NODE': '2'}, 1),
    ({'SLURM_STEP_TASKS_PER_NODE': '1,4(x2)'}, 1),
    ({'SLURM_STEP_TASKS_PER_NODE': '2', 'CUDA_VISIBLE_DEVICES': '0,1'}, 1),
    ({'SLURM_STEP_TASKS_PER_NODE': '2', 'CUDA_VISIBLE_DEVICES': '3'}, None),
    ({'SLURM_STEP_TASKS_PER_NODE': '1,1'}, None),
  ],
)
def test_several_tasks_on_a_node_take_a_gpu_each(changes, device):
  assert found({**SLURM, 'SLURM_LOCALID': '1', **changes}).device == device


def test_slurm_around_a_single_process():
  """A batch script, and a step of one task in a job of several."""
  assert found({'SLURM_JOB_ID': '7', 'SLURM_NTASKS': '4'}) is None
  assert found({**SLURM, 'SLURM_STEP_NUM_TASKS': '1'}) is None


def test_open_mpi():
  assert found(OPEN_MPI) == Cluster('Open MPI', None, 4, 3, device=1)
  assert found({**OPEN_MPI, 'OMPI_COMM_WORLD_SIZE': '1'}) is None


def test_open_mpi_5_needs_the_coordinator():
  later = {name: value for name, value in OPEN_MPI.items() if 'orte' not in name}
  with pytest.raises(UserError, match='add --coordinator=HOST:PORT'):
    found(later)
  assert found(later, 'node1:5000', None, None) == Cluster('flags', 'node1:5000', 4, 3, device=1)


def test_tpu_pods_name_their_machines():
  assert found({'TPU_WORKER_HOSTNAMES': 'localhost'}) is None
  assert found({'TPU_WORKER_HOSTNAMES': 't0,t1'}) == Cluster('TPU pod')
  slices = {'TPU_PROCESS_ADDRESSES': 't0', 'MEGASCALE_NUM_SLICES': '2'}
  assert found(slices) == Cluster('TPU pod')


class Metadata(http.server.BaseHTTPRequestHandler):
  """As a TPU machine's metadata server answers."""

  def do_GET(self):
    assert self.headers['Metadata-Flavor'] == 'Google'
    assert self.path == '/computeMetadata/v1/instance/attributes/worker-network-endpoints'
    self.send_response(200)
    self.end_headers()
    self.wfile.write(self.server.answer)

  def log_message(self, *unused):
    pass


@pytest.mark.parametrize(('answer', 'several'), [(b'unknown:a:1', False), (b'n:a:1,n:b:2', True)])
def test_tpu_pods_of_which_only_the_metadata_server_knows(monkeypatch, answer, several):
  monkeypatch.setattr(cluster.importlib.util, 'find_spec', lambda name: name == 'libtpu')
  monkeypatch.setattr(cluster.glob, 'glob', lambda pattern: ['/dev/accel0'])
  with http.server.HTTPServer(('127.0.0.1', 0), Metadata) as server:
    server.answer = answer
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f'127.0.0.1:{server.server_port}'
    assert (found({'GCE_METADATA_IP': address}) is not None) == several
    server.shutdown()


def test_a_tpu_machine_without_metadata(monkeypatch):
  monkeypatch.setattr(cluster.importlib.util, 'find_spec', lambda name: True)
  monkeypatch.setattr(cluster.glob, 'glob', lambda pattern: ['/dev/accel0'])
  assert found({'GCE_METADATA_IP': '127.0.0.1:9'}) is None
