"""How far apart images are, and sets of images."""
