"""`launch.py explore`: a page on this machine that moves through the latent space of a model."""
