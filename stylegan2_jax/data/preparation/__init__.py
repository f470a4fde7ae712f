"""From an input to a prepared TFDS data set: transform, encode, write, report."""
