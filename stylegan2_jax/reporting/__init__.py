"""What shows a run to people: report, TensorBoard, Weights & Biases, animation, live view."""
