"""The one place that says whether operations take the forms that are fast on CPUs alone."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax

_for_any_backend = contextvars.ContextVar('for_any_backend', default=False)


def takes_cpu_forms() -> bool:
  """Whether what is traced now will run on a CPU, as far as is known."""
  return jax.default_backend() == 'cpu' and not _for_any_backend.get()


@contextlib.contextmanager
def for_any_backend() -> Iterator[None]:
  """What is traced within has no form for CPUs: for programs that are to run elsewhere.

  Functions under `jax.jit` that were traced before keep the form that they had.
  """
  token = _for_any_backend.set(True)
  try:
    yield
  finally:
    _for_any_backend.reset(token)
