"""What other projects say of their networks, as fields of NetworkSettings."""

from collections.abc import Mapping
from typing import Any

from stylegan2_jax.errors import UserError

_REDUCED = 4  # resolutions


def width_fields(widths: Mapping[int, int], owner: str) -> dict[str, int]:
  """channel_base and channel_max that give the widths that blocks have, by resolution.

  Raises:
    UserError: none do.
  """
  channel_max = max(widths.values())
  channel_base = max((w * r for r, w in widths.items() if w < channel_max), default=None)
  if channel_base is None:  # nowhere narrower: any base that is large enough
    channel_base = channel_max * max(widths)
  if any(min(channel_base // r, channel_max) != w for r, w in widths.items()):
    raise UserError(
      f'{owner} has widths {widths}, not min(base // resolution, max) of any base and max: it '
      'cannot be imported'
    )
  return {'channel_base': channel_base, 'channel_max': channel_max}


def precision_fields(num_reduced: int, clamp: float | None) -> dict[str, Any]:
  """num_reduced and clamp, and where needed reduced_dtype.

  Here only networks with reduced precision clamp: others that do reduce to float32.
  """
  if clamp is None or num_reduced:
    return {'num_reduced': num_reduced, 'clamp': clamp}
  return {'num_reduced': _REDUCED, 'reduced_dtype': 'float32', 'clamp': clamp}
