"""Models of this project in forms that other programs use: weights, and whole programs."""
