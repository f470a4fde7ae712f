"""The Python code that draws a view."""

import os

from stylegan2_jax.explorer.views import View


def snippet(view: View, model: str | os.PathLike, step: int | None) -> str:
  """Code that leaves in `picture` what the explorer shows, to the last bit.

  Args:
    view: of the picture.
    model: what `StyleGAN2.load` takes.
    step: a saved step of the run; None: the newest, or there are none.
  """
  where = f'{os.fspath(model)!r}' + (f', step={step}' if step is not None else '')
  lines = [f'gan = StyleGAN2.load({where})', _mapped('ws', view, view.seed, view.label)]
  if view.mix_layers:
    chosen = f'[:, np.array({list(view.mix_layers)})]'
    lines.append(_mapped('other', view, view.mix_seed, view.mix_label))
    lines.append(f'ws = ws.at{chosen}.set(other{chosen})')
  for move in view.moves:
    lines.append(f'found = find_directions(gan, {move.method!r}, {move.group!r})')
    lines.append(f'ws = move(ws, found, {move.number}, {move.strength!r})')
  noise, before = _noise(view)
  lines += [*before, f'picture = gan.draw(ws, {noise}, batch_size=1)[0]  # uint8 [H, W, channels]']
  body = '\n'.join(lines)
  imports = [
    ('jax.', 'import jax'),
    ('np.', 'import numpy as np'),
    ('StyleGAN2', 'from stylegan2_jax import StyleGAN2'),
    ('find_directions', 'from stylegan2_jax.explorer.rendering import find_directions'),
    ('noise_maps(', 'from stylegan2_jax.sampler import noise_maps'),
    ('move(', 'from stylegan2_jax.tools.directions import move'),
  ]
  return '\n'.join(line for word, line in imports if word in body) + f'\n\n{body}\n'


def _mapped(name, view, seed, label):
  """A line that gives the truncated ws of a seed a name."""
  options = f', {label!r}' if label else ''
  if view.psi != 1:
    options += f', psi={view.psi!r}'
    options += f', cutoff={view.cutoff}' if view.cutoff is not None else ''
    options += f', center={view.center!r}' if view.center != 'global' else ''
  return f'{name} = gan.map(gan.latents([{seed}]){options})'


def _noise(view):
  """(the arguments of `draw` for the noise, lines that come before)."""
  if view.noise == 'none' or view.noise_scale == 0:
    return "noise='none'", []
  if view.noise_scale == 1:
    return f'noise={view.noise!r}' + (
      f', seed={view.noise_seed}' if view.noise == 'random' else ''
    ), []
  scaled = f'jax.tree.map(lambda m: {view.noise_scale!r} * m, maps)'
  if view.noise == 'const':
    return f'noise={scaled}', ['maps = gan.noise_maps']
  keys = f'keys = jax.random.split(jax.random.key({view.noise_seed}), 1)'
  return f'noise={scaled}', [keys, "maps = noise_maps('random', {}, keys, gan.size)"]
