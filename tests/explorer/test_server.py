"""What the server answers, and what it refuses."""

import io
import json
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import StyleGAN2
from stylegan2_jax.explorer.explorer import Explorer
from stylegan2_jax.explorer.newest import NewestFirst
from stylegan2_jax.explorer.rendering import Renderer
from stylegan2_jax.explorer.views import View
from tests.explorer.serving import in_thread, request
from tests.tools.models import saved_model


@pytest.fixture(scope='module')
def model(tmp_path_factory):
  return saved_model(tmp_path_factory.mktemp('model'), class_names=('ant', 'bee & co'))


@pytest.fixture(scope='module')
def port(model):
  with in_thread(model) as (port, _):
    yield port


def pixels(png):
  with Image.open(io.BytesIO(png)) as image:
    return np.asarray(image)


def test_state(port, model):
  answer = request(port, '/state')
  assert answer.status == 200
  facts = answer.json
  assert (facts['name'], facts['step'], facts['classes']) == (
    'model.safetensors', None, ['ant', 'bee & co'],
  )  # fmt: skip
  assert facts['layers'] == ['4x4', '8x8', '8x8', '8x8']
  assert facts['groups'] == {'all': [0, 1, 2, 3], 'coarse': [0], 'middle': [1, 2], 'fine': [3]}
  assert facts['view'] == View(label='ant', mix_label='ant').to_json()
  assert facts['favourites_path'] == str(model.with_name('model-favourites') / 'favourites.json')


def test_pictures(port, model):
  view = View(5, 'bee & co', 0.7, mix_seed=9, mix_label='ant', mix_layers=(0,))
  answer = request(port, '/picture', {'view': view.to_json(), 'stream': 'a'})
  assert (answer.status, answer.headers['Content-Type']) == (200, 'image/png')
  assert float(answer.headers['X-Milliseconds']) > 0
  renderer = Renderer(StyleGAN2.load(model))
  np.testing.assert_array_equal(pixels(answer.body), renderer.picture(view))


def test_directions_and_code(port):
  answer = request(port, '/directions', {'method': 'pca', 'group': 'fine'})
  assert (answer.status, answer.json) == (200, {'count': 8})  # w_dim is 8
  answer = request(port, '/snippet', {'view': {'label': 'bee & co', 'psi': 0.5}})
  assert "gan.map(gan.latents([0]), 'bee & co', psi=0.5)" in answer.json['snippet']


def test_page_and_assets(port):
  page = request(port, '/')
  assert page.headers['Content-Type'] == 'text/html; charset=utf-8'
  policy = page.headers['Content-Security-Policy']
  assert "default-src 'none'" in policy
  assert "frame-ancestors 'none'" in policy
  assert 'unsafe' not in policy
  for name, kind in (('explorer.js', 'text/javascript'), ('explorer.css', 'text/css')):
    answer = request(port, f'/assets/{name}')
    assert (answer.status, answer.headers['Content-Type']) == (200, f'{kind}; charset=utf-8')
    assert b'http' + b's://' not in answer.body


@pytest.mark.parametrize(
  'path',
  [
    '/assets/../server.py', '/assets/%2e%2e/server.py', '/assets/..%2fserver.py',
    '/assets//etc/passwd', '/assets/no.js', '/favourites/../../config.json',
    '/favourites/..%2f..%2fconfig.json', '/favourites/0001.png/..', '/favourites/1.png',
    '/favourites/1', '/favourites/-1.png', '/favourites/9999999999.png', '//evil.example/',
    '/etc/passwd', '/%00', '/favourites/%D9%A1.png',
  ],
)  # fmt: skip
def test_paths_that_lead_nowhere(port, path):
  assert request(port, path).status in (404, 405)


@pytest.mark.parametrize(
  'host',
  ['evil.example', 'evil.example:{}', '127.0.0.1.evil.example:{}', 'localhost.:{}', '0.0.0.0:{}',
   '', '127.0.0.1:{}@evil.example', '127.0.0.1:', '[::1]:{}'],
)  # fmt: skip
@pytest.mark.parametrize('path', ['/', '/state', '/assets/explorer.js', '/nowhere'])
def test_other_names_are_refused(port, host, path):
  assert request(port, path, headers={'Host': host.format(port)}).status in (400, 403)


