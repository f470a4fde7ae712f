"""report.html in a real browser: no errors, no requests, a strip that moves, curves that answer."""

import contextlib

import numpy as np
import pytest

from stylegan2_jax import images
from stylegan2_jax.reporting.report import Report
from stylegan2_jax.run_directory import RunDirectory
from tests import chromium, helpers

EVIL = '</script><img src=x onerror="document.title=1">'


@pytest.fixture(scope='module')
def browser():
  with chromium.started() as browser:
    yield browser


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run of 300 steps with five grids, whose texts try to become markup."""
  run = RunDirectory(tmp_path_factory.mktemp('runs') / 'a <b>bold run')
  run.path.mkdir()
  rng = np.random.default_rng(0)
  for step in range(1, 301):
    numbers = {'loss_g': 2 + rng.random(), 'loss_d': rng.random(), 'logits_real': rng.normal()}
    r1 = {'r1_penalty': 0.01 * step} if step % 16 == 1 else {}
    times = {'seconds': 0.1, 'data_wait_seconds': 0.001, 'elapsed_seconds': 20.0 * step}
    kimg = step * 8 / 1000
    run.stats.append({'step': step, 'kimg': kimg, **numbers, **r1, **times, EVIL: step})
  for number in range(5):
    grid = np.full((64, 128, 3), 50 * number, np.uint8)
    images.save_png(run.fakes_path(number * 0.6), grid)
  images.save_png(run.reals_path, rng.integers(0, 256, (64, 128, 3), np.uint8))
  run.log_path.write_text(f'2030-01-01 00:00:00 {EVIL}\n')
  settings = helpers.settings(data={'source': EVIL}, batch_size=8, total_kimg=4.8)
  Report(run, settings, {EVIL: EVIL}).snapshot()
  run.close()
  return run


@pytest.fixture(scope='module')
def empty(tmp_path_factory):
  """A run that has neither steps nor grids."""
  run = RunDirectory(tmp_path_factory.mktemp('empty'))
  Report(run, helpers.settings(), {}).snapshot()
  return run


@pytest.fixture
def opened(browser):
  """A function that opens a run's report; what goes wrong in it fails the test at its end."""
  contexts, wrong = [], []

  def open_report(run, width=1280, **options):
    context = browser.new_context(viewport={'width': width, 'height': 900}, **options)
    contexts.append(context)
    page = context.new_page()
    page.on('console', lambda message: wrong.append(message.text))
    page.on('pageerror', lambda error: wrong.append(str(error)))
    # data: is what the page itself holds.
    page.on('request', lambda request: requests.append(request.url))
    page.goto(run.report_path.as_uri())
    return page

  requests = []
  yield open_report
  for context in contexts:
    context.close()
  assert not wrong
  assert {url.partition(':')[0] for url in requests} <= {'file', 'data'}
  assert sum(url.startswith('file:') for url in requests) == len(contexts)


def shown(page):
  """(caption, picture) of the strip."""
  return page.inner_text('#caption'), page.get_attribute('#grid', 'src')


def test_header_and_texts(opened, run):
  page = opened(run)
  assert page.inner_text('h1') == 'a <b>bold run'
  assert page.title() == 'a <b>bold run - stylegan2_jax'
  names = page.locator('.tiles dt').all_inner_texts()
  values = (' '.join(text.split()) for text in page.locator('.tiles dd').all_inner_texts())
  tiles = dict(zip(names, values, strict=True))
  assert tiles['Progress'] == '50 % 300 steps'
  assert tiles['Images shown, kimg'] == '2.4 of 4.8'
  assert tiles['Training time'] == '1 h 40 min while it ran'
  assert tiles['Time left'] == '1 h 40 min at the speed of late'
  assert tiles['Speed of late'] == '0.4 images per second'
  assert EVIL in page.inner_text('#log')
  assert EVIL in page.inner_text('#about')
  assert EVIL in page.inner_text('#config')
  assert EVIL in page.locator('.chart h3').all_inner_texts()
  assert page.locator('img[src=x]').count() == 0


def test_strip_moves_by_slider_keys_and_buttons(opened, run):
  page = opened(run)
  last = shown(page)
  assert last[0] == '2.4 kimg after 1 h 40 min'
  page.locator('#slider').fill('1')
  second = shown(page)
  assert second[0] == '0.6 kimg after 25 min'
  assert second[1] != last[1]
  page.locator('h1').click()
  page.keyboard.press('ArrowRight')
  third = shown(page)
  assert third[0] == '1.2 kimg after 50 min'
  assert third[1] not in (second[1], last[1])
  page.keyboard.press('ArrowLeft')
  assert shown(page) == second
  page.get_by_label('the grid before').click()
  assert shown(page)[0] == '0 kimg after 0 s'
  page.keyboard.press('ArrowLeft')
  assert shown(page)[0] == '0 kimg after 0 s'
  page.locator('.film button').nth(3).click()
  assert shown(page)[0] == '1.8 kimg after 1 h 15 min'
  assert page.input_value('#slider') == '3'
  pixels = page.evaluate(
    '() => { const i = document.querySelector("#grid");'
    ' return i.decode().then(() => [i.naturalWidth, i.naturalHeight]); }'
  )
  assert pixels == [128, 64]


