"""Compares mixed and separate batches under batch norm, and the settings of Adam.

    python -m experiments.mixed_batches
    python -m experiments.mixed_batches --seeds 3

Lectures advise to show the discriminator a batch of real images and then one of
generated ones, to take beta1 0.5 for 0.9, and a step size of 2e-4 for 1e-3 (Radford et
al., arXiv:1511.06434). This trains dense GANs of digits, all that share a discriminator
in one call: with batch norm in the discriminator on separate batches, with it on mixed
ones, and without it, where both are the same. Takes a few minutes on two CPU cores.
Writes mixed_batches.png, mixed_batches.md and results.json. "Company" is how much the
logit of a real image moves when half of its batch becomes generated: exactly zero
without batch norm.
"""

import dataclasses
import itertools
import pathlib
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from flax import linen
from jax import lax

from jaxgan import bounds, game, losses, nn, report
from jaxgan.game import Game, Move, Player, pure
from jaxgan.lab import cli, figures
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.judges import classifier, scores
from jaxgan.lab.spread import spread
from jaxgan.train.terminal import say

KINDS = {  # whether the discriminator is normalised, and sees mixed batches
    "separate batches": (True, False),
    "mixed batches": (True, True),
    "no batch norm": (False, False),
}
LATENT, SHOWN, SCORED = 32, 32, 500


@dataclasses.dataclass(frozen=True)
class Config:
    """The trainings to compare."""

    data: Annotated[Data, tyro.conf.arg(name="")] = Data()  # noqa: RUF009
    rates: Annotated[tuple[bounds.Rate, ...], bounds.Long(1)] = (2e-4, 1e-3)
    """Adam's step sizes."""
    beta1: Annotated[tuple[bounds.Decay, ...], bounds.Long(1)] = (0.5, 0.9)
    """Adam's first momenta."""
    hidden: bounds.Count = 128
    """Units of each of the two hidden layers of both nets."""
    steps: bounds.Count = 2000
    """Steps of each training."""
    batch_size: Annotated[int, bounds.Within(2)] = 32
    """Real images a step, and generated ones."""
    seeds: bounds.Count = 1
    """Trainings of each kind."""
    workdir: pathlib.Path = pathlib.Path("runs/mixed_batches")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        bounds.check(self, flags=True)


