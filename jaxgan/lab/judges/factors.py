"""The regressor that reads the factors of drawn faces, trained once and then kept.

The factors of `jaxgan.data.synthetic.faces` are known, so a network that reads them off
pictures can be trained on as many faces as wanted (half of them `faces`, half the
closer `portraits`), and says afterwards what a generator has drawn: which way a head is
turned, whether it smiles, where its glasses are.
Training images are mirrored, moved, blurred and made noisy, since samples are all of
that. It takes a few minutes on two cores; the result lies in `jaxgan/factor_regressor`
of the user's cache directory (`XDG_CACHE_HOME`).

Faces of more than 64 pixels are read at 64, which is enough for all of this.
"""

import functools
import pathlib
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import faces
from jaxgan.data.synthetic.faces import hair as hair_
from jaxgan.lab import blocks, drawn, kept
from jaxgan.lab.judges import augmentation, cache, checks, fitting
from jaxgan.models import factor_regressor
from jaxgan.train.terminal import say

NUMBERS = (
    *("yaw", "pitch", "roll", "smile", "mouth_open", "masculinity", "age"),
    *("skin_tone", "hair_brightness", "background_value"),
)
BINARIES = ("glasses", "beard", "long_hair")
SIDES = ("top", "left", "bottom", "right")

SIZES = (16, 32, 64, 128, 256)  # of faces that are drawn
SIDE = 64  # the most pixels that are looked at
COUNT = 16384  # faces to train on, half of them aligned
TESTED = 2048  # faces to test on
SEEDS = ((101, 103), (102, 104))  # of the halves of the two
SECOND = ((111, 113), (112, 114))  # the same of another regressor
STEPS = 4000
BATCH = 64
BLOCK = 256  # images looked at together
RECIPE = 2  # to be raised where the training changes in a way no number here says


class Factors(NamedTuple):
    """A trained regressor.

    Attributes:
        size: height and width of the images it reads.
        config: its sizes.
        variables: its weights, as `jaxgan.models.factor_regressor` takes them.
        scale: the mean and the spread of each number in training, `[2, N]`.
        quality: on drawn faces it has not seen: of each number the share of variance
            explained (R², 1 at best), of each binary factor the share of faces it is
            right on, and of `glasses_box` the mean intersection over union.
    """

    size: int
    config: factor_regressor.Config
    variables: game.Variables
    scale: np.ndarray
    quality: dict[str, float]

    def read(self, images: Any) -> dict[str, np.ndarray]:
        """Reads the factors off images.

        Args:
            images: uint8 `[N, S, S, 3]`.

        Returns:
            In float32: of `NUMBERS` `[N]`, in the units of
            `jaxgan.data.synthetic.faces` (hair_brightness from 0, black, to 1); of
            `BINARIES` probabilities `[N]`; and `glasses_box` `[N, 4]`: top, left,
            bottom, right, in image heights. The hair of bald heads and the box of faces
            without glasses mean nothing.

        Raises:
            ValueError: there are no images, or of another size or type.
        """
        images = np.asarray(images)
        shape = (self.size, self.size, 3)
        checks.pictures(images, shape, "train factors of their size")
        see = functools.partial(_see, self.config, self.variables)
        numbers, logits = blocks.in_blocks(see, images, size=BLOCK, full=True)
        numbers = self.scale[0] + self.scale[1] * numbers
        chances = 1 / (1 + np.exp(-logits.clip(-60, 60)))
        read = dict(zip(NUMBERS, numbers.T, strict=False))
        read |= dict(zip(BINARIES, chances.T, strict=True))
        read["glasses_box"] = numbers[:, len(NUMBERS) :]
        return {name: value.astype(np.float32) for name, value in read.items()}


class Answers(NamedTuple):
    """What is to be read off faces, as `jaxgan.models.factor_regressor` takes it.

    Attributes:
        number: float32 `[B, 14]`: those of `NUMBERS`, then the sides of glasses.
        known: float32 `[B, 14]`: 0 for the hair of bald heads and absent glasses.
        binary: float32 `[B, 3]`: those of `BINARIES`.
    """

    number: jax.Array
    known: jax.Array
    binary: jax.Array


