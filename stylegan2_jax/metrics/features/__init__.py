"""What describes images by vectors: networks, their weight files, patches, a reader of shapes."""
