"""What tests do with the explorer's page in a browser."""

import io

import numpy as np
from PIL import Image

from tests.explorer.serving import request

PIXELS = """() => {
  const image = document.querySelector('#picture');
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def settled(page):
  """Waits until the page has its picture, those beside it, and directions."""
  page.locator('#picture').wait_for()
  page.locator('.moves input').first.wait_for()
  wait_until(page, "document.querySelector('#partner').naturalWidth > 0")


def wait_until(page, condition):
  """Playwright's own way would need eval, which the page forbids."""
  waiting = f'() => new Promise(done => setInterval(() => {{ if ({condition}) done(); }}, 5))'
  page.evaluate(f'Promise.race([({waiting})(), new Promise((_, late) => setTimeout(late, 30000))])')


def drawn(page):
  return int(page.get_attribute('#picture', 'data-drawn'))


def changes(page, action):
  """The pixels after an action that changes the picture: uint8 [H * W * 4]."""
  before = drawn(page)
  action()
  wait_until(page, f"document.querySelector('#picture').dataset.drawn > {before}")
  return page.evaluate(PIXELS)


def asked_for(port, **view):
  """The pixels that the server gives for a view."""
  png = request(port, '/picture', {'view': view, 'stream': 'test'}).body
  with Image.open(io.BytesIO(png)) as image:
    return np.asarray(image.convert('RGBA')).ravel().tolist()


def slide(page, label, value):
  page.get_by_role('slider', name=label, exact=True).fill(str(value))
