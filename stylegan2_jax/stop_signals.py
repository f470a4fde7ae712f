"""The signals by which a command is asked to stop."""

import signal


def stop_signals() -> tuple[signal.Signals, ...]:
  """Ctrl-C, SIGTERM (as schedulers send it), and SIGHUP (as the end of an ssh session sends it).

  SIGHUP is left out where it is ignored, as under nohup: then the session may end.
  """
  if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    return signal.SIGINT, signal.SIGTERM
  return signal.SIGINT, signal.SIGTERM, signal.SIGHUP
