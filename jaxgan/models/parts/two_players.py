"""The game of which most papers are variants: a generator against a discriminator.

Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, Algorithm 1: the
discriminator moves on new data and new noise, then the generator on other noise. Real
and generated examples pass the discriminator separately, so that batch normalisation
cannot tell them apart.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import optax
from jax import lax

from jaxgan import nn
from jaxgan.game import Game, Move, Net, Player, pure
from jaxgan.models.parts.classes import check_labelled


class Objective(NamedTuple):
    """The losses of the players, as in `jaxgan.losses`.

    Attributes:
        discriminator: `(real_logits, fake_logits) -> [B]`.
        generator: `fake_logits -> [B]`.
        penalty: `(critic_fn, real, fake, key) -> [B]`, including its weight, is added
            to the discriminator's loss; `critic_fn` returns logits `[B]` of examples.
        relativistic: whether the generator's loss is `(real_logits, fake_logits) ->
            [B]`.
        penalty_weight: `penalty_weight(step)` multiplies the penalty, for one whose
            weight changes during training.
    """

    discriminator: Callable
    generator: Callable
    penalty: Callable | None = None
    relativistic: bool = False
    penalty_weight: Callable[[jax.Array], Any] | None = None


def adversarial(
    generator: Net,
    discriminator: Net,
    *,
    latent: Callable[[jax.Array, int], jax.Array],
    losses: tuple[Callable, Callable] | Objective,
    optimizer: optax.GradientTransformation
    | Mapping[str, optax.GradientTransformation],
    data: str = "image",
    condition: str | None = None,
    view: Callable[[jax.Array, jax.Array], jax.Array] = lambda examples, key: examples,
    adapt: int = 0,
    moves: tuple[Move, ...] = (Move("discriminator"), Move("generator")),
    ema: float = 0.0,
) -> Game:
    """Makes a game of two nets and two players.

    In the game, both nets have the random streams "dropout" and "noise"; layers that
    need none ignore them.

    Args:
        generator: takes latents to examples.
        discriminator: takes examples `[B, ...]` to logits, `[B]` or `[B, 1]`.
        latent: `latent(key, B)` draws latents; if a batch has a `latent`, for exact
            tests, that is used instead.
        losses: an `Objective`, or its first two parts.
        optimizer: the optimiser of both players, or one of each by name.
        data: the name of the real examples in a batch.
        condition: the name in a batch of the second argument of both nets, such as
            "label"; generated examples have the conditions of the real ones.
        view: `view(examples, key)` is applied to real and generated examples before the
            discriminator sees them, in both losses; for augmentation or noise.
        adapt: real images that would take the probability of StyleGAN2-ADA's
            augmentations from 0 to 1, 500,000 in the paper; 0 leaves them out. Images
            are changed behind `view`; the metric "augmentation" is the probability.
        moves: the schedule of the players "discriminator" and "generator"; five updates
            of the critic are `Move("discriminator", repeat=5)`. If the two move at
            once, both see the same generated examples through the same noise and
            dropout.
        ema: the decay of the moving average of the generator's weights.

    Returns:
        The game; nets and players are "generator" and "discriminator", and there is a
        net "augmentation" without parameters if `adapt` is above 0.
    """
    nets = {"generator": generator, "discriminator": discriminator}
    generate, discriminate = (pure(module, name) for name, module in nets.items())
    augmented = pure(nn.Adaptive(adapt), "augmentation") if adapt else None
    objective = losses if isinstance(losses, Objective) else Objective(*losses)
    if not isinstance(optimizer, Mapping):
        optimizer = dict.fromkeys(nets, optimizer)

    def given(batch):
        return () if condition is None else (batch[condition],)

    def fakes(variables, batch, key):
        latents = batch.get("latent")
        if latents is None:
            latents = latent(key, batch[data].shape[0])
        return generate(variables, latents, *given(batch), rngs=_streams(key))

    def judge(variables, batch, examples, key):
        seen = view(examples, key)
        if augmented is not None:
            seen = augmented(variables, seen, rngs=_streams(key))[0]
        logits, variables = discriminate(
            variables, seen, *given(batch), rngs=_streams(key)
        )
        return logits.reshape(examples.shape[0]), variables

    def discriminator_loss(variables, batch, turn):
        keys = _keys(turn)
        fake = lax.stop_gradient(fakes(variables, batch, keys["latent"])[0])
        real = batch[data]
        real_logits, variables = judge(variables, batch, real, keys["real"])
        fake_logits, variables = judge(variables, batch, fake, keys["fake"])
        loss = objective.discriminator(real_logits, fake_logits).mean()
        metrics = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        if objective.penalty is not None:
            key = keys["penalty"]
            critic = lambda x: judge(variables, batch, x, key)[0]  # noqa: E731
            metrics["penalty"] = objective.penalty(critic, real, fake, key).mean()
            if objective.penalty_weight is not None:
                metrics["penalty"] *= objective.penalty_weight(turn.step)
            loss += metrics["penalty"]
        if augmented is not None:
            metrics["augmentation"], variables = augmented(variables, None, real_logits)
        return loss, (variables, metrics)

    def generator_loss(variables, batch, turn):
        keys = _keys(turn)
        fake, variables = fakes(variables, batch, keys["latent"])
        fake_logits, variables = judge(variables, batch, fake, keys["fake"])
        logits = (fake_logits,)
        if objective.relativistic:
            real_logits, _ = judge(variables, batch, batch[data], keys["real"])
            logits = (real_logits, fake_logits)
        return objective.generator(*logits).mean(), (variables, {})

    def inputs(batch):
        drawn = jax.eval_shape(lambda: latent(jax.random.key(0), 1))
        zeros = jax.numpy.zeros(drawn.shape, drawn.dtype)
        if condition == "label":
            check_labelled(batch)
        extra = tuple(x[:1] for x in given(batch))
        example = batch[data][:1]
        return {
            "generator": (zeros, *extra),
            "discriminator": (example, *extra),
        } | ({"augmentation": (example,)} if adapt else {})

    owned = ("discriminator",)
    if adapt:
        nets["augmentation"], owned = nn.Adaptive(adapt), (*owned, "augmentation")
    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(
                discriminator_loss, owned, optimizer["discriminator"]
            ),
            "generator": Player(generator_loss, ("generator",), optimizer["generator"]),
        },
        moves=moves,
        ema={"generator": ema},
    )


def _keys(turn):
    """Makes one key for each use, the same in both losses.

    Players of one move share a turn: they see the same fakes through the same dropout
    and augmentation.
    """
    uses = ("latent", "fake", "real", "penalty")
    return {use: jax.random.fold_in(turn.key, i) for i, use in enumerate(uses)}


def _streams(key):
    """Makes random streams for layers, independent of other uses of `key`."""
    dropout, noise = jax.random.split(jax.random.fold_in(key, 1))
    return {"dropout": dropout, "noise": noise}
