"""From a picture of any size to one of the size wanted: crop, resize, pad; nothing else.

Pictures with transparency are resized with their colours weighted by alpha, as Pillow does for
LA and RGBA: the colours of what cannot be seen do not bleed into what can, and are lost.
"""

import math

from PIL import Image, ImageColor

from stylegan2_jax.data.inputs.base import Problem

_FILTERS = {
  'box': Image.Resampling.BOX,
  'lanczos': Image.Resampling.LANCZOS,
  'bicubic': Image.Resampling.BICUBIC,
}


def apply(image, conversion):
  """Brings a picture to `conversion.stored_size`.

  Args:
    image: PIL image of mode L, LA, RGB or RGBA.
    conversion: Conversion, of which size, transform, filter, background and upscale matter.

  Returns:
    PIL image of the same mode, the same object where nothing had to be done; or a Problem, for
    a picture of the wrong shape, or one that would have to be enlarged without `upscale`.
  """
  return _TRANSFORMS[conversion.transform](image, conversion)


def _none(image, conversion):
  """Resizes; the shape has to be right."""
  (width, height), size = image.size, (conversion.width, conversion.height)
  if width * size[1] != height * size[0]:
    return Problem(
      f'is {width}x{height}, not of the shape {_shape(size)} '
      '(--transform=center-crop or pad makes it so)'
    )
  return _resize(image, size, conversion)


def _center_crop(image, conversion):
  """Cuts out the largest centred rectangle of the target's shape, and resizes that.

  One side of the rectangle is the picture's; the other is rounded to whole pixels, halves up. If
  what is left over is odd, the pixel more goes to the right or the bottom.
  """
  (width, height), size = image.size, (conversion.width, conversion.height)
  if width * size[1] > height * size[0]:
    cut = _rounded(height * size[0], size[1]), height
  else:
    cut = width, _rounded(width * size[1], size[0])
  return _resize(_cut(image, cut), size, conversion, image.size)


def _center_crop_wide(image, conversion):
  """Cuts the height only, resizes to WxH, and centres that between black bars on WxW.

  As published for LSUN Car (512x384 on 512x512). The height is rounded as for center-crop; if
  W - H is odd, the lower bar is the thicker one. Bars are opaque where there is transparency.
  """
  (width, height), size = image.size, (conversion.width, conversion.height)
  cut = width, _rounded(width * size[1], size[0])
  if cut[1] > height:
    return Problem(
      f'is {width}x{height}, wider than {_shape(size)} (--transform=center-crop or pad takes it)'
    )
  wide = _resize(_cut(image, cut), size, conversion, image.size)
  return wide if isinstance(wide, Problem) else _centred(wide, conversion.stored_size, (0, 0, 0))


def _pad(image, conversion):
  """Resizes until the picture just fits, and centres it on the background.

  The side that does not fill the target is rounded to whole pixels, halves up; if what is to be
  filled is odd, the pixel more is on the right or at the bottom. The background is transparent
  where there is transparency.
  """
  (width, height), size = image.size, (conversion.width, conversion.height)
  if width * size[1] > height * size[0]:
    fitting = size[0], _rounded(height * size[0], width)
  else:
    fitting = _rounded(width * size[1], height), size[1]
  small = _resize(image, fitting, conversion, image.size)
  if isinstance(small, Problem) or small.size == size:
    return small
  return _centred(small, size, (*conversion.background, 0))


_TRANSFORMS = {
  'none': _none,
  'center-crop': _center_crop,
  'center-crop-wide': _center_crop_wide,
  'pad': _pad,
}


def _resize(image, size, conversion, whole=None):
  """Resizes unless that enlarges and must not; `whole` is the size to name in that case."""
  if image.size == size:
    return image
  if not conversion.upscale and (image.width < size[0] or image.height < size[1]):
    width, height = whole or image.size
    wanted = f'{conversion.width}x{conversion.height}'
    return Problem(f'is {width}x{height}, smaller than {wanted} (--upscale enlarges)')
  return image.resize(size, _FILTERS[conversion.filter])


def _cut(image, size):
  """The middle of a picture."""
  if image.size == size:
    return image
  left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
  return image.crop((left, top, left + size[0], top + size[1]))


def _centred(image, size, colour):
  """A picture in the middle of a canvas of one RGB or RGBA colour, taken to the picture's mode."""
  canvas = Image.new(image.mode, size, _in_mode(colour, image.mode))
  canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
  return canvas


def _in_mode(colour, mode):
  return ImageColor.getcolor('#' + bytes(colour).hex(), mode)


def _rounded(numerator, denominator):
  """The nearest whole number of pixels, halves up, at least one."""
  return max(1, (2 * numerator + denominator) // (2 * denominator))


def _shape(size):
  divisor = math.gcd(*size)
  return f'{size[0] // divisor}:{size[1] // divisor}'
