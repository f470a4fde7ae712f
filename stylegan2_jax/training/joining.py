"""How a process joins the other hosts of a training, and leaves them."""

import atexit
import contextlib
import ctypes
import os
import re
import socket
import sys
import time
from collections.abc import Iterator

import jax
import numpy as np

from stylegan2_jax.cluster import Cluster
from stylegan2_jax.errors import UserError
from stylegan2_jax.supervisor import HostLost, Parent
from stylegan2_jax.training import hosts, parallel
from stylegan2_jax.words import one_line, reason

_MEET = 300  # seconds in which all hosts must have started
_NAMED = 30  # of them, in which the first one's name must be known: some networks learn it late
_SILENT = 20  # seconds after which a host without a sign of life counts as lost
_PART = 20  # seconds between the first and the last host that ends

# Errors of collective operations, as the libraries below JAX word them, when a host is gone.
_GONE = re.compile(
  r'gloo|coordination|heartbeat|socket closed|connection (closed|reset)|remote process exited',
  re.I,
)


@contextlib.contextmanager
def joined(cluster: Cluster | None, parent: Parent | None, meet: float = _MEET) -> Iterator[None]:
  """Trains together with the other hosts while the block lasts. JAX must not have been used before.

  All hosts must leave the block at about the same time. Where one leaves it early, by an error of
  its own, the others are ended by JAX after a while; `parent` tells their users.

  Args:
    cluster: how to find the others; None: alone, and nothing is done.
    parent: is told that the others were found, and the exit status of how the block ends.
    meet: seconds to wait for the others.

  Raises:
    UserError: the others cannot be reached, or have different numbers of devices.
    HostLost: another host was lost.
  """
  if cluster is None:
    yield
    return
  status, line = 0, ''
  try:
    _join(cluster, meet)
    if parent is not None:
      parent.joined()
    with _lost_hosts_named():
      yield
  except BaseException as error:
    status, line = _status(error), str(error)
    if isinstance(error, HostLost):  # there is nobody to part from, which JAX would wait for
      atexit.register(_end, status)
    raise
  finally:
    if parent is not None:
      parent.ended(status, line)


def _join(cluster, meet):
  if cluster.coordinator is not None:
    _check_address(cluster.coordinator)
  _say_waiting(cluster, meet)
  if cluster.coordinator is not None:
    _reach_coordinator(cluster, meet)
  # JAX's own preemption service would take SIGTERM from StopRequest, which answers it.
  jax.config.update('jax_enable_preemption_service', False)
  try:
    jax.distributed.initialize(
      cluster.coordinator,
      cluster.num_processes,
      cluster.process_id,
      local_device_ids=[] if cluster.device is None else [cluster.device],
      initialization_timeout=int(meet),
      heartbeat_timeout_seconds=_SILENT,
      shutdown_timeout_seconds=_PART,
    )
  except (ValueError, RuntimeError, KeyError) as error:
    raise UserError(
      f'cannot join the other hosts, which {cluster.found_by} named: {one_line(error, 200)}; '
      'name them by --coordinator, --num_processes and --process_id'
    ) from error
  with _c_output_hidden():
    _open_connections()


def _say_waiting(cluster, meet):
  """On standard error, which a supervisor passes on at once."""
  count = 'all' if cluster.num_processes is None else f'all {cluster.num_processes}'
  first = '' if cluster.coordinator is None else f', the first at {cluster.coordinator}'
  print(f'waiting up to {meet:g} s for {count} hosts{first} ...', file=sys.stderr, flush=True)


def _check_address(coordinator):
  host, colon, port = coordinator.rpartition(':')
  if not (host and colon and port.isdecimal() and 0 < int(port) < 2**16):
    raise UserError(
      f'--coordinator={coordinator} must be the name of the first host and a free port of it, as '
      'in node1:29500'
    )


def _reach_coordinator(cluster, meet):
  """Finds out in time what JAX's C++ code would abort the process for."""
  host, _, port = cluster.coordinator.rpartition(':')
  _resolve(host.strip('[]'), int(port), min(meet, _NAMED))
  if cluster.process_id == 0:
    _check_free(int(port))
  else:
    _wait_for(host.strip('[]'), int(port), meet)


def _resolve(host, port, seconds):
  end = time.monotonic() + seconds
  while True:
    try:
      socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
      return
    except (OSError, UnicodeError) as error:
      if time.monotonic() > end:
        raise UserError(
          f'--coordinator names the host {one_line(host)}, which this one does not know '
          f'({reason(error)}): give its name or address as the others know it'
        ) from None
    time.sleep(0.5)


def _check_free(port):
  family = socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET
  with contextlib.closing(socket.socket(family)) as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      probe.bind(('', port))
    except OSError as error:
      raise UserError(
        f'port {port} of --coordinator cannot be used on this host ({error.strerror}): '
        'name another one on all hosts'
      ) from None


def _wait_for(host, port, meet):
  end = time.monotonic() + meet
  while True:
    try:
      socket.create_connection((host, port), timeout=5).close()
      return
    except OSError as error:
      if time.monotonic() > end:
        raise UserError(
          f'the first host cannot be reached at {host}:{port} ({error.strerror or error}): '
          'start it too, and let --coordinator name it and a port that is open'
        ) from None
    time.sleep(0.5)


def _open_connections():
  """A first exchange, in the two groups that there will be: all devices, and one of each host.

  Opening connections, all must come within 30 seconds; later on, one may keep the others waiting.
  """
  ones = parallel.shard(np.ones((parallel.local_device_count(), 1), np.float32))
  jax.block_until_ready(parallel.parallel(lambda x: jax.lax.psum(x, parallel.AXIS_NAME))(ones))
  hosts.first_says(None)


@contextlib.contextmanager
def _c_output_hidden():
  """Without what C libraries print: Gloo tells each connection."""
  sys.stdout.flush()
  kept = os.dup(1)
  null = os.open(os.devnull, os.O_WRONLY)
  os.dup2(null, 1)
  try:
    yield
  finally:
    ctypes.CDLL(None).fflush(None)
    os.dup2(kept, 1)
    os.close(kept)
    os.close(null)


@contextlib.contextmanager
def _lost_hosts_named():
  try:
    yield
  except jax.errors.JaxRuntimeError as error:
    if not _GONE.search(str(error)):
      raise
    raise HostLost from error


def _end(status):
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


def _status(error: BaseException) -> int:
  """The exit status of a command that ends by this."""
  if isinstance(error, SystemExit):
    return error.code if isinstance(error.code, int) else int(error.code is not None)
  return getattr(error, 'status', 130 if isinstance(error, KeyboardInterrupt) else 1)
