"""Files that mean harm: each is refused by one line, nothing runs, memory and time stay bounded."""

import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader
from tests.importers.bombs import bombs
from tests.importers.hand_pickles import Made, Name, dumps, torch_stream, torch_zip

ROOT = pathlib.Path(__file__).parents[2]
# Functions that attacks use; none of them may be looked up, whatever their modules are.
_TEXT = """
  os.system posix.system nt.system os.popen os.execv os.remove subprocess.Popen subprocess.call
  builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr
  builtins.__import__ builtins.globals builtins.breakpoint builtins.map builtins.type
  __builtin__.eval __builtin__.apply __builtin__.file __builtin__.execfile importlib.import_module
  runpy.run_path pickle.loads marshal.loads shelve.open code.interact operator.attrgetter
  operator.methodcaller functools.partial functools.reduce types.FunctionType types.CodeType
  ctypes.CDLL webbrowser.open shutil.rmtree socket.socket urllib.request.urlopen bdb.Bdb.run
  pdb.run timeit.timeit cProfile.run trace.Trace pip.main sys.setprofile numpy.load numpy.fromfile
  numpy.memmap numpy.core.multiarray.fromstring numpy.testing.runstring
  numpy.f2py.diagnose.run_command numpy.ndarray.tofile numpy.lib.format.read_array torch.load
  torch.hub.load torch.serialization.load torch.storage.UntypedStorage.from_file
  torch._utils._import_dotted_name torch.jit._script.unpackage_script_module
  torch.ops.load_library torch.nn.modules.module.Module dnnlib.util.open_url
  dnnlib.util.call_func_by_name dnnlib.util.construct_class_by_name
  torch_utils.persistence.import_hook torch_utils.persistence._src_to_module
  torch_utils.custom_ops.get_plugin collections.OrderedDict.__class__ collections.namedtuple
  collections.OrderedDict.__reduce__ copyreg.__newobj__ copy_reg._reduce_ex copyreg.constructor
  _codecs.register argparse.FileType
"""
FUNCTIONS = _TEXT.split()


def load(tmp_path, content):
  """What reading says; fails if anything of the content runs, or is imported."""
  path = tmp_path / 'a.pkl'
  path.write_bytes(content)
  before = set(sys.modules)
  with pytest.raises(UserError) as caught:
    pickle_reader.load(path)
  assert not (tmp_path / 'canary').exists()
  added = set(sys.modules) - before
  assert not {name for name in added if not name.startswith('encodings.')}  # zipfile's own
  text = str(caught.value)
  assert str(path) in text
  assert '\n' not in text
  assert len(text) < 400
  return text


@pytest.mark.parametrize('name', FUNCTIONS)
def test_functions_are_refused_by_name(tmp_path, name):
  module, _, function = name.rpartition('.')
  command = f'touch {tmp_path}/canary'
  contents = {
    'reduce': dumps(Made(name, command), 4),
    'old reduce': dumps(Made(name, command), 2),
    'instance': f"(S'{command}'\ni{module}\n{function}\n.".encode(),
    'object': f"(c{module}\n{function}\nS'{command}'\no.".encode(),
    'new object': dumps(Made(name, command, new=True), 2),
    'only named': dumps(Name(name), 4),
    'dotted': dumps(_dotted(name), 4),
    'in a zip': torch_zip({'state': Made(name, command)}),
    'in a stream': torch_stream({'state': Made(name, command)}),
    'in a tensor': dumps(Made('torch.storage._load_from_bytes', torch_stream(Made(name, command)))),
    'in a module': dumps(
      Made(
        'torch_utils.persistence._reconstruct_persistent_obj',
        {'type': 'class', 'class_name': 'G', 'state': {'x': Made(name, command)}},
      )
    ),
  }
  for form, content in contents.items():
    assert f'it names {name}, which no file of networks needs' in load(tmp_path, content), form


def _dotted(name):
  """The same function, as an attribute of the outermost module."""
  made = Name(name)
  made.module, _, made.name = name.partition('.')
  return made


class Real:
  """What an attacker who has Python would write."""

  def __init__(self, function, *arguments):
    self.parts = function, arguments

  def __reduce__(self):
    return self.parts


@pytest.mark.parametrize('protocol', range(6))
def test_real_attacks_do_nothing(tmp_path, protocol):
  command = f'touch {tmp_path}/canary'
  for attack, name in (
    (Real(os.system, command), f'{os.system.__module__}.system'),
    (Real(eval, f'open({command[6:]!r}, "w")'), 'eval'),
    (Real(exec, f'import os; os.system({command!r})'), 'exec'),
    (Real(subprocess.check_output, command.split()), 'check_output'),
    (Real(getattr, Real(__import__, 'os'), 'system'), 'getattr'),
    ({'G_ema': Real(np.fromfile, '/dev/zero')}, 'fromfile'),
    (np.asarray([Real(os.system, command)], object), 'something else than numbers'),
  ):
    assert name in load(tmp_path, pickle.dumps(attack, protocol))


