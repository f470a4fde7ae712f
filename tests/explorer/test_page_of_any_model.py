"""The page in a real browser: classes, label vectors, favourites that stay, and compiling."""

import threading

import numpy as np
from PIL import Image

from stylegan2_jax.explorer.explorer import Explorer
from tests.explorer.browsing import PIXELS, asked_for, changes, settled, slide
from tests.explorer.serving import in_thread, request
from tests.tools.models import saved_model


def test_it_says_that_it_compiles(opened, tmp_path, monkeypatch):
  go = threading.Event()
  monkeypatch.setattr(Explorer, 'warm_up', lambda self: go.wait(60))
  with in_thread(saved_model(tmp_path)) as (port, _):
    page = opened(port, ready=False)
    page.get_by_text('Compiling the generator').wait_for()
    slide(page, 'Seed', 3)  # everything else answers already
    assert not page.locator('#picture').is_visible()
    go.set()
    settled(page)
    assert not page.get_by_text('Compiling the generator').is_visible()
    assert page.evaluate(PIXELS) == asked_for(port, seed=3)
    page.close()


def test_favourites_stay(opened, tmp_path):
  model, folder = saved_model(tmp_path), tmp_path / 'model-favourites'
  with in_thread(model) as (port, _):
    page = opened(port, expected=['ERR_CONNECTION_REFUSED'])
    liked = changes(page, lambda: slide(page, 'Seed', 5))
    page.get_by_role('button', name='Save favourite').click()
    page.get_by_label('go to favourite 1, seed 5').wait_for()
    page.reload()
    settled(page)
    changes(page, lambda: slide(page, 'Seed', 6))
    go = page.get_by_label('go to favourite 1, seed 5')
    assert changes(page, go.click) == liked
    size = page.evaluate("document.querySelector('#strip img').naturalWidth")
    assert size == 8
    with page.expect_download() as download:
      page.get_by_text('Download list').click()
    assert download.value.path().read_text() == (folder / 'favourites.json').read_text()
    with page.expect_download() as download:
      page.get_by_role('button', name='Download').click()
    with Image.open(download.value.path()) as image:
      assert np.asarray(image.convert('RGBA')).ravel().tolist() == liked
  slide(page, 'Seed', 8)
  page.get_by_text('The explorer has ended').wait_for()
  with in_thread(model, port=port):  # and the page goes on
    page.get_by_text('The explorer has ended').wait_for(state='hidden')
    settled(page)
    assert page.get_by_role('slider', name='Seed', exact=True).input_value() == '8'
    page.get_by_label('go to favourite 1, seed 5').hover()
    page.get_by_label('remove favourite 1').click()
    page.get_by_role('button', name='Undo').click()
    page.get_by_text('Saved.').wait_for()
    assert page.locator('#strip li').count() == 1


def test_classes_with_any_name(opened, tmp_path):
  """And another form of picture."""
  evil = '<img src=x onerror="document.title=1">'
  path = saved_model(tmp_path, aspect='2:1', channels=4, class_names=('ant', evil, '7'))
  with in_thread(path) as (port, _):
    page = opened(port)
    for name in (evil, '7'):
      choose = page.get_by_label('Class', exact=True)
      changes(page, lambda name=name, choose=choose: choose.select_option(name))
      page.get_by_role('button', name='Save favourite').click()
      page.get_by_text('Saved.').wait_for()
    changes(page, lambda: page.get_by_text('average of its class').click())
    page.get_by_label('Partner class').select_option('7')
    box = page.locator('#picture').bounding_box()
    assert box['width'] == 2 * box['height']
    assert page.title() == 'model.safetensors - explorer'
    assert page.locator('img[src=x]').count() == 0
    saved = request(port, '/state').json['favourites']
    assert [each['view']['label'] for each in saved] == [evil, '7']
    page.close()


def test_label_vectors_and_refusals(opened, tmp_path):
  with in_thread(saved_model(tmp_path, vector=2)) as (port, _):
    page = opened(port, expected=['status of 400'])
    label = page.get_by_label('Label', exact=True)

    def write(text):
      label.fill(text)
      label.press('Enter')

    assert len(set(map(tuple, (changes(page, lambda: write('0.2,0.8')), asked_for(port))))) == 2
    write('1,2,3')
    page.get_by_text('the label 1,2,3 does not fit').wait_for()
    page.close()
