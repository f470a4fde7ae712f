"""What people write for a label, and the vector that it is."""

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.labels import LabelSpace

CLASSES = LabelSpace(4, class_names=('ant', 'bee', '0', '0.5,1,0,0'))
VECTORS = LabelSpace(3, component_names=('smiling', 'glasses', 'a+b'))
UNNAMED = LabelSpace(2)
AGE = LabelSpace(1, component_names=('age',))
NONE = LabelSpace()


def refusal(call, *arguments):
  with pytest.raises(UserError) as caught:
    call(*arguments)
  line = str(caught.value)
  assert '\n' not in line
  assert len(line) < 300
  return line


@pytest.mark.parametrize(
  ('space', 'label', 'expected'),
  [
    (CLASSES, 'bee', [0, 1, 0, 0]),
    (CLASSES, 1, [0, 1, 0, 0]),
    (CLASSES, '3', [0, 0, 0, 1]),
    (CLASSES, '0', [0, 0, 1, 0]),
    (CLASSES, np.int64(3), [0, 0, 0, 1]),
    (CLASSES, '0.5,1,0,0', [0, 0, 0, 1]),
    (CLASSES, '0.5,0.25, 0,-1e1', [0.5, 0.25, 0, -10]),
    (CLASSES, (0.5, 0, 0, 0.5), [0.5, 0, 0, 0.5]),
    (VECTORS, 'glasses', [0, 1, 0]),
    (VECTORS, 'smiling+glasses', [1, 1, 0]),
    (VECTORS, 'a+b', [0, 0, 1]),
    (VECTORS, '0.2,0.8,0', [0.2, 0.8, 0]),
    (VECTORS, [1, 0, 1], [1, 0, 1]),
    (UNNAMED, '1,2', [1, 2]),
    (AGE, '0.5', [0.5]),
    (AGE, '40', [40]),
    (AGE, 40, [40]),
    (AGE, 'age', [1]),
  ],
)
def test_one_label(space, label, expected):
  vector = space.vector(label)
  assert vector.dtype == np.float32
  np.testing.assert_array_equal(vector, np.array(expected, np.float32))


@pytest.mark.parametrize(
  ('space', 'label', 'words'),
  [
    (CLASSES, 'wasp', 'there is no class wasp: there are ant, bee, 0, 0.5,1,0,0'),
    (CLASSES, 'ant+bee', 'there is no class ant+bee'),
    (CLASSES, '4', 'there is no class 4'),
    (CLASSES, '²', 'there is no class'),
    (CLASSES, 1.5, 'there is no class 1.5'),
    (CLASSES, '1,0', 'the label 1,0 does not fit: name a class out of ant, bee'),
    (CLASSES, 'a\n' * 200, 'there is no class a a a'),
    (VECTORS, '1,0', 'give a vector of 3 numbers, or names joined by + out of smiling, glasses'),
    (VECTORS, 'smiling+hat', 'smiling+hat is no label of this model'),
    (VECTORS, '1', 'does not fit'),
    (VECTORS, 1, 'does not fit'),
    (VECTORS, '0,nan,1', 'not finite'),
    (VECTORS, [0, np.inf, 1], 'not finite'),
    (VECTORS, '1e39,0,0', 'the label 1e39,0,0 is not finite'),  # in float32
    (VECTORS, [0.0, -3.5e38, 0.0], 'not finite'),
    (UNNAMED, 'x', 'x is no label of this model: give a vector of 2 numbers'),
    (UNNAMED, [None, None], 'does not fit'),
    (NONE, '1', 'unconditional'),
    (NONE, 0, 'unconditional'),
  ],
)
def test_not_a_label(space, label, words):
  assert words in refusal(space.vector, label)


@pytest.mark.parametrize(
  ('space', 'label', 'expected'),
  [
    (CLASSES, 'bee', [[0, 1, 0, 0]] * 2),
    (CLASSES, ['bee', 3], [[0, 1, 0, 0], [0, 0, 0, 1]]),
    (CLASSES, np.array([0, 1]), [[0, 0, 1, 0], [0, 1, 0, 0]]),
    (CLASSES, [0.5, 0, 0, 0.5], [[0.5, 0, 0, 0.5]] * 2),
    (CLASSES, np.eye(4)[:2], np.eye(4)[:2]),
    (VECTORS, ['smiling', 'smiling+glasses'], [[1, 0, 0], [1, 1, 0]]),
    (VECTORS, [1, 0, 1], [[1, 0, 1]] * 2),
    (AGE, 3, [[3], [3]]),
    (AGE, [[3], [4]], [[3], [4]]),
  ],
)
def test_labels_of_two_images(space, label, expected):
  vectors = space.vectors(label, 2)
  assert (vectors.dtype, vectors.shape) == (np.float32, (2, space.c_dim))
  np.testing.assert_array_equal(vectors, expected)


@pytest.mark.parametrize(
  ('space', 'label', 'words'),
  [
    (CLASSES, None, 'conditional: name a class out of ant'),
    (VECTORS, None, 'conditional: give a vector of 3 numbers'),
    (CLASSES, ['ant'] * 3, '3 labels were given for 2 images'),
    (CLASSES, np.eye(4), '4 labels were given for 2 images'),
    (VECTORS, np.eye(2), 'does not fit'),
    (VECTORS, np.zeros((2, 3, 1)), 'does not fit'),
    (VECTORS, [[1, 2, 3], [1]], 'differ in form'),
  ],
)
def test_not_the_labels_of_two_images(space, label, words):
  assert words in refusal(space.vectors, label, 2)


def test_no_labels():
  assert NONE.vectors(None, 3) is None


def test_many_names():
  many = LabelSpace(1000, class_names=tuple(f'class {i}' for i in range(1000)))
  assert many.choices().endswith('class 9, ... (1000 in all)')


def test_of_checkpoint():
  info = {'c_dim': 2, 'class_names': ['a', 'b']}  # as versions before vectors wrote it
  assert LabelSpace.of_checkpoint(info) == LabelSpace(2, ('a', 'b'))
  assert LabelSpace.of_checkpoint({**info, 'c_dim': 0}) == LabelSpace()
  vectors = {'c_dim': 1, 'class_names': [], 'component_names': ['age']}
  assert LabelSpace.of_checkpoint(vectors) == AGE
