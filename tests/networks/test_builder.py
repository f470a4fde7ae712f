"""From settings to networks: every field arrives, and fresh variables come from the key alone."""

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.networks.builder import build_networks, example_inputs, init_networks
from tests.helpers import assert_trees_equal, names, network_settings, networks, shapes_of


def test_every_setting_arrives():
  settings = network_settings(
    z_dim=3, w_dim=5, mapping_layers=4, d_mapping_layers=6, channel_base=96, channel_max=11,
    g_architecture='resnet', d_architecture='orig', mbstd_group=7, mbstd_features=1,
    num_reduced=2, reduced_dtype='float16', clamp=99.0,
    noise=False, demodulation='none', equalized_lr=False,
  )  # fmt: skip
  generator, discriminator = build_networks(settings, (16, 16), 2, 13, jnp.float64)
  mapping, synthesis = generator.mapping, generator.synthesis
  assert (mapping.z_dim, mapping.c_dim, mapping.w_dim) == (3, 13, 5)
  assert (mapping.num_layers, mapping.num_ws) == (4, 6)
  assert (synthesis.architecture, discriminator.architecture) == ('resnet', 'orig')
  assert (synthesis.use_noise, synthesis.demodulation) == (False, 'none')
  assert not any(module.equalized for module in (mapping, synthesis, discriminator))
  for module in (synthesis, discriminator):
    assert (module.size, module.channels) == ((16, 16), 2)
    assert (module.channel_base, module.channel_max) == (96, 11)
    assert (module.num_reduced, module.reduced_dtype, module.clamp) == (2, jnp.float16, 99.0)
    assert module.dtype == module.param_dtype == jnp.float64
  assert (discriminator.mbstd_group, discriminator.mbstd_features) == (7, 1)
  assert (discriminator.c_dim, discriminator.mapping_layers) == (13, 6)


def test_example_inputs():
  z, label, img = example_inputs(*networks(8, channels=2, c_dim=5), n=3)
  assert (z.shape, label.shape, img.shape) == ((3, 8), (3, 5), (3, 8, 8, 2))
  assert example_inputs(*networks(8))[1] is None


def test_fresh_variables():
  modules = networks(4)
  first = init_networks(jax.random.key(0), *modules)
  assert jax.tree.map(jnp.shape, first[:2]) == jax.tree.map(jnp.shape, shapes_of(*modules))
  assert_trees_equal(init_networks(jax.random.key(0), *modules), first)
  for name, other in names(init_networks(jax.random.key(1), *modules)).items():
    if name.split('.')[-1] in ('weight', 'const', 'conv1'):
      assert np.intersect1d(other, names(first)[name]).size == 0, name


def test_no_two_weights_share_a_draw():
  values = [
    x.ravel() / (100 if 'fc' in name and 'mapping' in name else 1)
    for name, x in names(init_networks(jax.random.key(0), *networks(4))).items()
    if x.std() > 0
  ]
  values = np.concatenate(values)
  assert np.unique(values.round(6)).size > 0.99 * values.size
