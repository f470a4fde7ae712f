import pytest

from stylegan2_jax.commands import line
from stylegan2_jax.errors import UserError

NEEDED = ['ablate', '--config=a.py', '--workdir=w', '--vary=train.r1_gamma=1,2']


def test_flags():
  argv = [*NEEDED, '--vary', 'train.pl_weight=0,2', '--seeds=3', '--of=loss_d, sign_real']
  flags = line.parse([*argv, '--config.train.batch_size=16', '--time_limit=2m'])
  assert flags.vary == ['train.r1_gamma=1,2', 'train.pl_weight=0,2']
  assert (flags.seeds, flags.of, flags.last) == (3, ['loss_d', 'sign_real'], 0.1)
  assert (flags.devices, flags.jobs, flags.time_limit) == (None, None, 120.0)
  assert flags.overrides == {'train.batch_size': '16'}
  assert line.parse([*NEEDED, '--devices=0,GPU-1f/2']).devices == ['0', 'GPU-1f/2']
  assert line.parse([*NEEDED, '--jobs=4', '--last=0.5']).jobs == 4


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--seeds=0', '--seeds=0 does not fit: write how many'),
    ('--seeds=0-2', '--seeds=0-2 does not fit'),
    ('--seeds=1000', '--seeds=1000 does not fit'),
    ('--jobs=0', '--jobs=0 does not fit'),
    ('--devices=0,,1', '--devices=0,,1 does not parse'),
    ('--devices=0 1', '--devices=0 1 does not parse'),
    ('--devices=1,1', '--devices=1,1 names a device twice'),
    ('--of=', '--of= does not parse'),
    ('--of=a,', '--of=a, does not parse'),
    ('--last=0', '--last=0 does not fit'),
    ('--last=10%', '--last=10% does not fit'),
    ('--last=nan', '--last=nan does not fit'),
    ('--time_limit=soon', '--time_limit=soon does not parse'),
    ('--varie=x', r'unknown argument --varie, did you mean --vary\?'),
  ],
)
def test_bad_flags(flag, message):
  with pytest.raises(UserError, match=message) as error:
    line.parse([*NEEDED, flag])
  assert '\n' not in str(error.value)


@pytest.mark.parametrize('missing', [1, 2, 3])
def test_what_is_needed(missing):
  argv = NEEDED[:missing] + NEEDED[missing + 1 :]
  with pytest.raises(UserError, match=f'{NEEDED[missing].split("=")[0]} is missing'):
    line.parse(argv)
