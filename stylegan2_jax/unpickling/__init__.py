"""Data out of pickles that cannot be trusted, without running them."""
