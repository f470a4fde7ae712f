"""What every watcher of a run has."""

import pathlib
from collections.abc import Mapping


class Watcher:
  """Is told what happens in a run. Each method may be left as it is: then it does nothing."""

  name = 'the log'  # in a message

  def record(self, record: Mapping) -> None:
    """After each step, with its line of stats.jsonl. Must be cheap."""

  def picture(self, kimg: float, path: pathlib.Path) -> None:
    """When a grid of fakes was written, before the checkpoint of the same step."""

  def measured(self, record: Mapping) -> None:
    """When a metric was measured, with its line of metrics.jsonl."""

  def snapshot(self) -> None:
    """When a checkpoint was begun: what came before it will not come again after a resume."""

  def close(self) -> None:
    """At the end, however it comes. Called once."""
