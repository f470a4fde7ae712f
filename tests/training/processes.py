"""Programs that run as the hosts of a job on this machine, each a process with CPU devices."""

import pathlib
import socket
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

from tests import quick

ROOT = pathlib.Path(__file__).parents[2]

_HOST = """
import contextlib, json, os, sys, time
import numpy as np
from stylegan2_jax import backend
from stylegan2_jax.cluster import Cluster
backend.prepare()
from stylegan2_jax.errors import CommandError, TrainingFailed, UserError
from stylegan2_jax.training import hosts, joining, parallel
import jax
HOST, HOSTS, PORT = map(int, sys.argv[1:4])
jax.config.update('jax_numpy_rank_promotion', 'raise')

@contextlib.contextmanager
def caught(results, name):
  try:
    yield
    results[name] = None
  except Exception as error:
    results[name] = [type(error).__name__, str(error)]

def main():
"""
_JOIN = """
CLUSTER = Cluster('flags', f'127.0.0.1:{PORT}', HOSTS, HOST) if HOSTS > 1 else None
with joining.joined(CLUSTER, None, meet=60):
  main()
"""


def free_port() -> int:
  """A port that nobody listens on at this moment."""
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]


def start(
  program: str, devices: tuple[int, ...] = (2, 2), **variables: str
) -> list[subprocess.Popen]:
  """Starts the body of a function on as many hosts as `devices` has numbers.

  Args:
    program: knows the names of `_HOST`.
    devices: of each host.
    **variables: of the environment.
  """
  text = _HOST + textwrap.indent(textwrap.dedent(program), '  ') + _JOIN
  port = str(free_port())
  return [
    subprocess.Popen(
      [sys.executable, '-c', text, str(host), str(len(devices)), port],
      cwd=ROOT,
      env=quick.environment(count, **{'JAX_PLATFORMS': 'cpu', **variables}),
      text=True,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
    )
    for host, count in enumerate(devices)
  ]


def finish(processes: list[subprocess.Popen], timeout: float = 120) -> list[tuple[int, str, str]]:
  """(exit status, standard output, standard error) of each."""
  try:
    with ThreadPoolExecutor(len(processes)) as pool:  # a process whose pipe is full stands still
      outputs = list(pool.map(lambda process: process.communicate(timeout=timeout), processes))
  finally:
    for process in processes:
      process.kill()
  return [(p.returncode, *output) for p, output in zip(processes, outputs, strict=True)]
