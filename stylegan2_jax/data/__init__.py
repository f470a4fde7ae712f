"""Training pictures: where they come from, how they are checked, and how batches are made."""
