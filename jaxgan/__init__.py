"""Generative adversarial networks and capsule networks for JAX, as pure functions.

Nothing is imported here, so that `import jaxgan.losses` brings in the losses and
nothing else. Start at `jaxgan.game` for the engine, `jaxgan.losses` for the losses,
`jaxgan.models` for the papers.
"""

__version__ = "0.1.0"
