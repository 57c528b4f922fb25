"""Data that the library draws itself: faces, moved digits, points."""
