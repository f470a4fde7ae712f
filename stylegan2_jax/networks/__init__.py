"""Floor 1: Flax (linen) modules of the mapping network, the generator and the discriminator."""
