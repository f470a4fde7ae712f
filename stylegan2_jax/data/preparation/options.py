"""The choices of `launch.py prepare` by name. Needs no other module, so that help comes at once."""

TRANSFORMS = ('none', 'center-crop', 'center-crop-wide', 'pad')  # see transform.py
FILTERS = ('box', 'lanczos', 'bicubic')  # Pillow's, antialiased
FORMATS = ('png', 'jpeg')  # of the stored pictures
