"""Measures of sets of images and of generators."""
