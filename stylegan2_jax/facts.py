"""What a preset may adapt to: the devices and the pictures, looked at when asked for."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple


class ImageForm(NamedTuple):
  """The form of a data set's pictures, as the fields of the config give it."""

  resolution: int  # data.resolution: the longer side that networks can have of such pictures
  aspect: str  # data.aspect
  channels: int  # data.channels


@dataclasses.dataclass(frozen=True)
class Facts:
  """Known only once JAX is up and the data is there; each is found once.

  >>> Facts(lambda: 8, lambda: None).num_devices
  8
  """

  count_devices: Callable[[], int]
  find_image: Callable[[], ImageForm | None]

  @functools.cached_property
  def num_devices(self) -> int:
    """Of all hosts together."""
    return self.count_devices()

  @functools.cached_property
  def image(self) -> ImageForm | None:
    """None where the data does not say: it takes any form, or is not named yet."""
    return self.find_image()