class Dense(linen.Module):
    """Vectors `[B, N]` to `[B, out]` through two hidden layers."""

    hidden: int
    out: int
    norm: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises with the statistics of the batch, where it does."""
        for _ in range(2):
            x = linen.Dense(self.hidden, kernel_init=linen.initializers.he_normal())(x)
            if self.norm:
                x = nn.BatchNorm(use_running_average=False)(x)
            x = linen.leaky_relu(x, 0.2)
        return linen.Dense(self.out)(x)


def play(
    hidden: int, pixels: int, norm: bool, mixed: bool, rate: Any, beta1: Any
) -> Game:
    """Makes the game of one training.

    Args:
        hidden: units of the hidden layers.
        pixels: V. Batches are `{"image": [B, V] in [0, 1]}`.
        norm: whether the discriminator has batch norm; the generator has.
        mixed: whether real and generated images pass it as one batch.
        rate: Adam's step size.
        beta1: its first momentum.
    """
    nets = {
        "generator": Dense(hidden, pixels, True),
        "discriminator": Dense(hidden, 1, norm),
    }
    generator, discriminator = (pure(net, name) for name, net in nets.items())

    def judge(variables, real, fake):
        if mixed:
            both = jnp.concatenate([real, fake])
            logits, variables = discriminator(variables, both)
            return logits[: len(real), 0], logits[len(real) :, 0], variables
        one, variables = discriminator(variables, real)
        two, variables = discriminator(variables, fake)
        return one[:, 0], two[:, 0], variables

    def fakes(variables, batch, turn):
        latent = jax.random.normal(turn.key, (len(batch["image"]), LATENT))
        raw, variables = generator(variables, latent)
        return linen.sigmoid(raw), variables

    def discriminator_loss(variables, batch, turn):
        fake = lax.stop_gradient(fakes(variables, batch, turn)[0])
        real_logits, fake_logits, variables = judge(variables, batch["image"], fake)
        loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
        return loss.mean(), (variables, {})

    def generator_loss(variables, batch, turn):
        fake, variables = fakes(variables, batch, turn)
        _, fake_logits, variables = judge(variables, batch["image"], fake)
        loss = losses.non_saturating_generator_loss(fake_logits)
        return loss.mean(), (variables, {})

    adam = optax.adam(rate, beta1)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((2, LATENT)),),
            "discriminator": (batch["image"][:2],),
        },
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("discriminator"), Move("generator")),
    )


def trained(config: Config, images: jax.Array, kind: str) -> dict[str, np.ndarray]:
    """Trains one kind with every pair of settings and every seed, in one call.

    Args:
        config: of the command.
        images: `[N, V]` in [0, 1].
        kind: one of `KINDS`.

    Returns:
        `sample [settings, seeds, 500, V]`, and `company` and `loss`
        `[settings, seeds]`.
    """
    norm, mixed = KINDS[kind]

    def one(setting, key):
        made = play(
            config.hidden, images.shape[-1], norm, mixed, setting[0], setting[1]
        )
        run = game.algorithm(made)

        def step(state, i):
            key = jax.random.fold_in(state.key, -1 - i)
            some = jax.random.randint(key, (config.batch_size,), 0, len(images))
            state, metrics = run.step(state, {"image": images[some]})
            return state, metrics["discriminator/loss"]

        state = run.init(key, {"image": images[: config.batch_size]})
        state, loss = lax.scan(step, state, jnp.arange(config.steps))
        variables = game.variables(state)
        latent = jax.random.normal(jax.random.key(7), (SCORED, LATENT))
        draw, judge = (
            pure(made.nets[name], name) for name in ("generator", "discriminator")
        )
        sample = linen.sigmoid(draw(variables, latent)[0])
        half = config.batch_size // 2
        alone, _ = judge(variables, images[: 2 * half])
        among = jnp.concatenate([images[:half], sample[:half]])
        company, _ = judge(variables, among)
        moved = jnp.abs(company[:half] - alone[:half]).mean()
        return {"sample": sample, "company": moved, "loss": loss[-100:].mean()}

    pairs = jnp.asarray(settings(config), jnp.float32)
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    every = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
    return jax.tree.map(np.asarray, jax.jit(every)(pairs, keys))


def settings(config: Config) -> list[tuple[float, float]]:
    """All pairs of a step size and a momentum."""
    return list(itertools.product(config.rates, config.beta1))


def main(config: Config) -> None:
    """Trains, scores and draws."""
    opened = open_set(config.data, (28, 28, 1), test=True)
    assert isinstance(opened.train, dict)
    judge = classifier.trained(opened)
    flat = opened.train["image"].reshape(len(opened.train["image"]), -1)
    images = jnp.asarray(flat / np.float32(255))
    rows, sheets = [], []
    for kind in KINDS:
        found = trained(config, images, kind)
        drawn = found["sample"].reshape(*found["sample"].shape[:3], 28, 28, 1)
        for i, (rate, beta1) in enumerate(settings(config)):
            scored = [scores.score(judge, seed, opened) for seed in drawn[i]]
            row = {
                "kind": kind,
                "rate": rate,
                "beta1": beta1,
                "company": spread(found["company"][i])._asdict(),
                "loss": spread(found["loss"][i])._asdict(),
                **{
                    name: spread([one[name] for one in scored])._asdict()
                    for name in ("frechet_distance", scores.score_name(opened))
                },
            }
            rows.append(row)
            sheets.append(drawn[i, 0, :SHOWN])
            say(line(row))
    text = "\n".join([*HEAD, *map(line, rows)]) + "\n"
    columns = len(settings(config))
    figure = figures.new(3.3 * columns, 6.4)
    grid = figure.subplots(len(KINDS), columns, squeeze=False)
    for axes, row, some in zip(grid.flat, rows, sheets, strict=True):
        sheet = report.sheet(np.rint(255 * some).astype(np.uint8), 8)[..., 0]
        distance = row["frechet_distance"]["mean"]
        figures.show(
            axes,
            sheet,
            f"{row['kind']}, rate {row['rate']:g},\nbeta1 {row['beta1']:g}: Fréchet"
            f" {distance:.0f}",
        )
    figures.save(config.workdir / "mixed_batches.png", figure, "samples of each kind")
    report.write(config.workdir / "mixed_batches.md", text)
    figures.save_results(
        config.workdir / "results.json",
        {
            "data": opened.about,
            "steps": config.steps,
            "batch_size": config.batch_size,
            "hidden": config.hidden,
            "seeds": config.seeds,
            "device": jax.devices()[0].device_kind,
            "rows": rows,
        },
    )


HEAD = (
    "| discriminator | step size | beta1 | Fréchet distance | company | loss of D |",
    "|---" * 6 + "|",
)


def line(row: dict[str, Any]) -> str:
    """A row of the table: means over seeds."""
    distance, company, loss = (
        row[name]["mean"] for name in ("frechet_distance", "company", "loss")
    )
    return (
        f"| {row['kind']} | {row['rate']:g} | {row['beta1']:g} | {distance:.0f} |"
        f" {company:.2f} | {loss:.2f} |"
    )


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