def test_its_own_names_are_not(port):
  for host in ('127.0.0.1', 'localhost', f'localhost:{port}', '127.0.0.1:1'):  # a forwarded port
    assert request(port, '/state', headers={'Host': host}).status == 200
    own = {'Host': host, 'Origin': f'http://{host}', 'Sec-Fetch-Site': 'same-origin'}
    assert request(port, '/snippet', {'view': {}}, headers=own).status == 200


@pytest.mark.parametrize(
  'headers',
  [
    {'Origin': 'http://evil.example'},
    {'Origin': 'null'},
    {'Origin': 'https://127.0.0.1:{}'},
    {'Origin': 'http://127.0.0.1:1'},
    {'Origin': 'http://localhost:{}'},
    {'Sec-Fetch-Site': 'cross-site'},
    {'Sec-Fetch-Site': 'same-site'},
  ],
)
def test_other_pages_are_refused(port, headers, model):
  headers = {name: value.format(port) for name, value in headers.items()}
  before = request(port, '/state').json['favourites']
  for path, data, method in (
    ('/state', None, 'GET'),
    ('/favourites.json', None, 'GET'),
    ('/picture', {'view': {}}, 'POST'),
    ('/directions', {'method': 'pca', 'group': 'all'}, 'POST'),
    ('/favourites', {'view': {}}, 'POST'),
    ('/favourites/1', None, 'DELETE'),
    ('/favourites', None, 'OPTIONS'),
  ):
    answer = request(port, path, data, method, headers)
    assert answer.status == 403
    assert answer.json == {'error': answer.json['error']}
    assert not any(name.startswith('Access-Control') for name in answer.headers)
  assert request(port, '/state').json['favourites'] == before


def test_links_lead_here_and_frames_do_not(port):
  link = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}
  assert request(port, '/', headers={**link, 'Sec-Fetch-Dest': 'document'}).status == 200
  assert request(port, '/', headers={**link, 'Sec-Fetch-Dest': 'iframe'}).status == 403
  assert request(port, '/state', headers={**link, 'Sec-Fetch-Dest': 'document'}).status == 403


@pytest.mark.parametrize(
  'body',
  [b'', b'{', b'[]', b'3', b'{"view": 3}', b'{}', b'[' * 60_000, b'{"view": {"seed": 1e400}}',
   b'{"view": {"seed": -1}}', b'{"view": {"psi": NaN}}', b'{"view": {"label": "wasp"}}',
   b'{"view": {"seed": ' + b'9' * 5000 + b'}}', b'\xff', b'{"view": {"nothing": 1}}',
   b'{"view": {"moves": [{"method": "sefa", "group": "all", "number": 9, "strength": 1}]}}'],
)  # fmt: skip
def test_bad_parameters(port, body):
  """The last one names a direction that eight-dimensional w do not have."""
  has_nine = b'moves' in body
  for path in ('/picture', '/favourites') + (() if has_nine else ('/snippet', '/directions')):
    answer = request(port, path, body)
    assert answer.status == 400
    assert '\n' not in answer.json['error']
    assert len(answer.json['error']) < 200


def test_other_forms_than_json(port):
  """What pages of other origins can send without asking."""
  for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''):
    answer = request(port, '/favourites', b'{"view": {}}', headers={'Content-Type': kind})
    assert answer.status == 400
  assert request(port, '/state').json['favourites'] == []


def test_methods(port):
  for path, method in (
    ('/state', 'POST'),
    ('/picture', 'GET'),
    ('/favourites', 'PUT'),
    ('/', 'PUT'),
  ):
    body = b'{}' if method != 'GET' else None
    assert request(port, path, body, method).status == 405


