"""The one exception that is meant for the person at the keyboard."""


class UserError(Exception):
  """Bad input from outside: a config, a file, a flag.

  The message is one line that names the culprit and the remedy. `launch.py` prints it
  without a traceback and exits with status 2; library callers may catch it.
  """
