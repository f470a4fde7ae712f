"""What a host does that writes nothing. What each method is for, `books.Books` says."""

from collections.abc import Callable
from typing import Any

from stylegan2_jax.errors import CommandError
from stylegan2_jax.training.resume import Beginning
from stylegan2_jax.training.state import TrainState


class NoBooks:
  """Takes everything and writes nothing."""

  def say(self, text: str) -> None:
    """Nobody listens."""

  def resume(self, fresh: TrainState) -> Beginning:
    """The first host knows."""
    return Beginning(fresh, None, {})

  def unmeasured(self, step: int) -> bool:
    """The first host knows."""
    return False

  def begin(self, step: int) -> None:
    """Nothing to open."""

  def record(self, record: dict[str, Any]) -> None:
    """The first host has the same numbers."""

  def draw_reals(self) -> None:
    """Left to the first host."""

  def draw_fakes(self, step: int, generator, weights) -> None:
    """Left to the first host."""

  def save(self, step: int, state: Callable[[], TrainState], info: dict[str, Any]) -> None:
    """Left to the first host, which has the same state."""

  def measure(self, step: int, generator, weights, stop: Callable[[], bool]) -> None:
    """Left to the first host."""

  def finish(self) -> None:
    """Nothing to wait for."""

  def ended(self, ending: CommandError | None) -> CommandError | None:
    """The first host knows the way back."""
    return ending

  def close(self) -> None:
    """Nothing is open."""
