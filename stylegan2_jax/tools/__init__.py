"""What the commands of launch.py do."""
