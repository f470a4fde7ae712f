"""Preparing a set from front to back: what is stored, what is named, what is refused."""

import csv
import dataclasses
import json

import pytest
from PIL import Image

from stylegan2_jax.data.preparation import scratch
from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError


def test_every_picture_is_stored_or_named(request_, pictures):
  folder = prepare(request_)
  assert folder == request_.out / '1.0.0'
  names = sorted(p.relative_to(pictures).as_posix() for p in pictures.rglob('*.png'))
  broken = {n for n in names if int(n[2:4]) % 5 == 4}
  whole = [n for n in names if n not in broken]
  records = Records(folder)
  assert records.class_names == ('a', 'b')
  stored = [records.read(i) for i in range(len(records))]
  assert [records.origin(i) for i in range(len(records))] == whole
  assert [records.class_names[s.label] for s in stored] == [n[0] for n in whole]
  for name, s in zip(whole, stored, strict=True):  # RGB PNG of that size: stored as it came
    assert s.image == (pictures / name).read_bytes()
  with (folder / 'skipped.csv').open(newline='') as file:
    rows = list(csv.reader(file))
  assert rows[0] == ['name', 'reason']
  assert {row[0] for row in rows[1:]} == broken
  assert all(row[1].startswith('is truncated or damaged') for row in rows[1:])
  counts = json.loads((folder / 'preparation.json').read_text())['counts']
  assert (counts['in'], counts['out'], counts['skipped']) == (23, 19, 4)
  assert counts['reasons'] == {'is truncated or damaged': 4}
  assert not list(request_.out.parent.glob('.*'))


def test_prepared_once_is_left_alone(request_, capsys, files):
  folder = prepare(request_)
  before = files(folder)
  assert prepare(request_) == folder
  assert 'nothing to do' in capsys.readouterr().err
  assert files(folder) == before
  with pytest.raises(UserError, match='another --filter') as error:
    prepare(dataclasses.replace(request_, filter='box'))
  assert '\n' not in str(error.value)
  assert files(folder) == before


def test_processes_change_nothing(request_, tmp_path, files):
  alone = prepare(request_)
  several = prepare(dataclasses.replace(request_, out=tmp_path / 'other' / 'photos', workers=2))
  assert files(alone) == files(several)


def test_strict_refuses_and_names(request_):
  with pytest.raises(UserError, match=r'--strict: 4 pictures .*\(4 is truncated or damaged\)'):
    prepare(dataclasses.replace(request_, strict=True))
  assert not request_.out.exists()
  left = list((request_.out.parent / '.preparing-photos').iterdir())
  assert [path.name for path in left] == ['skipped.csv']
  assert len(left[0].read_text().splitlines()) == 5
  assert prepare(request_) == request_.out / '1.0.0'  # the list is in nobody's way


def test_nothing_left_is_an_error(request_):
  with pytest.raises(UserError, match='none of the 23 pictures can be used'):
    prepare(dataclasses.replace(request_, resolution=(16, 16)))
  assert not request_.out.exists()


def test_two_at_once(request_):
  with scratch.Scratch(request_.out), pytest.raises(UserError, match='another process'):
    prepare(request_)


@pytest.mark.parametrize('name', ['My-Photos', '1photos', 'a b'])
def test_names_that_tfds_cannot_have(request_, name):
  with pytest.raises(UserError, match='would do'):
    prepare(dataclasses.replace(request_, out=request_.out.with_name(name)))


def test_foreign_folders_are_left_alone(request_, pictures):
  request_.out.mkdir(parents=True)
  (request_.out / 'letter.txt').write_text('dear')
  with pytest.raises(UserError, match='no set of this command'):
    prepare(request_)
  assert (request_.out / 'letter.txt').read_text() == 'dear'
  with pytest.raises(UserError, match='inside --source'):
    prepare(dataclasses.replace(request_, out=pictures / 'set'))


def test_duplicates_and_pictures_without_label(tmp_path, pictures):
  (pictures / 'c.png').write_bytes((pictures / 'a' / '00.png').read_bytes())
  Image.open(pictures / 'a' / '00.png').save(pictures / 'd.bmp')
  request = Request(str(pictures), tmp_path / 'sets' / 'photos', workers=0)
  record = json.loads((prepare(request) / 'preparation.json').read_text())
  assert record['counts']['duplicates'] == 2  # the bytes differ, the pixels do not
  classes = dataclasses.replace(request, out=tmp_path / 'sets' / 'kinds', labels='folders')
  record = json.loads((prepare(classes) / 'preparation.json').read_text())
  assert record['counts']['reasons'] == {'is truncated or damaged': 4, 'has no label': 2}
  assert record['labels']['class_counts'] == [10, 9]


def test_strict_refuses_labels_without_picture(request_, pictures, tmp_path):
  for path in pictures.rglob('*.png'):
    if int(path.stem) % 5 == 4:
      path.unlink()
  rows = [f'{path.relative_to(pictures)},0' for path in sorted(pictures.rglob('*.png'))]
  (tmp_path / 'labels.csv').write_text('\n'.join(['file,label', *rows, 'a/nobody.png,0']))
  request = dataclasses.replace(request_, labels=str(tmp_path / 'labels.csv'))
  with pytest.raises(UserError, match=r'1 labels belong to no picture, the first to a/nobody.png'):
    prepare(dataclasses.replace(request, strict=True))
  folder = prepare(request)
  assert (folder / 'unmatched_labels.csv').read_text().split() == ['key', 'a/nobody.png']
  with pytest.raises(UserError, match='1 labels were left out'):
    prepare(dataclasses.replace(request, strict=True))


def test_images_of_different_sizes_need_a_choice(request_, pictures):
  Image.new('RGB', (20, 10)).save(pictures / 'a' / '01.png')
  with pytest.raises(
    UserError, match=r'8x8: a/00.png, 20x10: a/01.png.*--resolution=8 --transform'
  ):
    prepare(request_)
  assert not list(request_.out.parent.iterdir())  # not even an empty scratch folder