def test_strip_plays(opened, run):
  page = opened(run)
  page.get_by_label('play', exact=True).click()
  assert shown(page)[0].startswith('0 kimg')
  page.locator('#play[aria-label=play]').wait_for(timeout=10_000)  # it stops by itself
  assert page.input_value('#slider') == '4'
  assert shown(page)[0].startswith('2.4 kimg')


def test_curves_answer(opened, run):
  page = opened(run)
  chart = page.locator('.chart').first
  assert chart.locator('h3').inner_text() == 'Losses'
  legend = chart.locator('.legend')
  before = legend.inner_text()
  assert 'latest' in before
  curve = chart.locator('svg')
  middle = {'x': curve.bounding_box()['width'] / 2, 'y': 80}
  curve.hover(position=middle)
  after = legend.inner_text()
  assert ' kimg' in after
  assert after != before
  at = float(legend.locator('.where').inner_text().split()[0])
  assert 1.0 < at < 1.4  # the middle of 2.4 kimg
  assert 'generator 2.' in after
  # All charts point to the same place.
  assert (
    page.locator('.chart .where').all_inner_texts()
    == [f'{at} kimg'] * page.locator('.chart').count()
  )
  curve.click(position=middle)
  assert shown(page)[0].startswith('1.2 kimg')
  page.mouse.move(0, 0)
  assert legend.inner_text() == before


def test_switches_of_the_curves(opened, run):
  page = opened(run)
  svg = page.locator('.chart').first.locator('svg')
  line = svg.locator('.line').first
  seen = {line.get_attribute('d')}
  page.locator('.chart').first.get_by_role('button', name='log').click()
  seen.add(line.get_attribute('d'))
  page.get_by_label('smoothing').fill('0.9')
  seen.add(line.get_attribute('d'))
  page.get_by_label('part of the run').select_option('last tenth')
  seen.add(line.get_attribute('d'))
  assert len(seen) == 4
  page.get_by_label('horizontal axis').select_option('time')
  assert svg.locator('text').all_text_contents()[-1] == 'hours'
  assert 'NaN' not in page.content()


def test_metrics_are_points(opened, tmp_path):
  """Joined by a line that smoothing leaves alone; between them the legend has the one before."""
  with contextlib.closing(RunDirectory(tmp_path)) as run:
    for step in range(1, 101):
      run.stats.append({'step': step, 'kimg': step / 10, 'loss_g': step % 7, 'seconds': 0.1})
    for step, value in ((20, 5.0), (40, 2.0), (90, 3.0)):
      place = {'step': step, 'kimg': step / 10, 'metric': 'swd'}
      run.metrics.append({**place, 'values': {'swd': value}})
    Report(run, helpers.settings(total_kimg=10.0), {}).snapshot()
  page = opened(run)
  chart = page.locator('.chart').first
  assert chart.locator('h3').inner_text() == 'swd'
  assert 'Best: 2 at 4 kimg, whose checkpoint is kept.' in chart.inner_text()
  line, points = chart.locator('.line'), chart.locator('circle[r="3"]')
  drawn = [point.get_attribute('cx') for point in points.all()]
  assert len(drawn) == 3
  assert [float(x) for x in drawn] == pytest.approx(
    [float(p.split()[0]) for p in line.get_attribute('d')[1:].split('L')], abs=0.1
  )
  before = line.get_attribute('d')
  page.get_by_label('smoothing').fill('0.9')
  assert line.get_attribute('d') == before
  place = (float(drawn[0]) + float(drawn[1])) / 2
  chart.locator('svg').hover(position={'x': place, 'y': 80})
  assert chart.locator('.legend').inner_text().split() == ['5', '3', 'kimg']


def test_config_can_be_narrowed_to_what_differs(opened, run):
  page = opened(run)
  rows = page.locator('#config tr')
  everything = sum(row.is_visible() for row in rows.all())
  page.get_by_role('button', name='only what differs').click()
  visible = [row.inner_text() for row in rows.all() if row.is_visible()]
  assert 0 < len(visible) < everything
  assert any(text.split() == ['batch_size', '8', 'default', '32'] for text in visible)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_nothing_is_wider_than_a_phone(opened, run, scheme):
  page = opened(run, width=390, color_scheme=scheme)
  assert page.evaluate('document.documentElement.scrollWidth') == 390
  assert page.locator('.chart svg').first.bounding_box()['width'] > 300
  colour = page.evaluate('getComputedStyle(document.body).backgroundColor')
  assert (colour == 'rgb(18, 20, 23)') == (scheme == 'dark')


def test_a_run_that_has_nothing_yet(opened, empty):
  page = opened(empty)
  text = page.inner_text('main')
  assert 'No grid of images was written yet.' in text
  assert 'No step was done yet.' in text
  page.keyboard.press('ArrowRight')


def test_it_can_be_kept_up_to_date(opened, run):
  page = opened(run)
  button = page.get_by_role('button', name='keep up to date')
  button.click()
  assert button.get_attribute('aria-pressed') == 'true'
  assert page.evaluate('location.hash') == '#refresh'
  button.click()
  assert button.get_attribute('aria-pressed') == 'false'
