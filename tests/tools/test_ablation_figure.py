import math

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.tools import ablation_figure
from stylegan2_jax.tools.ablation_figure import draw, mean_curve, size, write
from stylegan2_jax.tools.ablation_table import Numbers

VARIANTS = {
  'r1_gamma=1': [
    Numbers({}, {'loss_d': [(1.0, 2.0), (2.0, 4.0)], 'r1_penalty': [(2.0, 0.5)]}),
    Numbers({}, {'loss_d': [(1.0, 4.0)], 'r1_penalty': [(2.0, 1.5)]}),
  ],
  'cost=$1$': [Numbers({}, {'loss_d': [(1.0, 7.0), (2.0, 8.0)]})],
  'nothing yet': [],
}


def test_mean_and_deviation_at_each_point():
  kimg, mean, deviation = mean_curve(VARIANTS['r1_gamma=1'], 'loss_d')
  assert (kimg, mean) == ([1.0, 2.0], [3.0, 4.0])
  assert deviation == [pytest.approx(math.sqrt(2)), 0.0]
  assert mean_curve([], 'loss_d') == ([], [], [])


def test_the_lines_are_the_data():
  figure = draw(VARIANTS, ['loss_d', 'r1_penalty'])
  losses, penalties = figure.axes
  assert (losses.get_title(), penalties.get_title()) == ('loss_d', 'r1_penalty')
  first, second, third = losses.get_lines()
  np.testing.assert_array_equal(first.get_xydata(), [[1, 3], [2, 4]])
  np.testing.assert_array_equal(second.get_xydata(), [[1, 7], [2, 8]])
  assert len(third.get_xydata()) == 0
  np.testing.assert_array_equal(penalties.get_lines()[0].get_xydata(), [[2, 1]])
  band = losses.collections[0].get_paths()[0].vertices
  at_one = band[band[:, 0] == 1][:, 1]
  assert (at_one.min(), at_one.max()) == pytest.approx((3 - math.sqrt(2), 3 + math.sqrt(2)))
  assert (losses.get_yscale(), penalties.get_yscale()) == ('linear', 'log')
  assert losses.get_xlabel() == 'kimg'
  (legend,) = figure.legends
  assert [text.get_text() for text in legend.get_texts()] == list(VARIANTS)
  colors = [line.get_color() for line in legend.get_lines()]
  assert colors == [first.get_color(), second.get_color(), third.get_color()]
  assert len(set(colors)) == 3


def test_a_band_ends_on_a_logarithmic_axis():
  runs = [Numbers({}, {'r1_penalty': [(1.0, value)]}) for value in (1.0, 9.0)]
  (band,) = draw({'a': runs}, ['r1_penalty']).axes[0].collections
  heights = band.get_paths()[0].vertices[:, 1]
  assert (heights.min(), heights.max()) == pytest.approx((2.5, 5 + math.sqrt(32)))


def test_a_penalty_of_zero_has_no_logarithm():
  zeros = {'a': [Numbers({}, {'r1_penalty': [(1.0, 0.0), (2.0, 1.0)]})]}
  assert draw(zeros, ['r1_penalty']).axes[0].get_yscale() == 'linear'


@pytest.mark.parametrize(('panels', 'shape'), [(1, (1, 1)), (2, (2, 1)), (4, (3, 2))])
def test_the_file(tmp_path, panels, shape):
  names = ['loss_d', 'r1_penalty', 'a', 'b'][:panels]
  path = tmp_path / 'curves.png'
  write(draw(VARIANTS, names), path)
  with Image.open(path) as image:
    image.load()
    pixels = np.asarray(image.convert('RGB')).astype(int)
    assert image.format == 'PNG'
    assert image.size == size(panels, 3) == (440 * shape[0], 300 * shape[1] + 96)
  blue = np.abs(pixels - [31, 119, 180]).sum(-1) < 12  # the first line, and its sample
  assert blue.sum() > 100
  assert blue[:250, :440].sum() > 50


def test_no_two_of_twenty_variants_look_alike():
  many = {f'v{i}': [Numbers({}, {'loss_d': [(1.0, float(i))]})] for i in range(20)}
  lines = draw(many, ['loss_d']).axes[0].get_lines()
  assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20
  assert ablation_figure.size(1, 20)[1] > size(1, 3)[1]
