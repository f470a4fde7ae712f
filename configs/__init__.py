"""Presets. `default.py` holds and explains every field; the others override a few."""
