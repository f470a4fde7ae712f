import json

import pytest

from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM, Labels
from stylegan2_jax.data.inputs.files import FolderInput, ZipInput

_FILES = ['cat/a.png', 'cat/b.JPG', 'dog/a.webp', 'top.tiff']


def _found(source):
  return {picture.name: picture.label for picture in source.pictures()}


def _json(labels, **more):
  return json.dumps({'labels': labels, **more}).encode()


@pytest.fixture
def table(tmp_path, as_folder, classes):
  """A function (content, ending) -> the folder, opened with this label file."""
  folder = as_folder.write(classes)

  def open_with(content, ending='csv'):
    path = tmp_path / f'table.{ending}'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return FolderInput(str(folder), str(path))

  return open_with


class TestJson:
  def test_classes(self, form, classes):
    labels = [['cat/a.png', 2], ['./dog\\a.webp', 0], ['nowhere/x.png', 3], ['top.tiff', 1]]
    source = form.open({**classes, 'dataset.json': _json(labels)})
    assert source.labels == Labels(
      'dataset.json', ('0', '1', '2', '3'), unmatched=('nowhere/x.png',)
    )
    assert _found(source) == dict(zip(_FILES, [2, None, 0, 1], strict=True))
    assert len(source) == 4

  def test_a_dict_class_names_and_vectors(self, form, classes):
    content = _json({'top.tiff': 1, 'b.JPG': 0}, class_names=['bird', 'fish\n', 'spare'])
    source = form.open({**classes, 'dataset.json': content})
    assert source.labels == Labels('dataset.json', ('bird', 'fish', 'spare'))
    assert _found(source) == dict(zip(_FILES, [None, 0, None, 1], strict=True))
    content = _json([['top.tiff', [0, 1.5]], ['cat/a.png', [1, 0]]])
    source = form.open({**classes, 'dataset.json': content})
    assert source.labels == Labels('dataset.json', dim=2)
    vectors = [(1.0, 0.0), None, None, (0.0, 1.5)]
    assert _found(source) == dict(zip(_FILES, vectors, strict=True))

  @pytest.mark.parametrize('content', [b'{"labels": null}', b'{}', b'{"labels": []}'])
  def test_no_labels(self, form, classes, content, table, user_error):
    source = form.open({**classes, 'dataset.json': content})
    assert source.labels is None
    assert len(source) == 4
    if form.form == 'folder':
      user_error(lambda: table(content, 'json'), 'table.json has no labels')

  def test_not_wanted(self, form, classes):
    source = form.open({**classes, 'dataset.json': _json([['top.tiff', 1]])}, 'none')
    assert source.labels is None
    assert set(_found(source).values()) == {None}
    assert len(source) == 4

  def test_in_the_folder_that_holds_all(self, form, classes):
    files = {f'pictures/{name}': content for name, content in classes.items()}
    labels = _json([['cat/a.png', 1], ['pictures/dog/a.webp', 0]])
    source = form.open({**files, 'pictures/dataset.json': labels, 'README.txt': b'1'})
    assert source.labels.unmatched == ()
    found = _found(source)
    assert found == {
      'README.txt': None,
      'pictures/cat/a.png': 1,
      'pictures/cat/b.JPG': None,
      'pictures/dog/a.webp': 0,
      'pictures/top.tiff': None,
    }

  def test_one_that_lies_elsewhere_is_just_a_file(self, form, classes, problems):
    source = form.open({**classes, 'cat/dataset.json': _json([['a.png', 1]])})
    assert source.labels is None
    assert problems(source.pictures()) == {'cat/dataset.json': 'is no image by its ending (.json)'}

  def test_without_folders_a_key_must_mean_one_picture(self, form):
    files = {'x/a.png': b'1', 'y/a.png': b'2', 'y/b.png': b'3', 'c.png': b'4', 'z/c.png': b'5'}
    labels = _json([['a.png', 1], ['b.png', 2], ['c.png', 3]])
    source = form.open({**files, 'dataset.json': labels})
    assert source.labels.unmatched == ('a.png',)
    assert {n: k for n, k in _found(source).items() if k} == {'y/b.png': 2, 'c.png': 3}

  def test_accents_composed_or_not(self, form):
    labels = _json([['u\u0308.png', 5]])
    source = form.open({'\u00fc.png': b'1', 'dataset.json': labels})
    assert _found(source) == {'ü.png': 5}

  @pytest.mark.parametrize(
    ('content', 'words'),
    [
      (b'{"labels": [', 'no valid JSON'),
      (b'[' * 100000, 'no valid JSON'),
      (b'\xff\xfe{}', 'no text in UTF-8'),
      (b'[]', 'must hold {"labels"'),
      (b'{"labels": 5}', '"labels" must be a list'),
      (b'{"labels": [["top.tiff"]]}', 'entry 0 of "labels"'),
      (b'{"labels": [[5, "top.tiff"]]}', 'entry 0 of "labels"'),
      (b'{"labels": {"top.tiff": 1, "top.tiff": 2}}', '"top.tiff" is there twice'),
      (b'{"labels": [["top.tiff", 1], ["./top.tiff", 2]]}', "two labels for './top.tiff'"),
      (b'{"labels": [["top.tiff", -1]]}', "of 'top.tiff' is -1, no class number from 0 to 65535"),
      (b'{"labels": [["top.tiff", 65536]]}', "'top.tiff' is 65536, no class number"),
      (b'{"labels": [["top.tiff", true]]}', "'top.tiff' is true, neither"),
      (b'{"labels": [["top.tiff", null]]}', "'top.tiff' is null, neither"),
      (b'{"labels": [["top.tiff", "cat\\n"]]}', '\'top.tiff\' is "cat\\n", neither'),
      (b'{"labels": [["top.tiff", 1.0]]}', "'top.tiff' is 1.0, neither"),
      (b'{"labels": [["top.tiff", []]]}', "'top.tiff' is an empty list"),
      (b'{"labels": [["top.tiff", [1, true]]]}', 'holds something that is no number'),
      (b'{"labels": [["top.tiff", [1, NaN]]]}', 'holds a number that is not finite'),
      (b'{"labels": [["top.tiff", [1, 1e999]]]}', 'holds a number that is not finite'),
      (b'{"labels": [["top.tiff", [1%s]]]}' % (b'0' * 999), 'not finite, or too large'),
      (b'{"labels": [["a", [1]], ["b\\n", 2]]}', "'b\\n' is a class, but those before it are a v"),
      (b'{"labels": [["a", [1]], ["b", [1, 2]]]}', "'b' is a vector of 2, but"),
      (b'{"labels": [["a", 1]], "class_names": ["x"]}', 'names 1 classes, but has class 1'),
      (b'{"labels": [["a", 0]], "class_names": [1]}', '"class_names" must be'),
      (b'{"labels": [["a", 0]], "class_names": ["x", "x"]}', '"class_names" must be'),
      (b'{"labels": [["a", [0]]], "class_names": ["x", "y"]}', 'names 2 components, but'),
      (
        b'{"labels": [["no", 0], ["nor", 0]]}',
        "it has 'no' where the pictures are like 'cat/a.png'",
      ),
    ],
  )
  def test_faults_are_named(self, as_zip, classes, content, words, user_error):
    files = {**classes, 'dataset.json': content}
    user_error(lambda: as_zip.open(files), 'dataset.json', words)
    assert as_zip.open(files, 'none').labels is None

  def test_one_that_cannot_be_read(self, as_folder, as_zip, classes, user_error):
    path = as_folder.write(classes)
    (path / 'dataset.json').symlink_to('nowhere')
    user_error(lambda: FolderInput(path), 'dataset.json is a broken link: restore it')
    path = as_zip.write({**classes, 'dataset.json': _json([['top.tiff', 1]])})
    data = bytearray(path.read_bytes())
    data[data.index(b'dataset.json') + 12] = 0xFF
    path.write_bytes(data)
    user_error(lambda: ZipInput(path), 'pictures.zip/dataset.json is damaged: restore it')


