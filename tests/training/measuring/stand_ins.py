"""An engine that only counts steps, metrics whose values are told, and what a run then holds."""

import json

import numpy as np

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.errors import Preempted
from stylegan2_jax.metrics import evaluation
from stylegan2_jax.training.engine import Outcome
from stylegan2_jax.training.preemption import StopRequest

BATCH = 8  # images of a step


class Engine:
  """Its state changes in nothing but the number of the step."""

  compiled, steps = {}, []

  def __init__(self, settings, networks, state, labels):
    self._state = state

  def compile(self, announce):
    pass

  def put(self, batch):
    return batch

  def step(self, step, batch, wish, held_out, meanwhile):
    self.steps.append(step)
    meanwhile()
    self._state = self._state.replace(step=np.int32(step + 1))
    names = ('loss_g', 'loss_d', 'logits_real', 'logits_fake')
    return Outcome(dict.fromkeys(names, 0.5), {}, [], 0, wish)

  def replica_differences(self):
    return []

  def state(self):
    return self._state

  def sampling_weights(self):
    return self._state.ema_params, self._state.w_avg, self._state.noise_maps


class Evaluation:
  """Gives the values that it was told, and notes what it was asked."""

  def __init__(self):
    self.asked, self.checked, self.reals, self.fakes = [], [], [], []
    self.values = {}  # by step; else 1
    self.hook = lambda step, metric, scratch: None
    self.stop = None

  def check(self, metrics, name, size, num_reals):
    self.checked.append(([metric.name for metric in metrics], size, num_reals))

  def evaluate(self, metrics, fakes, reals, scratch, say, stop):
    self.reals.append(reals)
    self.fakes.append(fakes)
    for metric in metrics:
      step = int(scratch.name)
      self.asked.append((step, metric.name))
      self.hook(step, metric.name, scratch)
      if stop():
        raise Preempted('stopped at 3 of 5')
      value = self.values.get(step, 1.0)
      values = {metric.headline: value, f'{metric.name}_more': 2.0}
      yield evaluation.Result(metric, values, {'count': 5}, 0.25)


class Stop(StopRequest):
  """Made when somebody says so."""

  said = False

  @property
  def made(self):
    return self.said


def records(run_dir):
  text = (run_dir / 'metrics.jsonl').read_text()
  return [json.loads(line) for line in text.splitlines()]


def places(run_dir):
  return [(record['step'], record['metric']) for record in records(run_dir)]


def saved(run_dir):
  return Checkpoints(run_dir / 'checkpoints').steps()
