"""Floor 0: pure functions of arrays, NHWC images and HWIO kernels."""
