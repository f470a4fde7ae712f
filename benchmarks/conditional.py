"""Measures whether a conditional model draws the classes that it is asked for.

  python benchmarks/conditional.py --workdir=runs/kinds --out=benchmarks/results/conditional.json

Trains a small convolutional classifier on the run's own data set, and shows it images that the
model drew of each class, without truncation. How good the classifier is, images that it was not
trained on tell.
"""

import argparse
import functools
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import StyleGAN2, backend
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.images import to_float, to_uint8

_SEED, _BATCH, _EPOCHS = 0, 64, 4
_TRAINED, _HELD_OUT, _FAKES = 9_000, 1_000, 500  # images; fakes of each class


class Classifier(nn.Module):
  """[N, H, W, C] -> logits [N, classes]."""

  classes: int

  @nn.compact
  def __call__(self, x):  # noqa: D102 (the class says it)
    for features in (16, 32, 64):
      x = nn.relu(nn.Conv(features, (3, 3))(x))
      x = nn.max_pool(x, (2, 2), (2, 2))
    x = nn.relu(nn.Dense(128)(x.reshape(len(x), -1)))
    return nn.Dense(self.classes)(x)


def examples(source, numbers):
  """(images [N, H, W, C] in [-1, 1], classes [N])."""
  read = [source.read(int(number)) for number in numbers]
  img = np.stack([decode(source.data, example.image, example.name) for example in read])
  return np.asarray(to_float(jnp.asarray(img))), np.array([example.label for example in read])


def train(classifier, img, labels):
  """The parameters after a few epochs of Adam."""
  params = jax.jit(classifier.init)(jax.random.key(_SEED), img[:1])
  optimizer = optax.adam(1e-3)

  @functools.partial(jax.jit, donate_argnums=(0, 1))
  def step(params, state, img, labels):
    def loss_fn(params):
      logits = classifier.apply(params, img)
      return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    updates, state = optimizer.update(jax.grad(loss_fn)(params), state)
    return optax.apply_updates(params, updates), state

  state, rng = optimizer.init(params), np.random.default_rng(_SEED)
  for epoch in range(_EPOCHS):
    for numbers in np.array_split(rng.permutation(len(img)), len(img) // _BATCH):
      if len(numbers) == _BATCH:
        params, state = step(params, state, img[numbers], labels[numbers])
    print(f'classifier: {epoch + 1} of {_EPOCHS} epochs', flush=True)
  return params


def _share(hits):
  return round(int(hits.sum()) / hits.size, 4)


def main():
  """Runs the command line."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
  parser.add_argument('--workdir', required=True, help='folder of a run with classes')
  parser.add_argument('--out', help='JSON file to write')
  flags = parser.parse_args()
  backend.prepare()
  gan = StyleGAN2.load(flags.workdir)
  source = open_source(gan.settings.data)
  names = source.class_names
  order = np.random.default_rng(_SEED).permutation(len(source))[: _TRAINED + _HELD_OUT]
  img, labels = examples(source, order)
  classifier = Classifier(len(names))
  params = train(classifier, img[_HELD_OUT:], labels[_HELD_OUT:])
  predict = jax.jit(lambda img: classifier.apply(params, img).argmax(axis=1))

  result = {'reals': _share(predict(img[:_HELD_OUT]) == labels[:_HELD_OUT]), 'fakes': {}}
  for number, name in enumerate(names):
    fakes = gan.sample(_FAKES, psi=1.0, seed=number * _FAKES, label=number)
    fakes = to_float(to_uint8(jnp.asarray(fakes)))  # as a file would have them
    result['fakes'][name] = _share(predict(fakes) == number)
    print(f'{name}: {result["fakes"][name]:.1%} of {_FAKES} fakes', flush=True)
  print(f'held-out reals: {result["reals"]:.1%} of {_HELD_OUT}')
  result |= {'images_of_each_class': _FAKES, 'psi': 1.0}
  command = f'python benchmarks/conditional.py --workdir={flags.workdir}'
  result |= {'command': command, 'kimg': gan.settings.train.total_kimg}
  if flags.out:
    pathlib.Path(flags.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
