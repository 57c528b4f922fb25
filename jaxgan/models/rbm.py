"""A restricted Boltzmann machine, trained by contrastive divergence.

Hinton, "Training products of experts by minimizing contrastive divergence", Neural
Computation 14(8), 2002 (CD); Tieleman, "Training restricted Boltzmann machines using
approximations to the likelihood gradient", ICML 2008 (PCD); Hinton, "A practical guide
to training restricted Boltzmann machines", 2010 (the recipe); Salakhutdinov and Murray,
"On the quantitative analysis of deep belief networks", ICML 2008 (annealed importance
sampling).

p(v, h) is proportional to exp(v·W h + b·v + c·h) over binary v and h. The gradient of
its likelihood is a difference of two expectations, under the data and under the model.
CD-k replaces the second by k Gibbs steps that start at the data, and PCD by chains that
go on from one minibatch to the next.

Reproduced: weights from N(0, 0.01), visible biases that give every pixel its rate,
probabilities of hidden units in the statistics and samples in the chain, weight decay
of 2e-4 on W.

Known differences: momentum is constant, while the guide raises it from 0.5 to 0.9;
grey pixels are the probabilities that binary ones are drawn with at every step.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from jax import lax

from jaxgan import bounds
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images

Machine = Mapping[str, jax.Array]
"""`weight [V, H]`, `visible [V]` and `hidden [H]`: W, b and c."""
MOST_HIDDEN = 20  # more have too many states to sum over


@dataclasses.dataclass(frozen=True)
class Config:
    """Units and training."""

    hidden: bounds.Count = 500
    """Hidden units."""
    negatives: Literal["cd", "pcd"] = "cd"
    """Where the chains of the second expectation start: at the data (cd), or where
    those of the step before ended (pcd)."""
    gibbs: bounds.Count = 1
    """Gibbs steps of a chain in each step of training, the k of CD-k."""
    chains: bounds.Count = 100
    """Chains that go on, of pcd."""
    learning_rate: bounds.Rate = 0.05
    """Step size of gradient descent."""
    momentum: bounds.Decay = 0.5
    """Momentum of gradient descent."""
    decay: bounds.Weight = 2e-4
    """Weight decay of W."""

    def __post_init__(self):
        bounds.check(self)


def free_energy(machine: Machine, v: jax.Array) -> jax.Array:
    """F(v) = -b·v - Σ softplus(c + v W), where p(v) is proportional to exp(-F(v)).

    Args:
        machine: the parameters.
        v: visible units `[..., V]` in [0, 1].

    Returns:
        `[...]`.
    """
    inputs = _plus(v @ machine["weight"], machine["hidden"])
    return -v @ machine["visible"] - jax.nn.softplus(inputs).sum(-1)


def hidden_rates(machine: Machine, v: jax.Array) -> jax.Array:
    """p(h = 1 | v) `[..., H]` of visible units `[..., V]`."""
    return jax.nn.sigmoid(_plus(v @ machine["weight"], machine["hidden"]))


def visible_rates(machine: Machine, h: jax.Array) -> jax.Array:
    """p(v = 1 | h) `[..., V]` of hidden units `[..., H]`."""
    return jax.nn.sigmoid(_plus(h @ machine["weight"].T, machine["visible"]))


def gibbs(machine: Machine, v: jax.Array, key: jax.Array, steps: int) -> jax.Array:
    """Runs chains for some steps: `[N, V]` binary to `[N, V]` binary."""
    chex.assert_rank(v, 2)

    def step(v, key):
        above, below = jax.random.split(key)
        h = _draw(above, hidden_rates(machine, v))
        return _draw(below, visible_rates(machine, h)), None

    return lax.scan(step, v, jax.random.split(key, steps))[0]


def contrastive_loss(machine: Machine, data: jax.Array, model: jax.Array) -> jax.Array:
    """Mean F(data) - mean F(model), whose gradient is that of contrastive divergence.

    Args:
        machine: the parameters.
        data: visible units `[N, V]`.
        model: those of chains `[M, V]`, which are constants here.
    """
    chex.assert_rank([data, model], 2)
    fantasies = free_energy(machine, lax.stop_gradient(model))
    return free_energy(machine, data).mean() - fantasies.mean()


def log_partition(machine: Machine) -> jax.Array:
    """The logarithm of the partition function, a sum over all states of hidden units.

    Raises:
        ValueError: there are more hidden units than `MOST_HIDDEN`.
    """
    units = machine["hidden"].shape[0]
    if units > MOST_HIDDEN:
        raise ValueError(
            f"{units} hidden units have 2^{units} states; an exact sum takes at most"
            f" {MOST_HIDDEN} units: use `annealed_log_partition`"
        )
    bits = np.arange(2**units)[:, None] >> np.arange(units)
    h = jnp.asarray(bits & 1, machine["weight"].dtype)
    inputs = _plus(h @ machine["weight"].T, machine["visible"])
    return jax.nn.logsumexp(h @ machine["hidden"] + jax.nn.softplus(inputs).sum(-1))


def annealed_log_partition(
    machine: Machine,
    base: jax.Array,
    key: jax.Array,
    *,
    chains: int = 100,
    temperatures: int = 1000,
) -> tuple[jax.Array, jax.Array]:
    """Estimates the same for any number of hidden units, by importance sampling.

    Chains go from a machine without weights to the given one.

    Args:
        machine: the parameters.
        base: visible biases `[V]` of the machine without weights, such as the logits of
            the rates of pixels.
        key: a random key.
        chains: independent chains, whose weights are averaged.
        temperatures: machines on the way.

    Returns:
        The estimate `[]`, and the logarithms of the weights `[chains]`, whose spread
        tells whether there were enough temperatures.
    """
    chex.assert_rank(base, 1)
    units = machine["hidden"].shape[0]

    def at(share):  # the machine on the way
        return {
            "weight": share * machine["weight"],
            "visible": (1 - share) * base + share * machine["visible"],
            "hidden": share * machine["hidden"],
        }

    def step(carry, point):
        v, weights = carry
        before, after, key = point
        weights += free_energy(at(before), v) - free_energy(at(after), v)
        return (gibbs(at(after), v, key, 1), weights), None

    first, rest = jax.random.split(key)
    rates = jnp.broadcast_to(jax.nn.sigmoid(base), (chains, len(base)))
    shares = jnp.linspace(0, 1, temperatures + 1)
    points = (shares[:-1], shares[1:], jax.random.split(rest, temperatures))
    start = (_draw(first, rates), jnp.zeros(chains))
    (_, weights), _ = lax.scan(step, start, points)
    known = units * jnp.log(2.0) + jax.nn.softplus(base).sum()
    return known + jax.nn.logsumexp(weights) - jnp.log(float(chains)), weights


def reconstruction(machine: Machine, v: jax.Array) -> jax.Array:
    """Rates `[..., V]` of visible units after a step to the rates of hidden ones."""
    return visible_rates(machine, hidden_rates(machine, v))


class Parameters(linen.Module):
    """Returns W, b and c; b starts at the logits of the rates of pixels."""

    hidden: int

    @linen.compact
    def __call__(self, image: jax.Array) -> dict[str, jax.Array]:
        """Takes images `[B, ...]` in [0, 1], which matter for b alone."""
        v = image.reshape(len(image), -1)
        rates = (v.sum(0) + 1) / (len(v) + 2)
        logits = jnp.log(rates) - jnp.log1p(-rates)
        weights = linen.initializers.normal(0.01)
        zeros = linen.initializers.zeros_init()
        return {
            "weight": self.param("weight", weights, (v.shape[-1], self.hidden)),
            "visible": self.param("visible", lambda _: logits),
            "hidden": self.param("hidden", zeros, (self.hidden,)),
        }


class Chains(linen.Module):
    """A memory of visible units `[N, V]`, which start as fair coins."""

    count: int

    @linen.compact
    def __call__(self, image: jax.Array, new: jax.Array | None = None) -> jax.Array:
        """Returns what is remembered, or remembers `new`.

        Args:
            image: `[B, ...]`, of V numbers each.
            new: `[N, V]`.
        """
        units = math.prod(image.shape[1:])

        def start():
            rates = jnp.full((self.count, units), 0.5)
            return _draw(self.make_rng("params"), rates)

        held = self.variable("memory", "chains", start)
        if new is not None:
            held.value = new
        return held.value


def game(config: Config) -> Game:
    """One player, the machine. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    persistent = config.negatives == "pcd"
    nets: dict[str, linen.Module] = {"machine": Parameters(config.hidden)}
    if persistent:
        nets["chains"] = Chains(config.chains)
    parameters = pure(nets["machine"], "machine")
    chains = pure(Chains(config.chains), "chains")

    def loss(variables, batch, turn):
        image = batch["image"]
        binary, chain = jax.random.split(turn.key)
        data = _draw(binary, image.reshape(len(image), -1))
        machine, _ = parameters(variables, image)
        start = data
        if persistent:
            start, _ = chains(variables, image)
        still = jax.tree.map(lax.stop_gradient, machine)
        end = gibbs(still, start, chain, config.gibbs)
        if persistent:
            _, variables = chains(variables, image, end)
        value = contrastive_loss(machine, data, end)
        error = ((reconstruction(still, data) - data) ** 2).mean()
        return value, (variables, {"reconstruction": error})

    decay = optax.add_decayed_weights(config.decay, _are_weights)
    sgd = optax.sgd(config.learning_rate, config.momentum)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "machine": (batch["image"],),
            **({"chains": (batch["image"],)} if persistent else {}),
        },
        players={"machine": Player(loss, tuple(nets), optax.chain(decay, sgd))},
        moves=(Move("machine"),),
    )


def machine_of(variables: Variables) -> Machine:
    """W, b and c among the variables of the game."""
    return variables["machine"]["params"]


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> dict[str, jax.Array]:
    """Reconstructions of images, and where chains are some steps after them."""
    image, machine = batch["image"], machine_of(variables)
    v = image.reshape(len(image), -1)
    far = gibbs(machine, _draw(key, v), key, 100 * config.gibbs)
    return {
        "reconstruction": reconstruction(machine, v).reshape(image.shape),
        "chain": reconstruction(machine, far).reshape(image.shape),
    }


def _are_weights(params):
    """Which leaves of the parameters have weight decay."""
    return jax.tree.map_with_path(lambda path, _: path[-1].key == "weight", params)


def _plus(x, bias):
    return x + jnp.broadcast_to(bias, x.shape)


def _draw(key: jax.Array, rates: jax.Array) -> jax.Array:
    return jax.random.bernoulli(key, rates).astype(rates.dtype)


MODEL = Model(
    paper="Hinton, 2002",
    config=Config,
    game=game,
    batch=images.digits,
    show=show,
    tiny=Config(hidden=3, negatives="pcd", chains=4),
)
