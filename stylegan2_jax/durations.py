"""Lengths of time as text."""


def clock(seconds: float) -> str:
  """h:mm:ss, after a day with the days before.

  >>> clock(3723.4), clock(2 * 86400 + 60)
  ('1:02:03', '2 d 0:01:00')
  """
  minutes, seconds = divmod(int(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  days, hours = divmod(hours, 24)
  return (f'{days} d ' if days else '') + f'{hours}:{minutes:02d}:{seconds:02d}'


def ago(seconds: float) -> str:
  """In the largest unit that fits; a clock that went backwards shows nothing odd.

  >>> ago(2.4), ago(150), ago(7300), ago(90_000), ago(-5)
  ('2 s ago', '2 min ago', '2 h ago', '1 d ago', '0 s ago')
  """
  seconds = max(0, int(seconds))
  for unit, length in (('d', 86400), ('h', 3600), ('min', 60)):
    if seconds >= length:
      return f'{seconds // length} {unit} ago'
  return f'{seconds} s ago'
