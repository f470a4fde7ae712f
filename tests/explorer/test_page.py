"""The page in a real browser: pictures follow its controls, in time, and nothing is fetched."""

import statistics
import time

import pytest

from tests.explorer.browsing import PIXELS, asked_for, changes, settled, slide
from tests.explorer.serving import request

LIMIT = 0.1  # seconds for a picture of the demo model
SLIDE = """([label, values]) => (async () => {
  const slider = document.querySelector(`input[type=range][aria-label="${label}"]`);
  const picture = document.querySelector('#picture');
  const times = [];
  for (const value of values) {
    const before = Number(picture.dataset.drawn), begin = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event('input'));
    while (Number(picture.dataset.drawn) === before) await new Promise((r) => setTimeout(r, 0));
    times.push(performance.now() - begin);
  }
  return times;
})()"""


def test_pictures_follow_the_controls(opened, demo):
  page = opened(demo)
  assert page.title() == 'model.safetensors - explorer'
  assert page.evaluate(PIXELS) == asked_for(demo)
  steps = [
    (lambda: slide(page, 'Seed', 42), {'seed': 42}),
    (lambda: slide(page, 'Truncation ψ', 0.5), {'psi': 0.5}),
    (lambda: slide(page, 'Truncated layers', 3), {'cutoff': 3}),
    (lambda: page.get_by_text('coarse 4x4').click(), {'mix_layers': [0, 1, 2]}),
    (lambda: slide(page, 'Partner seed', 7), {'mix_seed': 7}),
    (
      lambda: page.locator('#mixing').get_by_text('7', exact=True).click(),
      {'mix_layers': [0, 1, 2, 7]},
    ),
    (
      lambda: slide(page, 'Direction 2', 2.5),
      {'moves': [{'method': 'sefa', 'group': 'all', 'number': 1, 'strength': 2.5}]},
    ),
    (lambda: page.locator('#noise').get_by_text('random').click(), {'noise': 'random'}),
    (lambda: slide(page, 'Strength', 3), {'noise_scale': 3}),
  ]
  view, seen = {}, set()
  for action, fields in steps:
    view |= fields
    pixels = changes(page, action)
    assert pixels == asked_for(demo, **view)
    assert tuple(pixels) not in seen
    seen.add(tuple(pixels))
  page.get_by_text('Python code').click()
  page.get_by_text('gan.draw(ws, noise=').wait_for()
  assert 'find_directions(gan' in page.inner_text('#snippet')
  page.wait_for_timeout(400)  # until the address has the view
  page.reload()
  settled(page)
  assert page.evaluate(PIXELS) == pixels
  assert page.get_by_role('slider', name='Seed', exact=True).input_value() == '42'
  assert changes(page, page.get_by_role('button', name='Reset').click) == asked_for(demo)


def test_numbers_may_lie_outside_of_sliders(opened, demo):
  page = opened(demo)
  number = page.get_by_role('spinbutton', name='Seed', exact=True)
  pixels = changes(page, lambda: number.fill('123456789'))
  assert pixels == asked_for(demo, seed=123456789)
  number.fill('-3')
  number.blur()
  assert number.input_value() == '123456789'


def test_directions_of_groups_add_up(opened, demo):
  page = opened(demo)
  moves = [{'method': 'sefa', 'group': 'all', 'number': 0, 'strength': -3}]
  changes(page, lambda: slide(page, 'Direction 1', -3))
  page.locator('#directions').get_by_text('PCA').click()
  page.locator('#directions').get_by_text('fine').click()
  page.locator('.moves[data-set="pca fine"]').wait_for()
  moves.append({'method': 'pca', 'group': 'fine', 'number': 2, 'strength': 4})
  slider = page.get_by_role('slider', name='Direction 3')
  assert (
    page.get_by_role('slider', name='Direction 1', exact=True).input_value() == '0'
  )  # another one now
  assert changes(page, lambda: slider.fill('4')) == asked_for(demo, moves=moves)
  remove = page.get_by_role('button', name='remove SeFa all 1')
  assert changes(page, remove.click) == asked_for(demo, moves=moves[1:])
  assert slider.input_value() == '4'


@pytest.mark.parametrize(
  'fragment',
  ['#x', '#%', '#3', '#null', '#[1]', '#{"sede":1}', '#{"seed":"1"}', '#{"moves":[null]}',
   '#{"seed":-1}', '#{"cutoff":{}}', '#{"moves":[3]}', '#{"mix_layers":["a"]}'],
)  # fmt: skip
def test_addresses_that_are_no_views(opened, demo, fragment):
  page = opened(demo, expected=['status of 400'], fragment=fragment)
  assert page.evaluate(PIXELS) == asked_for(demo)


def test_keys(opened, demo):
  page = opened(demo)
  page.locator('h1').click()
  assert changes(page, lambda: page.keyboard.press('ArrowRight')) == asked_for(demo, seed=1)
  assert changes(page, lambda: page.keyboard.press('ArrowLeft')) == asked_for(demo)
  page.get_by_role('slider', name='Truncation ψ').focus()
  assert changes(page, lambda: page.keyboard.press('ArrowLeft')) == asked_for(demo, psi=0.99)


def test_speed(opened, demo, capsys):
  """Medians of 30 pictures; the best of three where the machine does something else as well."""
  page = opened(demo)
  answers, moves = [], []
  for _ in range(3):
    seconds = []
    for seed in range(30):
      begin = time.perf_counter()
      assert request(demo, '/picture', {'view': {'seed': seed}, 'stream': 'a'}).status == 200
      seconds.append(time.perf_counter() - begin)
    answers.append(statistics.median(seconds))
    values = [(i + 1) / 10 for i in range(30)]
    moves.append(statistics.median(page.evaluate(SLIDE, ['Direction 1', values])) / 1000)
  with capsys.disabled():
    print(f'\nexplorer, demo model: {1000 * min(answers):.1f} ms an answer,', end=' ')
    print(f'{1000 * min(moves):.1f} ms from slider to pixels')
  assert min(answers) < LIMIT
  assert min(moves) < LIMIT


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_nothing_is_wider_than_a_phone(opened, demo, scheme):
  page = opened(demo, width=390, color_scheme=scheme)
  assert page.evaluate('document.documentElement.scrollWidth') == 390
  box = page.locator('#picture').bounding_box()
  assert box['width'] % 32 == 0  # whole factors
  assert 250 <= box['width'] <= 390
  slide(page, 'Direction 10', 1)
  box = page.locator('#picture').bounding_box()
  assert 0 <= box['y'] < 100  # in sight wherever the sliders are
  colour = page.evaluate('getComputedStyle(document.body).backgroundColor')
  assert (colour == 'rgb(16, 18, 21)') == (scheme == 'dark')


def test_controls_have_names(opened, demo):
  page = opened(demo)
  nameless = page.evaluate(
    """[...document.querySelectorAll('input, select, button, a, summary')].filter((node) =>
      !(node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.textContent.trim()))
      .map((node) => node.outerHTML)"""
  )
  assert nameless == []
