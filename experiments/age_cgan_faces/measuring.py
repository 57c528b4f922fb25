"""Makes young people old, in several ways, and compares them with the truth."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import data as jaxgan_data
from jaxgan import losses
from jaxgan.analysis import search
from jaxgan.data.synthetic import faces
from jaxgan.data.synthetic import people as known
from jaxgan.lab import blocks, domains, figures, generator, inference, pairs, pixels
from jaxgan.lab.data import Set, open_set
from jaxgan.lab.judges import factors, identity
from jaxgan.models import age_cgan
from jaxgan.train import as_json, directory

YOUNGEST, OLDEST = 18, 80  # years that the factor age, from 0 to 1, stands for
EDGES = (29, 39, 49, 59)  # years at which the paper's classes of adults begin
CLASSES = ("18-28", "29-38", "39-48", "49-58", "59-80")
RANGE = (-1.0, 1.0)
CANDIDATES = 1024  # random latents, between whose numbers searches stay
RATE = 0.05  # Adam's, in a search
SHOWN = 8  # people in the picture
Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]
TITLES = {
    "encoder": "z by the encoder",
    "pixels": "z by pixels",
    "identity": "z by identity",
}


def classes(age: np.ndarray) -> np.ndarray:
    """The class of each age from 0 to 1, int32."""
    years = YOUNGEST + (OLDEST - YOUNGEST) * np.asarray(age)
    return np.digitize(years, EDGES).astype(np.int32)


def opened(config: Any) -> Set:
    """The data, with classes of ages, which are known of drawn people."""
    shape = generator.image_shape(
        age_cgan.MODEL, dataclasses.replace(config.model, classes=2)
    )
    found = open_set(config.data, shape)
    spec = config.data.data
    if not jaxgan_data.drawn(spec) or found.arrays is None:
        return found
    age = known.people(0, len(found.arrays["image"]))["age"]
    train = {**found.arrays, "label": classes(age)}
    return dataclasses.replace(found, train=train, classes=CLASSES)


class People(NamedTuple):
    """Young people who were not trained on.

    Attributes:
        young: bytes `[N, H, W, C]`.
        old: the same people when old.
        was: their classes when young, `[N]`.
        will: when old.
    """

    young: np.ndarray
    old: np.ndarray
    was: np.ndarray
    will: np.ndarray


def tested(config: Any, shape: tuple[int, int, int]) -> People:
    """Test people in two views, with their ages."""
    spec = config.data.data.partition("#")[0].partition(":")[0]
    images = []
    for view in ("young", "old"):
        flags = dataclasses.replace(
            config.data, data=f"{spec}:{config.people}#{view}", flip=False
        )
        images.append(open_set(flags, shape, test=True).test["image"])
    age = known.people(1, config.people)["age"]  # 1 is the seed of test parts
    changed = [
        faces.CHANGES[view](faces.neutral(age=0)._replace(age=age)).age
        for view in ("young", "old")
    ]
    was, will = (classes(np.asarray(x)) for x in changed)
    return People(images[0], images[1], was, will)


def latents(
    trained: inference.Trained, people: People, see: Callable, iterations: int
) -> dict[str, np.ndarray]:
    """Finds a latent for each young person, in every way.

    Args:
        trained: the run.
        people: whose young portraits are encoded.
        see: takes pictures in [0, 1] to what tells people apart.
        iterations: steps of a search.
    """
    config, variables = trained.config, trained.variables
    image = np.asarray(pixels.floats(people.young, RANGE))
    encode = jax.jit(lambda x: age_cgan.encode(config, variables, x))
    first = jnp.asarray(blocks.in_blocks(encode, image))
    random = age_cgan.latent(config, jax.random.key(0), CANDIDATES)
    project = search.within(random)

    def drawn(z, label):
        return age_cgan.sample(config, variables, z, label)

    def same_pixels(z, image, label):
        return losses.l2_loss(image, drawn(z, label))

    def same_person(z, image, label):
        found = see((drawn(z, label) + 1) / 2)
        return losses.l2_loss(see((image + 1) / 2), found)

    made = {"encoder": np.asarray(first)}
    rate = optax.cosine_decay_schedule(RATE, iterations)
    for name, loss in (("pixels", same_pixels), ("identity", same_person)):
        found = search.search(loss, optax.adam(rate), project=project)
        state, step = found.init(project(first)), jax.jit(found.step)
        for _ in range(iterations + 1):  # the last step only measures
            state = step(state, image, people.was)
        made[name] = np.asarray(state.best)
    return made


def measured(config: Any, trained: inference.Trained) -> None:
    """Ages test people, measures, draws and writes.

    Args:
        config: of the command.
        trained: the run of the encoder.
    """
    if not jaxgan_data.drawn(config.data.data):
        return  # nobody knows how these people will look
    shape = inference.image_shape(trained)
    people = tested(config, shape)
    chooses, scores = identity.trained("search"), identity.trained("judge")
    judge = factors.trained(shape[0]) if config.judge else None
    draw = drawing(trained)
    z = latents(trained, people, chooses.embed, config.iterations)
    again = {name: draw(x, people.was) for name, x in z.items()}
    older = {name: draw(x, people.will) for name, x in z.items()}
    again["input"] = older["input"] = people.young
    again["truth"] = older["truth"] = people.old
    numbers = {}
    for name, image in older.items():
        found = {
            "same_person": scores.same(people.young, again[name]),
            "same_person_older": scores.same(people.young, image),
            "error": pairs.error(people.old, image)._asdict(),
        }
        if judge:
            four = domains.Drawn(people.young, image, again[name], people.old)
            found |= domains.attributes(judge, "age", four)["output"]
        numbers[name] = found
    workdir = config.run.workdir
    names = inference.class_names(trained)
    draw_ages(workdir / "ages.png", names, draw, people, z["identity"], again)
    about = {
        "people": len(people.young),
        "recognised": {"search": chooses.facts, "judge": scores.facts},
        "setting": as_json(dataclasses.asdict(config)),
    }
    figures.save_results(workdir / directory.RESULTS, {**about, "aged": numbers})


def drawing(trained: inference.Trained) -> Draw:
    """The generator, `draw(latents, classes) -> bytes`, compiled once."""
    config, variables = trained.config, trained.variables

    @jax.jit
    def drawn(z, label):
        return pixels.to_bytes(age_cgan.sample(config, variables, z, label), RANGE)

    def draw(z, label):
        return blocks.in_blocks(drawn, z, np.asarray(label, np.int32))

    return draw


def draw_ages(
    path: pathlib.Path,
    names: tuple[str, ...],
    draw: Draw,
    people: People,
    z: np.ndarray,
    again: dict[str, np.ndarray],
) -> None:
    """A column a person: young, reconstructed, at all ages, and truly old.

    Args:
        path: of the picture.
        names: of the classes.
        draw: the generator.
        people: those who were tested.
        z: their latents.
        again: what each way to find latents made of them.
    """
    few = slice(0, SHOWN)
    rows = {"young": people.young[few]}
    rows |= {title: again[name][few] for name, title in TITLES.items()}
    for number, name in enumerate(names):
        rows[f"drawn at {name}"] = draw(z[few], np.full(len(z[few]), number))
    rows["truly old"] = people.old[few]
    figures.save_rows(path, np.stack(list(rows.values())), [*rows], "a column a person")
