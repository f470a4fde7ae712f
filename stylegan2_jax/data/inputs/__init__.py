"""What people have: every form of a set of pictures that `launch.py prepare` reads."""