TRICKS = {
  'state for a name': (
    b'\x80\x02cnumpy\ndtype\n}X\x04\x00\x00\x00nameX\x01\x00\x00\x00xsb.',
    'none',
  ),
  'slots for a name': (b'\x80\x02cnumpy\nndarray\nN}\x86b.', 'none'),
  'state for a list': (b'\x80\x02]}b.', 'none'),
  'state for a number': (b'\x80\x02K\x01}b.', 'none'),
  'state of an object that is no dict': (
    b'\x80\x02cargparse\nNamespace\n)\x81N}\x86b.',
    'argparse.Namespace of unknown form',
  ),
  'a word is called': (b'\x80\x02cnumpy\nndarray\n)R.', 'calls numpy.ndarray'),
  'a number is called': (b'\x80\x02K\x01)R.', 'calls something'),
  'arguments that are a list': (b'\x80\x02ccollections\nOrderedDict\n]R.', 'calls something'),
  'a class with arguments': (b'\x80\x02cdnnlib.util\nEasyDict\nK\x01\x85R.', 'calls dnnlib'),
  'an array without content': (
    b'\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R.',
    'array without content',
  ),
  'an array with wrong content': (
    b'\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01)NNNtb.',
    'array without numbers',
  ),
  'a tensor without storage': (
    b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89NtR.',
    'tensor without numbers',
  ),
  'a type that is no type': (b'\x80\x02cnumpy\ndtype\nK\x01\x85R.', 'something else than numbers'),
  'a byte order that is none': (
    b'\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f4\x85R(K\x03X\x01\x00\x00\x00?tb.',
    'byte order',
  ),
  'an extension': (b'\x80\x02\x82\x01.', 'the instruction EXT1'),
  'a wide extension': (b'\x80\x02\x84\x01\x00\x00\x00.', 'the instruction EXT4'),
  'a buffer from outside': (b'\x80\x05\x97.', 'the instruction NEXT_BUFFER'),
  'something outside': (b'\x80\x02Pname\n.', 'objects outside'),
  'something outside by id': (b'\x80\x02K\x01Q.', 'objects outside'),
  'an empty stack': (b'\x80\x02.', 'damaged'),
  'only a mark': (b'\x80\x02(.', 'mark'),
  'a mark as a value': (b'\x80\x02](a.', 'mark|no list'),
  'what was not stored': (b'\x80\x02h\x05.', 'damaged'),
  'append to a dict': (b'\x80\x02}K\x01a.', 'no list'),
  'items of a list': (b'\x80\x02]K\x01K\x02s.', 'no dict'),
  'odd items': (b'\x80\x02}(K\x01u.', 'no dict'),
  'members of a list': (b'\x80\x04](K\x01\x90.', 'no set'),
  'a list as key': (b'\x80\x02}]K\x01s.', 'keys'),
  'an object as key': (b'\x80\x02}cargparse\nNamespace\n)\x81K\x01s.', 'keys'),
  'a persistent object that is no dict': (
    b'\x80\x02ctorch_utils.persistence\n_reconstruct_persistent_obj\nK\x01\x85R.',
    'persistent object of unknown form',
  ),
  'a persistent object without state': (
    dumps(Made('torch_utils.persistence._reconstruct_persistent_obj', {'type': 'class'})),
    'persistent object of unknown form',
  ),
  'a tensor in bytes that is none': (
    dumps(Made('torch.storage._load_from_bytes', b'\x80\x02N.')),
    'not of torch.save',
  ),
  'a tensor in bytes that holds a list': (
    dumps(Made('torch.storage._load_from_bytes', torch_stream([1]))),
    'tensor of unknown form',
  ),
  'a tensor in a word': (dumps(Made('torch.storage._load_from_bytes', 'a')), 'without numbers'),
  'bytes of another encoding': (dumps(Made('_codecs.encode', 'a', 'rot13')), 'unknown form'),
  'a name in quotes': (b'\x80\x04K\x01K\x02\x93.', 'no word'),
  'a damaged word': (b'\x80\x04X\x02\x00\x00\x00\xff\xff.', 'damaged'),
  'a line without end': (b'I123', 'damaged|cut short'),
}


@pytest.mark.parametrize('case', TRICKS)
def test_tricks_with_allowed_names(tmp_path, case):
  content, words = TRICKS[case]
  answer = load(tmp_path, content)
  assert any(word in answer for word in words.split('|')), answer


_CHILD = """
import pathlib, re, resource, sys, time
from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader
def used():
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
  before, began = used(), time.monotonic()
  try:
    answer = f'loaded {type(pickle_reader.load(path))}'
  except UserError as error:
    answer = str(error)
  print(path.name, used() - before, time.monotonic() - began, answer, sep='|', flush=True)
"""


def test_bombs_take_neither_memory_nor_time(tmp_path):
  cases = bombs()
  for name, (content, _) in cases.items():
    (tmp_path / name).write_bytes(content)
  ended = subprocess.run(
    [sys.executable, '-c', _CHILD, str(tmp_path)],
    cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
  )  # fmt: skip
  assert not ended.returncode, ended.stderr
  answers = dict(line.split('|', 1) for line in ended.stdout.splitlines())
  assert answers.keys() == cases.keys()
  for name, (content, words) in cases.items():
    grown, seconds, answer = answers[name].split('|', 2)
    assert any(word in answer for word in words.split('|')), f'{name}: {answer}'
    assert int(grown) < 400 + 4 * (len(content) >> 20), f'{name}: {grown} MiB'
    assert float(seconds) < 30, f'{name}: {seconds} s'


def test_the_source_text_of_a_module_is_not_run(tmp_path):
  source = f'import os; os.system("touch {tmp_path}/canary"); raise SystemExit'
  meta = {'type': 'class', 'version': 6, 'module_src': source, 'class_name': 'G', 'state': {}}
  (tmp_path / 'a.pkl').write_bytes(
    dumps(Made('torch_utils.persistence._reconstruct_persistent_obj', meta))
  )
  assert pickle_reader.load(tmp_path / 'a.pkl').name == 'G'
  assert not (tmp_path / 'canary').exists()
