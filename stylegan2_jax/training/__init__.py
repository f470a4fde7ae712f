"""Floor 2: latents, losses, regularizers, state, the four phases, and the loop on top."""
