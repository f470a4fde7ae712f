"""What a prepared TFDS set says of itself, read without trusting it.

TFDS imports the module of every feature class that a set names, whatever it is; a set that somebody
downloaded could run any code. So its description is first parsed as TFDS will parse it, and goes on
to TFDS only if it names nothing but features of TFDS itself.
"""

import json
import pathlib

import numpy as np

from stylegan2_jax.data.base import AGAIN, reading
from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM
from stylegan2_jax.data.provenance import RECORD
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

_INFO = 'dataset_info.json'
_FEATURES = 'features.json'
_MAX_BYTES = 2**26  # of a file that describes a set
_PREFIX = 'tensorflow_datasets.core.features.'
_KNOWN = frozenset(
  _PREFIX + name
  for name in (
    'audio_feature.Audio',
    'bounding_boxes.BBoxFeature',
    'class_label_feature.ClassLabel',
    'dataset_feature.Dataset',
    'feature.Tensor',
    'features_dict.FeaturesDict',
    'image_feature.Image',
    'labeled_image.LabeledImage',
    'scalar.Scalar',
    'sequence_feature.Sequence',
    'tensor_feature.Tensor',
    'text_feature.Text',
    'translation_feature.Translation',
    'translation_feature.TranslationVariableLanguages',
    'video_feature.Video',
  )
)


def open_builder(folder: pathlib.Path):
  """The TFDS builder of a prepared set, which needs none of the code that made the set.

  Args:
    folder: that holds its `dataset_info.json`.

  Raises:
    UserError: the files that describe it are missing, damaged, or name code that is not TFDS's.
  """
  import tensorflow_datasets as tfds  # only here: folders and zips do without

  folder = pathlib.Path(folder)
  with reading(folder, AGAIN):
    _check_files(folder)
    _check_classes(folder)
    return tfds.builder_from_directory(folder)


def image_key(shown: object, features) -> str:
  """The name of the feature with the pictures: `image`, or the only one of the kind Image.

  Args:
    shown: what to call the set in messages.
    features: of a builder.

  Raises:
    UserError: it is not clear which one, or there is none.
  """
  from tensorflow_datasets import features as tfds  # as above

  if not isinstance(features, tfds.FeaturesDict):
    raise UserError(f'{shown} does not hold pictures with names and labels: take another data set')
  image, mask = tfds.Image, tfds.LabeledImage  # masks look like images, but are labels
  images = [k for k, f in features.items() if isinstance(f, image) and not isinstance(f, mask)]
  if 'image' in images:
    return 'image'
  if len(images) != 1:
    found = f'has the image features {listing(images)}' if images else 'has no image feature'
    raise UserError(f'{shown} {found}, and none called image: take another data set')
  return images[0]


def label_form(shown: object, features) -> tuple[tuple[str, ...], int]:
  """What the feature `label` holds.

  Args:
    shown: what to call the set in messages.
    features: of a builder, a FeaturesDict.

  Returns:
    (names of classes, their number) for a ClassLabel; ((), width) for a float32 Tensor of rank 1;
    ((), 0) without labels, or with labels of another kind, without a number of classes or of no
    fixed width, which are left out.

  Raises:
    UserError: there are too many classes or components, or the names are not those of the classes.
  """
  from tensorflow_datasets import features as tfds  # as above

  feature = dict(features.items()).get('label')
  is_class = isinstance(feature, tfds.ClassLabel)
  if is_class:
    width = feature.num_classes
  elif isinstance(feature, tfds.Tensor) and len(feature.shape) == 1:
    width = feature.shape[0] if feature.np_dtype == np.float32 else None
  else:
    width = None
  if not width:
    return (), 0
  if not 1 <= width <= MAX_LABEL_DIM:
    raise UserError(f'{shown} has labels of width {width}, not 1 to {MAX_LABEL_DIM}: {AGAIN}')
  names = tuple(feature.names) if is_class else ()
  if is_class and len(names) != width:  # which TFDS does not mind
    raise UserError(f'{shown} has names for {len(names)} of its {width} classes: {AGAIN}')
  return names, width


def _check_files(folder):
  """Refuses descriptions that are no files of a sane size: reading them might never end."""
  for path in folder.iterdir():
    if path.name == RECORD or path.suffix not in ('.json', '.txt'):
      continue  # that one is read elsewhere, and may be damaged
    if not path.is_file():
      raise UserError(f'{one_line(path, 300)} is no file that can be read: {AGAIN}')
    if path.stat().st_size > _MAX_BYTES:
      raise UserError(f'{one_line(path, 300)} has more than {_MAX_BYTES} bytes: {AGAIN}')


def _check_classes(folder):
  """Refuses features that are not of TFDS itself.

  They may stand in either file. Protocol buffers know fields by several spellings, so that only
  the parsed message shows what is named.
  """
  from google.protobuf import json_format
  from tensorflow_datasets.core.proto import dataset_info_pb2, feature_pb2

  info = dataset_info_pb2.DatasetInfo()
  json_format.Parse((folder / _INFO).read_text(encoding='utf-8'), info)
  todo = [info.features] if info.HasField('features') else []
  if (folder / _FEATURES).exists():
    content = json.loads((folder / _FEATURES).read_text(encoding='utf-8'))
    if 'type' in content:  # before TFDS 4.4, with other ways to name classes
      raise UserError(f'{folder} is described in the form of an old TFDS: {AGAIN}')
    todo.append(json_format.ParseDict(content, feature_pb2.Feature()))
  while todo:
    feature = todo.pop()
    name, kind = feature.python_class_name, feature.WhichOneof('content')
    if name not in _KNOWN or kind == 'json_feature':  # JSON in a string, which names more classes
      raise UserError(
        f'{folder} has a feature of its own kind, {one_line(name) or "without a name"}: {AGAIN}'
      )
    if kind == 'features_dict':
      todo += feature.features_dict.features.values()
    elif kind == 'sequence':
      todo.append(feature.sequence.feature)
