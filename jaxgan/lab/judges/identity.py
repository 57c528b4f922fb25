"""Networks that recognise drawn people, whatever their age, expression and light.

Each reads off a portrait the factors that a person keeps, such as the shape of the
head; two portraits are taken for one person where the readings are near. There are two
such networks, of other widths and trained on other people: one to search by and one to
judge by, since whoever scores a picture must not have chosen it. Training takes a
minute for each; the results lie in `jaxgan/identity` of the user's cache directory
(`XDG_CACHE_HOME`).
"""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import faces
from jaxgan.lab import blocks, drawn, kept
from jaxgan.lab.judges import augmentation, cache, fitting
from jaxgan.models import factor_regressor
from jaxgan.train.terminal import say

KEPT = (
    *("masculinity", "head_width", "jaw", "cheeks", "skin_tone", "skin_warmth"),
    *("brow_thickness", "eye_size", "eye_spacing", "eye_tilt"),
    *("nose_width", "nose_length", "mouth_width", "lip_fullness"),
)
"""What a person keeps."""
Use = Literal["search", "judge"]
SIDE = 32  # of the pictures that are looked at, in pixels
COUNT, TESTED = 8192, 512  # people to train and to test on
SEEDS = {"search": 401, "judge": 402, "test": 403}
WIDTHS = {"search": 16, "judge": 20}
STEPS = 1500
BATCH = 64
MISTAKEN = 0.05  # of the pairs of different people, those taken for one
RECIPE = 1  # to be raised where the training changes in a way no number here says


class Identity(NamedTuple):
    """A trained network.

    Attributes:
        config: its sizes.
        variables: its weights, as `jaxgan.models.factor_regressor` takes them.
        facts: `threshold`, the distance below which two portraits are taken for one
            person, by which `MISTAKEN` of the pairs of different unseen people are; and
            `recognised`, the share of unseen people who are recognised when old in a
            portrait of them when young.
    """

    config: factor_regressor.Config
    variables: game.Variables
    facts: dict[str, float]

    def embed(self, image: jax.Array) -> jax.Array:
        """Readings `[B, N]` of pictures `[B, S, S, 3]` in [0, 1], S a multiple of 32.

        It is pure, so that searches can follow its gradient.
        """
        return _embedded(self.config, self.variables, image)

    def read(self, images: np.ndarray) -> np.ndarray:
        """Readings `[B, N]` of bytes `[B, S, S, 3]`, as `embed` gives them."""
        see = functools.partial(_see, self.config, self.variables)
        return blocks.in_blocks(see, images)

    def distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How far the people of two sets of bytes `[B, S, S, 3]` are apart, `[B]`."""
        return np.sqrt(np.square(self.read(one) - self.read(other)).mean(1))

    def same(self, one: np.ndarray, other: np.ndarray) -> float:
        """The share of pairs of bytes `[B, S, S, 3]` that are taken for one person."""
        return float((self.distances(one, other) < self.facts["threshold"]).mean())

    def first(self, gallery: np.ndarray, images: np.ndarray) -> float:
        """The share of images whose person is recognised among all of a gallery.

        Args:
            gallery: bytes `[B, S, S, 3]`, one of each person.
            images: others of the same people in the same order. A person is recognised
                where nobody of the gallery is nearer.
        """
        one, other = self.read(gallery), self.read(images)
        apart = np.square(other[:, None] - one[None]).sum(-1)
        return float((apart.argmin(1) == np.arange(len(one))).mean())


def _embedded(config, variables, image):
    part = image.shape[1] // SIDE
    shape = (len(image), SIDE, part, SIDE, part, 3)
    small = image.reshape(shape).mean((2, 4))
    return factor_regressor.read(config, variables, small).numbers


@functools.partial(jax.jit, static_argnums=0)
def _see(config, variables, images):
    return _embedded(config, variables, images.astype(jnp.float32) / 255)


def trained(use: Use) -> Identity:
    """One of the two networks: from the cache, or trained now and put there.

    Args:
        use: what it is for, which says which of the two it is.
    """
    config = factor_regressor.Config(
        resolution=SIDE,
        numbers=len(KEPT),
        binaries=0,
        width=WIDTHS[use],
        steps=STEPS,
    )
    numbers = (COUNT, TESTED, SEEDS, BATCH, MISTAKEN, *augmentation.STRENGTHS, RECIPE)
    path = kept.place("identity", repr((drawn.code(), config, use, numbers)))
    shapes = factor_regressor.shapes(config)
    found = cache.load(path, shapes, ("threshold", "recognised"))
    if found is not None:
        return Identity(config, *found)
    say(f"training the network that recognises people, to {use} by ({COUNT:,}, once)")
    people = faces.dataset(SEEDS[use], COUNT, SIDE, aligned=True)
    made = Identity(config, _train(people, config), {})
    views = [
        faces.dataset(SEEDS["test"], TESTED, SIDE, aligned=True, view=view)["image"]
        for view in ("young", "old")
    ]
    facts = quality(made, views[0], views[1])
    cache.save(path, made.variables, facts)
    say(f"it recognises {facts['recognised']:.1%} of {TESTED} unseen people")
    return made._replace(facts=facts)


def quality(made: Identity, young: np.ndarray, old: np.ndarray) -> dict[str, float]:
    """The facts of a network, from two portraits of each of some people."""
    others = made.distances(young, np.roll(old, 1, 0))
    threshold = float(np.quantile(others, MISTAKEN))
    recognised = float((made.distances(young, old) < threshold).mean())
    return {"threshold": threshold, "recognised": recognised}


def _train(people: dict[str, Any], config: factor_regressor.Config) -> game.Variables:
    played = game.algorithm(factor_regressor.game(config))
    truth = np.stack([people["factors"][name] for name in KEPT], 1)
    truth = (truth - truth.mean(0)) / truth.std(0)
    arrays = jax.device_put({"image": people["image"], "number": truth})

    def example(image, key):
        return augmentation.augmented(key, image, jnp.zeros(4))[0]

    def batch(arrays, step, index):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(0), step), BATCH)
        image = arrays["image"][index].astype(jnp.float32) / 255
        number = arrays["number"][index]
        return {
            "image": jax.vmap(example)(image, keys),
            "number": number,
            "known": jnp.ones_like(number),
            "binary": jnp.zeros((BATCH, 0)),
        }

    def items(step):
        plan = jaxgan_data.plan(0, step, count=COUNT, batch_size=BATCH)
        return np.uint32(step), plan["index"]

    shown = ("error", "regressor/squared")
    return fitting.fit(played, arrays, batch, items, config.steps, shown)
