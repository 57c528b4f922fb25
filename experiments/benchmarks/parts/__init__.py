"""What several benchmarks share, and the PyTorch sides."""
