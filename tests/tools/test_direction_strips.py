"""`launch.py directions`: the file and the strips that it writes."""

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.tools.direction_strips import strips
from stylegan2_jax.tools.directions import Directions, pca, sefa


def test_strips(gan):
  found = pca(gan, 2, 500)
  drawn = strips(gan, found, [5, 9], (-2.0, 0.0, 1.0), psi=0.6, cutoff=3)
  ws = np.asarray(gan.map(gan.latents([5, 9]), psi=0.6, cutoff=3))
  assert drawn.images.shape == (2, 2, 3, 8, 8, 3)
  for k in range(2):
    for n in range(2):
      for i, strength in enumerate((-2.0, 0.0, 1.0)):
        expected = gan.draw(ws[n : n + 1] + strength * found.sigmas[k] * found.directions[k])[0]
        assert np.abs(drawn.images[k, n, i].astype(int) - expected).max() <= 1
  sheet = drawn.sheet().pixels()
  places = np.argwhere((sheet[:, :, None] == drawn.images[1, 1, 2][0, 0]).all(-1).any(-1))
  assert len(places)  # the last strip's last picture is on it


def directions(workdir, out, *flags):
  flags = ['--samples=500', *flags]
  return launch.main(['directions', f'--workdir={workdir}', f'--out={out}', *flags])


@pytest.mark.parametrize('method', ['pca', 'sefa'])
def test_command(plain, gan, tmp_path, capsys, method):
  out = tmp_path / 'new' / 'found.npz'
  flags = [f'--method={method}', '--count=3', '--layers=0-1', '--seeds=4,5', '--steps=3']
  assert directions(plain, out, *flags, '--reach=2', '--psi=0.5') == 0
  find = {'pca': pca, 'sefa': sefa}[method]
  expected = find(gan, k=3, samples=500, layers=[0, 1])
  found = Directions.load(out)
  np.testing.assert_array_equal(found.directions, expected.directions)
  np.testing.assert_array_equal(found.sigmas, expected.sigmas)
  assert (found.layers, found.method, found.source) == ((0, 1), method, str(plain))
  with Image.open(out.with_suffix('.png')) as image:
    sheet = np.asarray(image)
  drawn = strips(gan, expected, [4, 5], [-2, 0, 2], psi=0.5)
  np.testing.assert_array_equal(sheet, drawn.sheet().pixels())
  first, head, *rows, wrote, wrote_sheet = capsys.readouterr().out.splitlines()
  assert first == 'directions of layers 0-1 of 0-3'
  assert head.split('  ') == ['direction', 'sd of w', 'eigenvalue']
  assert [row.split()[0] for row in rows] == ['0', '1', '2']
  assert float(rows[1].split()[1]) == pytest.approx(float(found.sigmas[1]), abs=1e-3)
  assert wrote == f'wrote {out}: 3 directions'
  assert wrote_sheet.startswith(f'wrote {out.with_suffix(".png")}: ')
  assert len(list(out.parent.iterdir())) == 2


def test_the_first_class(conditional, tmp_path, capsys):
  assert directions(conditional, tmp_path / 'a.npz', '--count=2') == 0
  assert capsys.readouterr().out.startswith('drawing class 0, ant; --class=NAME draws any\n')
  gan = StyleGAN2.load(conditional, discriminator=False)
  expected = pca(gan, 2, 500, label='ant').directions
  np.testing.assert_array_equal(Directions.load(tmp_path / 'a.npz').directions, expected)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--count=9'], 'gives 1 to 8 directions, not 9'),
    (['--count=9', '--method=sefa'], 'SeFa of these layers gives 1 to 8 directions, not 9'),
    (['--count=0'], '--count=0 does not fit'),
    (['--samples=3', '--count=3'], 'PCA of 3 samples gives 1 to 2 directions, not 3'),
    (['--samples=1'], '--samples=1 does not fit'),
    (['--layers=0-9'], '--layers=0-9: this model has layers 0 to 3'),
    (['--layers=top'], '--layers=top does not parse'),
    (['--method=magic'], "invalid choice: 'magic'"),
    (['--reach=0'], '--reach=0 does not fit'),
    (['--reach=nan'], '--reach=nan does not fit'),
    (['--steps=1'], '--steps=1 does not fit'),
    (['--psi=x'], '--truncation_psi=x does not parse'),
    (['--out=a.png'], '--out=a.png must end in .npz'),
    (['--out=/proc/none/a.npz'], 'cannot write /proc/none/a.npz'),
    (['--class=ant'], 'this model is unconditional'),
    (['--seeds=0-9999'], 'take fewer --seeds'),
  ],
)
def test_bad_input(plain, tmp_path, capsys, flags, words):
  assert directions(plain, tmp_path / 'a.npz', *flags) == 2
  said = capsys.readouterr()
  assert said.err.startswith('error: ')
  assert said.err.count('\n') == 1
  assert words in said.err
  assert not any(tmp_path.iterdir())