class TestCsv:
  def test_class_numbers(self, table):
    source = table('\ufeff"cat/a.png",2\r\n\r\ntop.tiff, 0\r\n')
    assert source.labels == Labels('table.csv', ('0', '1', '2'))
    assert _found(source) == dict(zip(_FILES, [2, None, None, 0], strict=True))

  def test_class_names(self, table):
    source = table('file,label\n"cat/a.png","a, ""big"" cat"\ncat/b.JPG,1\ndog/a.webp,1\nx.png,a\n')
    assert source.labels == Labels('table.csv', ('1', 'a', 'a, "big" cat'), unmatched=('x.png',))
    assert _found(source) == dict(zip(_FILES, [2, 0, 0, None], strict=True))

  def test_one_number(self, table):
    source = table('image,age\ntop.tiff,1.5\na.png,2\n')
    assert source.labels == Labels('table.csv', dim=1, component_names=('age',))
    assert _found(source) == dict(zip(_FILES, [(2.0,), None, None, (1.5,)], strict=True))

  def test_vectors(self, table):
    source = table('id,Smiling,Hat\ntop.tiff,1,-1\ncat/a.png,0,2.5e-1\n')
    assert source.labels == Labels('table.csv', dim=2, component_names=('Smiling', 'Hat'))
    assert _found(source)['cat/a.png'] == (0.0, 0.25)
    source = table('top.tiff,1,-1\n')
    assert source.labels == Labels('table.csv', dim=2)
    assert _found(source)['top.tiff'] == (1.0, -1.0)

  def test_the_same_label_twice(self, table):
    assert _found(table('top.tiff,1\n./top.tiff,1\n'))['top.tiff'] == 1

  @pytest.mark.parametrize(
    ('content', 'words'),
    [
      ('', 'has no rows'),
      ('\n\n', 'has no rows'),
      ('file,label\n', 'has no rows'),
      ('top.tiff\n', 'line 1: has 1 of 2 columns'),
      ('top.tiff;1\n', 'line 1: has 1 of 2 columns: separate them with commas'),
      ('a.png,1\nb.png,1,2\n', 'line 2: has 3 of 2 columns'),
      ('a.png,1\n"b.png,1\n', 'line 2: unexpected end of data'),
      ('a.png,cat\nb.png,\n', 'line 2: has no label'),
      ('a.png,1\n\nb.png,\n', 'line 3: has no label'),
      ('a.png,1,x\n', "line 1: 'x' is no number"),
      ('a.png,1,\n', "line 1: '' is no number"),
      ('top.tiff,-1\n', "'top.tiff' is -1, no class number"),
      (f'top.tiff,{MAX_LABEL_DIM}\n', "'top.tiff' is 65536, no class number"),
      ('top.tiff,1.5\na.png,nan\n', "'a.png' holds a number that is not finite"),
      ('top.tiff,1\ntop.tiff,2\n', "two labels for 'top.tiff'"),
      ('other/top.tiff,1\n', 'table.csv names no picture of /'),
      (b'top.tiff,\xe9\n', 'no text in UTF-8'),
    ],
  )
  def test_faults_are_named(self, table, content, words, user_error):
    user_error(lambda: table(content), 'table.csv', words)