def test_enormous_requests(port):
  with socket.create_connection(('127.0.0.1', port)) as connection:
    connection.sendall(
      f'POST /picture HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 99999999999\r\n'
      'Content-Type: application/json\r\n\r\n'.encode()
    )
    assert connection.recv(100).startswith(b'HTTP/1.1 400 ')
  assert request(port, '/state').status == 200


def test_only_this_machine_can_connect(port):
  with pytest.raises(OSError), socket.create_connection(('127.0.0.2', port), 1):
    pass


def test_favourites(model, tmp_path):
  folder = tmp_path / 'new' / 'favourites'
  view = View(3, 'ant', mix_label='ant', mix_layers=(1,)).to_json()
  with in_thread(model, favourites=folder) as (port, _):
    answer = request(port, '/favourites', {'view': view})
    assert answer.status == 200
    [saved] = answer.json['favourites']
    assert saved['view'] == view
    picture = request(port, '/picture', {'view': saved['view'], 'stream': 'a'}).body
    thumbnail = request(port, '/favourites/1.png')
    np.testing.assert_array_equal(pixels(thumbnail.body), pixels(picture))
    listed = request(port, '/favourites.json')
    assert 'attachment' in listed.headers['Content-Disposition']
    assert listed.json == json.loads((folder / 'favourites.json').read_text())
  with in_thread(model, favourites=folder) as (port, _):  # another day
    assert request(port, '/state').json['favourites'] == [saved]
    assert request(port, '/favourites/2', method='DELETE').status == 400
    assert request(port, '/favourites/1', method='DELETE').json['favourites'] == []
    assert request(port, '/favourites/1.png').status == 404


def test_favourites_that_cannot_be_saved(model, tmp_path):
  (tmp_path / 'file').touch()
  with in_thread(model, favourites=tmp_path / 'file' / 'x') as (port, _):
    assert request(port, '/picture', {'view': {}, 'stream': 'a'}).status == 200
    answer = request(port, '/favourites', {'view': {}})
    assert (answer.status, 'Not a directory' in answer.json['error']) == (400, True)


def test_damaged_favourites_do_not_hide_the_model(model, tmp_path):
  (tmp_path / 'favourites.json').write_text('{')
  with in_thread(model, favourites=tmp_path) as (port, _):
    facts = request(port, '/state').json
    assert (facts['favourites'], 'damaged' in facts['favourites_problem']) == ([], True)
    assert request(port, '/favourites.json').status == 400
    answer = request(port, '/favourites', {'view': {}}).json
    assert (len(answer['favourites']), answer['favourites_problem']) == (1, '')


def test_a_dragged_slider_builds_no_backlog(model, monkeypatch):
  """Of 20 pictures asked for while one is drawn, one more is drawn: the last."""
  drawn, begun, go, picture = [], threading.Event(), threading.Event(), Explorer.picture
  come, ask_queue = threading.Semaphore(0), NewestFirst.ask

  def slow(self, view):
    drawn.append(view.seed)
    begun.set()
    assert go.wait(60)
    return picture(self, view)

  def noted(queue, stream, function):
    answer = ask_queue(queue, stream, function)
    if stream.startswith('picture'):
      come.release()
    return answer

  monkeypatch.setattr(Explorer, 'picture', slow)
  answers = {}

  def ask(port, seed):
    answers[seed] = request(port, '/picture', {'view': {'seed': seed}, 'stream': 'a'})

  with in_thread(model) as (port, _):
    threads = [threading.Thread(target=ask, args=(port, seed)) for seed in range(21)]
    monkeypatch.setattr(NewestFirst, 'ask', noted)
    threads[0].start()
    assert come.acquire(timeout=60)
    assert begun.wait(60)
    for number, thread in enumerate(threads[1:], 1):
      thread.start()
      assert come.acquire(timeout=60)
      if number > 1:  # answered once a newer one has come
        threads[number - 1].join(60)
        assert answers[number - 1].status == 409
    go.set()
    for thread in threads:
      thread.join()
  assert drawn == [0, 20]
  assert (answers[0].status, answers[20].status) == (200, 200)
