"""`launch.py sample`: pictures of seeds, as one grid or as single files."""

import pathlib
from collections.abc import Sequence

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import grid, grid_shape, save_png


def sample_command(
  workdir: pathlib.Path,
  seeds: Sequence[int],
  truncation_psi: float = 1.0,
  noise_mode: str = 'const',
  out: str = 'samples.png',
  class_name: str | None = None,
  step: int | None = None,
) -> None:
  """Draws one picture per seed from a run's generator.

  Args:
    workdir: folder of the run.
    seeds: of the latents.
    truncation_psi: ψ.
    noise_mode: 'const', 'random' or 'none'.
    out: a .png for one grid, else a folder for single files seedNNNN.png.
    class_name: name or number of the class, for conditional models. Left out, they cycle through
      all their classes.
    step: a saved step; None is the newest.

  Raises:
    UserError: the run, checkpoint, class or output path does not fit.
  """
  gan = StyleGAN2.load(workdir, step, discriminator=False)
  label = None
  if class_name is not None:
    label = gan.class_number(class_name)
  elif gan.class_names:
    label = [i % len(gan.class_names) for i in range(len(seeds))]
  pictures = gan.sample_seeds(seeds, truncation_psi, label, noise_mode)
  path = pathlib.Path(out)
  try:
    if path.suffix.lower() == '.png':
      path.parent.mkdir(parents=True, exist_ok=True)
      save_png(path, grid(pictures, *grid_shape(len(seeds))))
      print(f'wrote {path}: {len(seeds)} images')
    else:
      path.mkdir(parents=True, exist_ok=True)
      for seed, picture in zip(seeds, pictures, strict=True):
        save_png(path / f'seed{seed:04d}.png', picture)
      print(f'wrote {len(seeds)} images into {path}')
  except OSError as error:
    raise UserError(f'cannot write {path}: {error.strerror}; name another --out') from None
