"""The bilinear game min_x max_y x·y, the smallest on which gradient play fails.

Its equilibrium is (0, 0). Simultaneous gradient steps move away from it, alternating
ones circle it, and extragradient and optimistic ones converge to it: Gidel et al., "A
Variational Inequality Perspective on Generative Adversarial Networks",
arXiv:1802.10551, section 3; Daskalakis et al., "Training GANs with Optimism",
arXiv:1711.00141. Each of the two nets is one number.
"""

import dataclasses
from typing import Literal

import jax
import optax
from flax import linen

from jaxgan import bounds
from jaxgan.dynamics import extragradient, schedule
from jaxgan.game import Batch, Game, Player, pure
from jaxgan.models.model import Model

Play = Literal["simultaneous", "alternating", "extragradient", "optimistic"]


@dataclasses.dataclass(frozen=True)
class Config:
    """The way in which the game is played."""

    play: Play = "simultaneous"
    """The order of moves and the kind of update; optimistic players move together."""
    steps: bounds.Count = 1
    """Moves of y for each move of x; may be above 1 only if they alternate."""
    learning_rate: bounds.Rate = 0.1
    """Step size of both players."""

    def __post_init__(self):
        bounds.check(self)
        _moves(self)


class Number(linen.Module):
    """One number, `[]`, whose initial value is drawn from N(0, 1)."""

    @linen.compact
    def __call__(self) -> jax.Array:
        """The number."""
        return self.param("value", linen.initializers.normal(1.0), ())


def _moves(config: Config):
    order = "simultaneous" if config.play == "optimistic" else config.play
    return schedule("y", "x", order, config.steps)


def game(config: Config) -> Game:
    """Player x pays E[a]·x·y to player y.

    Batches are `{"payoff": [B]}`, draws of a (`[k, B]` where a step has k moves): all 1
    for the game above, random for a stochastic game.
    """
    nets = {name: Number() for name in ("x", "y")}
    numbers = {name: pure(net, name) for name, net in nets.items()}

    def pays(sign):
        def loss(variables, batch, turn):
            del turn
            x, y = (numbers[name](variables)[0] for name in ("x", "y"))
            return sign * batch["payoff"].mean() * x * y, (variables, {})

        return loss

    optimizer = optax.sgd(config.learning_rate)
    if config.play == "extragradient":
        optimizer = extragradient(optimizer)
    if config.play == "optimistic":
        optimizer = optax.optimistic_gradient_descent(config.learning_rate)
    return Game(
        nets=nets,
        inputs=lambda batch: {"x": (), "y": ()},
        players={
            "y": Player(pays(-1.0), ("y",), optimizer),
            "x": Player(pays(1.0), ("x",), optimizer),
        },
        moves=_moves(config),
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    repeats = max(move.repeat for move in _moves(config))
    shape = (repeats, count) if repeats > 1 else (count,)
    return {"payoff": jax.random.uniform(key, shape, minval=0.5, maxval=1.5)}


MODEL = Model(
    paper="1802.10551",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(play="extragradient"),
    exact=True,
)
