"""Parts that several benchmarks share, and the PyTorch sides."""
