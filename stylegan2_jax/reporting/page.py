"""Puts data, style and script together to one HTML file that needs nothing else."""

import base64
import hashlib
import html
import json
import pathlib
from collections.abc import Mapping

_ASSETS = pathlib.Path(__file__).parent / 'assets'
_DATA_BEGIN = '<script type="application/json" id="data">'
_SCRIPTS = ('format.js', 'charts.js', 'strip.js', 'report.js')


def render(title: str, data: Mapping) -> str:
  """The HTML text.

  Whatever comes from outside is in `title` or `data`: the first is escaped, the second is JSON
  without a `<`, which the script puts on the page as text only. A policy in the page lets nothing
  run but the page's own script, and nothing be fetched.

  Args:
    title: of the window.
    data: for the script; goes to JSON.
  """
  style = (_ASSETS / 'report.css').read_text(encoding='utf-8')
  parts = [(_ASSETS / name).read_text(encoding='utf-8') for name in _SCRIPTS]
  script = f"(() => {{\n'use strict';\n{''.join(parts)}}})();"
  policy = (
    f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
    f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
  )
  values = {
    'policy': policy,
    'title': html.escape(title),
    'style': style,
    'data': _DATA_BEGIN + _without_markup(data) + '</script>',
    'script': script,
  }
  text = (_ASSETS / 'report.html').read_text(encoding='utf-8')
  head, *rest = text.split('{{')
  filled = [head]
  for part in rest:  # in one pass: what is filled in is not searched
    name, _, literal = part.partition('}}')
    filled += [values[name], literal]
  return ''.join(filled)


def embedded(path: pathlib.Path) -> dict:
  """The data in a page that `render` made; empty if there is no such page, or it is damaged."""
  try:
    text = path.read_text(encoding='utf-8')
    data = json.loads(text.split(_DATA_BEGIN, 1)[1].split('</script>', 1)[0])
  except (OSError, ValueError, IndexError):
    return {}
  return data if isinstance(data, dict) else {}


def _digest(text):
  """The hash by which a policy knows an element."""
  return f'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'


def _without_markup(data):
  """JSON that no HTML parser mistakes for markup."""
  text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(',', ':'))
  return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')