def readable(spec: str) -> bool:
    """Whether factors can be read off a set: drawn faces, and no other view of them."""
    return jaxgan_data.drawn(spec) and "#" not in spec


def trained(size: int, *, again: bool = False, second: bool = False) -> Factors:
    """The regressor of drawn faces: from the cache, or trained now and put there.

    Args:
        size: height and width of the images in pixels: 16, 32, 64, 128 or 256.
        again: train even where the cache has one.
        second: give another one, which began with other weights and learned from other
            faces: it scores what the first has chosen.

    Raises:
        ValueError: faces are not drawn at this size.
    """
    if size not in SIZES:
        raise ValueError(
            f"size is {size}; factors are read off faces of 16, 32, 64, 128 or 256"
            " pixels"
        )
    config = recipe(size)
    seeds = SECOND if second else SEEDS
    path = file(config, seeds)
    if not again and (found := _load(path, config)) is not None:
        return found._replace(size=size)
    which = "second regressor" if second else "regressor"
    say(f"training the {which} that factors are read with ({COUNT:,} faces, once)")
    began = time.perf_counter()
    side = config.resolution
    train, test = (
        _people(pair, count, side)
        for pair, count in zip(seeds, (COUNT, TESTED), strict=True)
    )
    scale, variables = _train(train, config, int(second))
    made = Factors(side, config, variables, scale, {})
    made = made._replace(quality=_quality(made, test))
    cache.save(path, (variables, scale), made.quality)
    quality = made.quality
    say(
        f"it explains {quality['yaw']:.1%} of the variance of yaw and is right about"
        f" {quality['glasses']:.1%} of glasses on {TESTED:,} unseen faces"
        f" ({time.perf_counter() - began:.0f} s)"
    )
    return made._replace(size=size)


def recipe(size: int) -> factor_regressor.Config:
    """The sizes of the regressor of images of a size, and how long it is trained."""
    return factor_regressor.Config(
        resolution=min(size, SIDE),
        numbers=len(NUMBERS) + len(SIDES),
        binaries=len(BINARIES),
        steps=STEPS,
    )


def file(config: factor_regressor.Config, seeds: Any = SEEDS) -> pathlib.Path | None:
    """Where the cache has it: the name changes with the recipe, and as faces do."""
    numbers = (COUNT, TESTED, seeds, BATCH, *augmentation.STRENGTHS, RECIPE)
    return kept.place("factor_regressor", repr((drawn.code(), config, numbers)))


def answers(factors: faces.Factors, aligned: bool = False) -> Answers:
    """What is to be read off one face, in a picture that is aligned or not."""
    hair = jnp.sqrt(hair_.hair_colour(factors).mean())
    numbers = [
        hair if name == "hair_brightness" else getattr(factors, name)
        for name in NUMBERS
    ]
    glasses = factors.glasses > 0
    style = faces.CATEGORIES["hair_style"].index
    long = (factors.hair_style >= style("bob")) & (factors.hair_style <= style("wavy"))
    known = [
        factors.hair_style > style("bald") if name == "hair_brightness" else True
        for name in NUMBERS
    ]
    return Answers(
        jnp.concatenate([jnp.stack(numbers), faces.boxes(factors, aligned)["glasses"]]),
        jnp.stack([*known, *4 * [glasses]]).astype(jnp.float32),
        jnp.stack([glasses, factors.beard > 0, long]).astype(jnp.float32),
    )


class _People(NamedTuple):
    """Faces `[N, S, S, 3]` and what is to be read off them and their mirror images."""

    image: np.ndarray
    truth: Answers
    mirrored: Answers


