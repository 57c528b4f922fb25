"""Turned faces with their true fronts: opens them, and measures who turns them back.

Drawn people are seen at several angles; the picture of the same person from the front
is known, as are the places of eyes, nose and mouth in each picture.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds
from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import landmarks, turned
from jaxgan.lab import blocks, data, drawn, figures, neighbours, pairs, pixels
from jaxgan.lab.judges import identity
from jaxgan.lab.session import Numbers
from jaxgan.models import tp_gan
from jaxgan.models.parts import tp_gan_nets

ANGLES = (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)  # yaw in radians
SEEDS = {"train": 0, "test": 1}  # of the people
POINTS = [landmarks.POINTS.index(name) for name in tp_gan_nets.PARTS]
RANGE = (-1.0, 1.0)
SHOWN = 3  # people in the picture

Faces = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Data:
    """Drawn people at six angles."""

    people: bounds.Count = 1024
    """People to train on."""
    tests: bounds.Count = 128
    """Other people to test on."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def open_faces(config: Data, size: int) -> data.Set:
    """Opens turned faces to train on, and others to test on.

    Args:
        config: how many people.
        size: height and width of the pictures.

    Returns:
        A set, whose two parts have `input`, the turned face; `image`, the same face
        from the front; `points`, as `tp_gan.game` has them; and `label`, the number of
        the person: all angles of a person one after the other.
    """
    train, test = (
        _part(split, count, size)
        for split, count in (("train", config.people), ("test", config.tests))
    )
    about = f"{config.people:,} drawn people at {len(ANGLES)} angles, {config.tests:,}"
    return data.Set(
        data=data.Data(f"portraits:{config.people}"),
        about=f"{about} others to test on",
        fingerprint=jaxgan_data.fingerprint(train),
        train=train,
        test=test,
        shape=(size, size, 3),
    )


def _part(split, people, size):
    angles = (0.0, *ANGLES)

    def draw():
        return turned.turned(SEEDS[split], people, size, angles)

    about = "turned", SEEDS[split], people, size, angles
    made = drawn.once(about, draw, turned, landmarks)
    image, places = made["image"], made["points"][:, 1:, POINTS, :2]
    return {
        "image": image[:, 0].repeat(len(ANGLES), 0),
        "input": image[:, 1:].reshape(-1, *image.shape[2:]),
        "points": places.reshape(-1, *places.shape[2:]),
        "label": np.arange(people, dtype=np.int32).repeat(len(ANGLES)),
    }


def embed(judge: identity.Identity) -> tp_gan.tp.Embed:
    """What TP-GAN compares people by, from a network that recognises drawn people."""

    def embedded(image):
        return jnp.zeros((len(image), 0)), judge.embed(image)

    return embedded


def answers(
    front: Callable[[np.ndarray, np.ndarray], np.ndarray], train: Faces, test: Faces
) -> dict[str, np.ndarray]:
    """What is made of test faces, with two baselines and the truth.

    Args:
        front: takes bytes and points to bytes.
        train: the part to train on.
        test: the part to test on.

    Returns:
        Bytes `[N, S, S, 3]`: `output`; `input`, the turned face itself; `nearest`, the
        front of the training face whose turned picture is nearest; `truth`.
    """
    index, _ = neighbours.nearest(test["input"], train["input"], 1)
    return {
        "output": front(test["input"], test["points"]),
        "input": test["input"],
        "nearest": train["image"][index[:, 0]],
        "truth": test["image"],
    }


def measured(found: Mapping[str, np.ndarray], judge: Any, factors: Any) -> Numbers:
    """How near answers are to the truth, by the angle of the input.

    Args:
        found: of `answers`.
        judge: of `judges.identity`, which had no part in training.
        factors: of `judges.factors`; None reads no angles.

    Returns:
        For each answer `all` angles, and each angle's absolute value: `l1` and `psnr`
        to the truth, `same`, the share taken for the person of the true front, `first`,
        the share recognised among the fronts of all, and `yaw`, the mean absolute angle
        that is read off, in radians.
    """
    truth = found["truth"]
    angle = np.tile(np.abs(ANGLES), len(truth) // len(ANGLES))
    yaw = (
        {n: np.abs(factors.read(x)["yaw"]) for n, x in found.items()} if factors else {}
    )
    numbers: Numbers = {}
    for name, images in found.items():
        numbers[name] = {"all": _near(truth, images, judge, [*range(len(ANGLES))])}
        for at in np.unique(angle):
            turns = [i for i, x in enumerate(ANGLES) if abs(x) == at]
            numbers[name][str(at)] = _near(truth, images, judge, turns)
        for at, row in numbers[name].items():
            if factors:
                chosen = angle == float(at) if at != "all" else angle > 0
                row["yaw"] = float(yaw[name][chosen].mean())
    return numbers


def _near(truth, images, judge, turns):
    """Errors and recognition over some of the angles."""
    whole = [x.reshape(-1, len(ANGLES), *x.shape[1:]) for x in (truth, images)]
    a, b = (x[:, turns].reshape(-1, *truth.shape[1:]) for x in whole)
    first = [judge.first(whole[0][:, 0], whole[1][:, i]) for i in turns]
    return {
        **pairs.error(a, b)._asdict(),
        "same": judge.same(a, b),
        "first": float(np.mean(first)),
    }


def turning(config: tp_gan.Config, variables: Any) -> Callable:
    """The model, `front(bytes, points) -> bytes`, compiled once."""

    @jax.jit
    def front(image, points):
        image = pixels.floats(image, RANGE)
        return pixels.to_bytes(tp_gan.frontal(config, variables, image, points), RANGE)

    return lambda image, points: blocks.in_blocks(front, image, points)


def draw(path: pathlib.Path, found: Mapping[str, np.ndarray]) -> None:
    """Draws the first test people: turned, and turned to the front.

    Two rows a person, a column an angle; the last column is the true front.
    """
    rows, names = [], []
    for person in range(min(SHOWN, len(found["truth"]) // len(ANGLES))):
        some = slice(person * len(ANGLES), (person + 1) * len(ANGLES))
        truth = found["truth"][some][:1]
        for name, kind in (("turned", "input"), ("front", "output")):
            rows.append(np.concatenate([found[kind][some], truth]))
            names.append(name)
    about = "a column an angle, the last the true front; two rows a person"
    figures.save_rows(path, np.stack(rows), names, about)
