"""Ends gradients at nets that a player does not own."""

from jax import lax

from jaxgan.game import Variables


def held(variables: Variables, *names: str) -> Variables:
    """The same variables, with no gradient to the nets of these names."""
    return {**variables, **{name: lax.stop_gradient(variables[name]) for name in names}}
