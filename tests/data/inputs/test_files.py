import os

from stylegan2_jax.data import decoding
from stylegan2_jax.data.inputs import entries
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.files import FolderInput


def test_reads_what_was_written_in_the_order_of_names(form, classes, check_resume):
  source = form.open(classes)
  assert len(source) == 4
  assert source.labels is None
  assert source.names == tuple(classes)
  pictures = check_resume(source)
  assert [tuple(picture) for picture in pictures] == [(n, c, None) for n, c in classes.items()]


def test_kinds(form, classes):
  kinds = {'folder': 'folder', 'zip': 'zip archive', 'tar': 'tar archive'}
  assert form.open(classes).kind == kinds[form.form]


def test_files_that_are_no_pictures_are_told(form, check_resume, problems):
  source = form.open(
    {
      '.hidden.png': b'1',
      '.git/x.png': b'1',
      'README': b'1',
      'a.png': b'a',
      'b.txt': b'1',
      'empty.png': b'',
      'c.tar.gz': b'1',
      # what follows is not counted
      '.DS_Store': b'1',
      'sub/Thumbs.db': b'1',
      'sub/desktop.ini': b'1',
      'sub/._x.png': b'1',
      '__MACOSX/x.png': b'1',
      'dataset.json': b'{"labels": null}',
    }
  )
  pictures = check_resume(source)
  assert problems(pictures) == {
    '.hidden.png': 'is hidden',
    '.git/x.png': 'is hidden',
    'README': 'is no image by its name, which has no ending',
    'b.txt': 'is no image by its ending (.txt)',
    'empty.png': 'is empty',
    'c.tar.gz': 'is no image by its ending (.gz)',
  }
  assert len(source) == 7
  assert [p.content for p in pictures if p.name == 'a.png'] == [b'a']


def test_identity_changes_with_the_content_and_the_labels(form, classes):
  first = form.open(classes).identity()
  assert form.open(classes).identity()[0].split()[:2] == ['cat/a.png', '5']
  assert form.open(classes, 'folders').identity() != first
  assert form.open({**classes, 'top.tiff': b'more'}).identity() != first
  assert form.open({**classes, 'u.png': b'u'}).identity() != first


def test_no_images_at_all(form, user_error):
  user_error(lambda: form.open({'a.txt': b'1', '.b.png': b'1'}), 'holds no images', '.tiff')


def test_too_large_files_are_not_read(form, problems, check_resume, monkeypatch):
  monkeypatch.setattr(entries, 'MAX_BYTES', 10)
  pictures = check_resume(form.open({'a.png': b'1' * 10, 'b.png': b'1' * 11}))
  assert problems(pictures) == {'b.png': f'is larger than {decoding.MAX_BYTES >> 20} MiB'}
  assert pictures[0].content == b'1' * 10


def test_a_label_file_inside_is_not_counted(as_folder, classes):
  path = as_folder.write({**classes, 'my.csv': b'top.tiff,1\n'})
  assert len(FolderInput(path)) == 5
  assert len(FolderInput(path, str(path / 'my.csv'))) == 4
  assert len(FolderInput(str(path), path / 'cat' / '..' / 'my.csv')) == 4


class TestFolder:
  def test_odd_names(self, tmp_path, check_resume, user_error):
    raw = [b'\xff.png', b'a\n\x1b[2J.png', 'ü\u202e.png'.encode(), b'b\\c.png', b'.. .png']
    for name in raw:
      with open(os.path.join(os.fsencode(tmp_path), name), 'wb') as file:
        file.write(name)
    pictures = check_resume(FolderInput(str(tmp_path)))
    shown = {picture.name: picture.content for picture in pictures}
    assert shown.pop('.. .png') == Problem('is hidden')
    assert shown == {
      '\\xff.png': raw[0],
      'a\\n\\x1b[2J.png': raw[1],
      'ü\\u202e.png': raw[2],
      'b\\c.png': raw[3],
    }
    user_error(lambda: FolderInput(str(tmp_path / 'a\nb')), 'cannot list', 'a\\nb')

  def test_links_are_followed_but_no_folder_is_read_twice(
    self, tmp_path, classes, as_folder, check_resume, problems
  ):
    root = as_folder.write(classes)
    outside = tmp_path / 'outside'
    outside.mkdir()
    (outside / 'o.png').write_bytes(b'outside')
    (root / 'cat' / 'loop').symlink_to('..')
    (root / 'up').symlink_to('../..')
    (root / 'self').symlink_to('self')
    (root / 'gone.png').symlink_to('nowhere.png')
    (root / 'file.png').symlink_to(outside / 'o.png')
    (root / 'away').symlink_to(outside)
    (root / 'away again').symlink_to(outside)
    (outside / 'back').symlink_to(root / 'cat')
    pictures = check_resume(FolderInput(str(root)))
    assert problems(pictures) == {
      'cat/loop/': 'is a folder that is read already',
      'up/': 'is a folder that is read already',
      'away again/': 'is a folder that is read already',
      'away/back/': 'is a folder that is read already',
      'self': 'is a broken link',
      'gone.png': 'is a broken link',
    }
    contents = sorted(p.content for p in pictures if isinstance(p.content, bytes))
    assert contents == sorted([*classes.values(), b'outside', b'outside'])

  def test_pipes_and_sockets_do_not_block(self, tmp_path, check_resume, problems):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'a.png').write_bytes(b'a')
    (tmp_path / 'b.png').write_bytes(b'b')
    source = FolderInput(str(tmp_path))
    assert problems(check_resume(source)) == {'pipe.png': 'is no regular file'}
    (tmp_path / 'a.png').unlink()  # becomes a pipe after the folder was listed
    os.mkfifo(tmp_path / 'a.png')
    (tmp_path / 'b.png').unlink()
    assert problems(source.pictures()) == {
      'pipe.png': 'is no regular file',
      'a.png': 'is no regular file',
      'b.png': 'cannot be read (No such file or directory)',
    }

  def test_folders_that_cannot_be_listed(self, tmp_path, user_error, monkeypatch, problems):
    (tmp_path / 'closed').mkdir()
    (tmp_path / 'a.png').write_bytes(b'a')
    scandir = os.scandir

    def refuse(path):
      if str(path).rstrip('/').endswith('closed'):
        raise PermissionError(13, 'Permission denied')
      return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    source = FolderInput(str(tmp_path))
    assert problems(source.pictures()) == {'closed/': 'cannot be listed (Permission denied)'}
    user_error(lambda: FolderInput(str(tmp_path / 'closed')), 'Permission denied')
