"""The numbers that are made of the features of two sets."""
