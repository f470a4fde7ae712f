"""stats.jsonl: the numbers of each step, a million lines in a run of weeks."""

from collections.abc import Mapping

from stylegan2_jax.json_lines import JsonLines, is_number


class Stats(JsonLines):
  """The records of a run: numbers, `step` and `kimg` among them. What is no number is left out."""

  @staticmethod
  def taken(record: object) -> dict | None:
    """Its numbers."""
    if not isinstance(record, dict):
      return None
    numbers = {name: value for name, value in record.items() if is_number(value)}
    return numbers if 'kimg' in numbers and isinstance(numbers.get('step'), int) else None

  def elapsed(self, step: int) -> float:
    """Seconds of training up to a step, as far as the records tell.

    Raises:
      UserError: the file cannot be read.
    """
    seconds = 0.0
    for record, _ in self.records():
      if record['step'] > step:
        break
      seconds = elapsed_after(record, seconds)
    return seconds


def elapsed_after(record: Mapping, before: float) -> float:
  """Seconds of training after a record, where it was `before` until then.

  Records of older versions do not say: the time of their step is next to it.
  """
  return record.get('elapsed_seconds', before + record.get('seconds', 0.0))
