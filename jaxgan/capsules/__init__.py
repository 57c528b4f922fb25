"""Capsules: vectors whose length says that a thing is there, and whose direction how.

`routing` and `em` are arrays in, arrays out; `layers` are flax modules over them.
"""
