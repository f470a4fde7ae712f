"""The texts that choose transforms."""

import pytest

from stylegan2_jax.augment.transforms import PIPES, TRANSFORMS, parse, parse_policy


def test_pipes():
  """Spelt out once more."""
  blit, geom = 'xflip rotate90 xint', 'scale rotate aniso xfrac'
  color = 'brightness contrast lumaflip hue saturation'
  expected = {
    'blit': blit,
    'geom': geom,
    'color': color,
    'filter': 'imgfilter',
    'noise': 'noise',
    'cutout': 'cutout',
    'bg': f'{blit} {geom}',
    'bgc': f'{blit} {geom} {color}',
    'bgcf': f'{blit} {geom} {color} imgfilter',
    'bgcfn': f'{blit} {geom} {color} imgfilter noise',
    'bgcfnc': f'{blit} {geom} {color} imgfilter noise cutout',
  }
  assert {name: ' '.join(names) for name, names in PIPES.items()} == expected
  assert ' '.join(TRANSFORMS) == expected['bgcfnc']


@pytest.mark.parametrize(
  ('text', 'expected'),
  [
    ('blit', {'xflip': 1, 'rotate90': 1, 'xint': 1}),
    ('cutout, xflip', {'xflip': 1, 'cutout': 1}),  # in the order in which they act
    ('bg=0.5,rotate=2,geom=0', {'xflip': 0.5, 'rotate90': 0.5, 'xint': 0.5}),  # the last counts
    ('geom=0,rotate=2', {'rotate': 2}),
    ('noise=0', {}),
  ],
)
def test_parse(text, expected):
  assert parse(text) == expected
  assert list(parse(text)) == list(expected)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('bgx', "'bgx' is none of blit, geom, .*bgcfnc, xflip, .*saturation, imgfilter$"),
    ('', "'' is none of"),
    ('xflip=-1', "multiplier in 'xflip=-1' must be a number from 0 up"),
    ('xflip=', "multiplier in 'xflip=' must"),
    ('hue=nan', "multiplier in 'hue=nan' must"),
    ('hue=inf', "multiplier in 'hue=inf' must"),
  ],
)
def test_parse_refuses(text, message):
  with pytest.raises(ValueError, match=message):
    parse(text)


def test_policies():
  assert parse_policy('translation, color') == ('color', 'translation')
  with pytest.raises(ValueError, match="'colour' is none of color, translation, cutout"):
    parse_policy('colour')
