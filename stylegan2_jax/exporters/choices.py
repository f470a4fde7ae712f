"""What can be exported, and as what. Imports nothing, so that the command line can list it."""

# A format, what the file is called unless the user says, and what it is.
FORMATS = {
  'stablehlo': ('{part}.stablehlo', 'a program for JAX that runs without this package'),
  'onnx': ('{part}.onnx', 'a program for ONNX runtimes'),
  'official': ('official.pt', 'weights for the official PyTorch code'),
  'safetensors': ('weights.safetensors', 'weights and config for this package'),
}
PROGRAMS = ('stablehlo', 'onnx')  # the formats in which a part is exported as a program
PARTS = ('generator', 'mapping', 'synthesis', 'discriminator')
NOISE_MODES = ('const', 'none')  # random noise would need a key as one more input
PIXELS = ('float32', 'uint8')
