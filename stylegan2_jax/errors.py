"""Exceptions that end a command with one line instead of a traceback, each with its exit status."""


class CommandError(Exception):
  """One line for the person at the terminal: what ended the command, and what to do now."""

  status = 1


class UserError(CommandError):
  """Bad input: names the culprit and the remedy."""

  status = 2


class TrainingFailed(CommandError):
  """A run that cannot go on as it is; doing the same again would end the same way."""

  status = 1


class Preempted(CommandError):
  """Stopped from outside, with a checkpoint: the same command goes on (EX_TEMPFAIL of sysexits.h).

  A scheduler that starts the command again on this status, and on no other, does the right thing.
  """

  status = 75