class TestFolders:
  def test_names(self, form, classes):
    files = {**classes, 'notes/a.txt': b'1', 'cat/deep/c.png': b'1', '.x/a.png': b'1'}
    source = form.open(files, 'folders')
    assert source.labels == Labels('folder names', ('cat', 'dog'))
    found = _found(source)
    assert found.pop('notes/a.txt') is found.pop('.x/a.png') is None
    assert found.pop('cat/deep/c.png') == 0
    assert found == dict(zip(_FILES, [0, 0, 1, None], strict=True))

  def test_below_the_folder_that_holds_all(self, form, classes):
    files = {f'./pictures/{name}': content for name, content in classes.items()}
    source = form.open(files, 'folders')
    assert source.labels.class_names == ('cat', 'dog')
    assert list(_found(source).values()) == [0, 0, 1, None]

  def test_a_single_class(self, form):
    source = form.open({'cat/a.png': b'1', 'cat/b.png': b'1'}, 'folders')
    assert source.labels.class_names == ('cat',)
    assert list(_found(source).values()) == [0, 0]

  def test_none(self, form, user_error):
    files = {'a.png': b'1', 'b/c.txt': b'1'}
    user_error(
      lambda: form.open(files, 'folders'), 'pictures', 'has no folders for --labels=folders'
    )


def test_choices(form, classes, user_error, tmp_path):
  user_error(lambda: form.open(classes, 'folder'), '--labels=folder is no choice: give auto, none')
  missing = str(tmp_path / 'mi\nssing.csv')
  user_error(lambda: form.open(classes, missing), 'mi\\nssing.csv is no file')
  (tmp_path / 'x.json').mkdir()
  user_error(lambda: form.open(classes, str(tmp_path / 'x.json')), 'x.json is no file')


def test_labels_survive_resuming_and_change_the_identity(form, classes, check_resume):
  files = {**classes, 'dataset.json': _json([['top.tiff', 1]])}
  source = form.open(files)
  assert [picture.label for picture in check_resume(source)] == [None, None, None, 1]
  other = form.open({**classes, 'dataset.json': _json([['top.tiff', 2]])})
  assert source.identity()[-1] != other.identity()[-1]
  assert form.open(files, 'folders').identity()[-1] == 'labels: folders'


def test_folders_of_splits_are_no_classes(tmp_path, encode, make_image):
  """As AFHQ comes: train/cat, train/dog, val/cat, ..."""
  for path in ('train/cat/a.png', 'train/dog/b.png', 'val/cat/c.png'):
    file = tmp_path / 'afhq' / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode(make_image(0), 'png'))
  found = FolderInput(tmp_path / 'afhq', 'folders')
  assert found.labels.class_names == ('cat', 'dog')
  assert [picture.label for picture in found.pictures()] == [0, 1, 0]
  assert 'sub-folders (cat, dog) can be classes' in FolderInput(tmp_path / 'afhq').hint
  (tmp_path / 'afhq' / 'ages.csv').write_text('a.png,3\n')
  assert 'ages.csv may hold labels' in FolderInput(tmp_path / 'afhq').hint
