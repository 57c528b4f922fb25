"""The figures of the lectures, part by part; each file is named after its first."""