def _people(seeds: tuple[int, int], count: int, side: int) -> _People:
    """Draws faces, then as many that are aligned; other people, since seeds differ."""
    halves = []
    for seed, aligned in zip(seeds, (False, True), strict=True):
        read = jax.jit(jax.vmap(functools.partial(answers, aligned=aligned)))
        drawn = faces.dataset(seed, count // 2, side, aligned=aligned)
        factors = faces.Factors(**drawn["factors"])
        mirrored = jax.device_get(read(faces.mirror(factors)))
        halves.append(_People(drawn["image"], jax.device_get(read(factors)), mirrored))
    return jax.tree.map(lambda *x: np.concatenate(x), *halves)


def _train(train: _People, config: factor_regressor.Config, seed: int):
    """The scale of the numbers, and the weights."""
    played = game.algorithm(factor_regressor.game(config))
    truth = train.truth
    number, known = truth.number, truth.known
    mean = (known * number).sum(0) / known.sum(0).clip(1)
    spread = np.sqrt((known * (number - mean) ** 2).sum(0) / known.sum(0).clip(1))
    scale = np.stack([mean, spread.clip(1e-3)])
    arrays = jax.device_put(tuple(train))
    places = slice(len(NUMBERS), None)

    def example(image, truth, mirrored, flip, key):
        flipped = jnp.where(flip, image[:, ::-1], image).astype(jnp.float32) / 255
        truth = jax.tree.map(lambda x, y: jnp.where(flip, y, x), truth, mirrored)
        image, box = augmentation.augmented(key, flipped, truth.number[places])
        number = truth.number.at[places].set(box)
        number = truth.known * (number - scale[0]) / scale[1]
        return {"image": image, **truth._replace(number=number)._asdict()}

    def batch(arrays, step, plan):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(0), step), BATCH)
        image, truth, mirrored = jax.tree.map(lambda x: x[plan["index"]], arrays)
        return jax.vmap(example)(image, truth, mirrored, plan["flip"], keys)

    def items(step):
        count = len(train.image)
        plan = jaxgan_data.plan(0, step, count=count, batch_size=BATCH, flip=True)
        return np.uint32(step), plan

    shown = ("error", "regressor/squared")
    return scale, fitting.fit(played, arrays, batch, items, config.steps, shown, seed)


def _quality(made: Factors, test: _People) -> dict[str, float]:
    """How well faces are read."""
    read, truth = made.read(test.image), test.truth
    quality = {}
    for i, name in enumerate(NUMBERS):
        known = truth.known[:, i] > 0
        wanted, found = truth.number[known, i], read[name][known]
        error = np.square(found - wanted).mean()
        quality[name] = float(1 - error / wanted.var())
    for i, name in enumerate(BINARIES):
        right = (read[name] > 0.5) == (truth.binary[:, i] > 0.5)
        quality[name] = float(right.mean())
    there = truth.known[:, -1] > 0
    pair = read["glasses_box"][there], truth.number[there, -4:]
    quality["glasses_box"] = float(overlap(*pair).mean())
    return quality


def overlap(one: Any, other: Any) -> np.ndarray:
    """Intersection over union `[N]` of boxes `[N, 4]`: top, left, bottom, right."""

    def area(box):
        return np.prod(np.maximum(box[:, 2:] - box[:, :2], 0), axis=1)

    first = np.maximum(one[:, :2], other[:, :2])
    last = np.minimum(one[:, 2:], other[:, 2:])
    both = area(np.concatenate([first, last], axis=1))
    return both / np.maximum(area(one) + area(other) - both, 1e-12)


def _load(path: pathlib.Path | None, config: factor_regressor.Config) -> Factors | None:
    """A regressor from the cache, or None."""
    side = config.resolution
    shapes = factor_regressor.shapes(config)
    scale = jax.ShapeDtypeStruct((2, config.numbers), jnp.float32)
    facts = (*NUMBERS, *BINARIES, "glasses_box")
    found = cache.load(path, (shapes, scale), facts)
    if found is None:
        return None
    (variables, scale), quality = found
    return Factors(side, config, variables, np.asarray(scale), quality)


@functools.partial(jax.jit, static_argnums=0)
def _see(config, variables, images):
    """Numbers and logits of bytes `[B, S, S, 3]`, at the size of the network."""
    count, size, side = len(images), images.shape[1], config.resolution
    images = images.astype(jnp.float32) / 255
    if size > side:
        part = size // side
        images = images.reshape(count, side, part, side, part, 3).mean((2, 4))
    return tuple(factor_regressor.read(config, variables, images))
