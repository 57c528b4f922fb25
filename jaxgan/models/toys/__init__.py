"""Games on vectors and points, and papers in miniature."""
