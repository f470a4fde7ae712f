"""The other side of features.py: pytorch-fid's Inception, in an interpreter that has PyTorch.

Reads "BATCH REPEATS" from each line of the standard input and answers with seconds of the clock and
of the processors. The features of the last batch are in FOLDER/features.npy. Debian's PyTorch needs
libopenblas0: small batches took it three times as long with the plain BLAS.
"""

import json
import os
import pathlib
import sys
import time

import numpy as np
import pytorch_fid.inception
import torch


def main():
  """Answers until the input ends."""
  folder = pathlib.Path(sys.argv[1])
  torch.set_num_threads(len(os.sched_getaffinity(0)))
  state = {name: torch.from_numpy(x) for name, x in np.load(folder / 'weights.npz').items()}
  # The package would download its weights.
  pytorch_fid.inception.load_state_dict_from_url = lambda *unused, **options: state
  network = pytorch_fid.inception.InceptionV3([3], resize_input=False, normalize_input=False).eval()
  images = np.load(folder / 'images.npy')
  print(json.dumps({'version': torch.__version__, 'threads': torch.get_num_threads()}), flush=True)
  with torch.inference_mode():
    for line in sys.stdin:
      batch, repeats = map(int, line.split())
      begun, busy = time.perf_counter(), time.process_time()
      for _ in range(repeats):
        x = (torch.from_numpy(images[:batch]).permute(0, 3, 1, 2).float() - 128) / 128
        features = network(x)[0].flatten(1).numpy()
      seconds = time.perf_counter() - begun, time.process_time() - busy
      np.save(folder / 'features.npy', features)
      print(*seconds, flush=True)


if __name__ == '__main__':
  main()
