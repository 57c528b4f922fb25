"""Measures models that encode and decode images: reconstructions, and edits of codes.

An attribute's vector is the mean code of images that have it, minus that of images that
lack it (Larsen et al., arXiv:1512.09300, section 4.2). On drawn people these are views
of different people, as in `domains`; they are tested on others, whose true pictures
with and without the attribute are known.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.data import drawn
from jaxgan.lab import blocks, domains, figures, neighbours, pairs, pixels
from jaxgan.lab.data import Data, Set
from jaxgan.lab.judges import factors
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import vaegan
from jaxgan.models.model import Model
from jaxgan.train.terminal import say

Features = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

EDITS = {
    "glasses": ("bare", "glasses"),
    "smile": ("serious", "smiling"),
    "age": ("young", "old"),
}
"""Attributes, and the views of drawn people that lack them and have them."""
TESTED = 256  # people whose pictures are edited
SHOWN = 10  # people in the picture
BLOCK = 64  # images whose features are compared together
RANGE = (-1.0, 1.0)


class Coder(NamedTuple):
    """A model that encodes and decodes.

    Attributes:
        encode: takes bytes `[N, H, W, C]` to codes `[N, Z]`.
        decode: takes codes to bytes.
        latent: draws codes from the prior, `latent(key, count) -> [count, Z]`.
    """

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]
    latent: Callable[[jax.Array, int], Any]

    def again(self, images: np.ndarray) -> np.ndarray:
        """Reconstructs bytes `[N, H, W, C]`."""
        return self.decode(self.encode(images))


def coder(encode: Callable, record: Model, config: Any, variables: Any) -> Coder:
    """Compiles a model whose pixels lie in [-1, 1].

    Args:
        encode: takes images to codes.
        record: of the model, whose `sample` decodes.
        config: of the model.
        variables: of its nets.
    """
    assert record.sample is not None
    assert record.latent is not None
    sample = record.sample
    coded = jax.jit(lambda image: encode(pixels.floats(image, RANGE)))
    decoded = jax.jit(
        lambda code: pixels.to_bytes(sample(config, variables, code), RANGE)
    )
    return Coder(
        functools.partial(blocks.in_blocks, coded),
        functools.partial(blocks.in_blocks, decoded),
        functools.partial(record.latent, config),
    )


def of_vaegan(config: vaegan.Config, variables: Any) -> Coder:
    """A VAE/GAN, or a plain VAE, whose codes are the means of the encoder."""

    def encode(image):
        return vaegan.encode(config, variables, image)[0]

    return coder(encode, vaegan.MODEL, config, variables)


def learned_features(config: vaegan.Config, variables: Any) -> Features:
    """What the discriminator of a VAE/GAN compares real images and others by."""

    @jax.jit
    def see(real, image):
        both = (pixels.floats(x, RANGE) for x in (real, image))
        return vaegan.features(config, variables, *both)

    return lambda real, image: blocks.in_blocks(see, real, image, size=BLOCK)


def compared(
    config: Any, opened: Set, coders: Mapping[str, Coder], features: Features | None
) -> Result:
    """Measures models side by side, and draws rows.png.

    Args:
        config: of the command: `run`, `data`, `people` and `judge`.
        opened: the data, with images to test on.
        coders: title -> model; rows of edits are those of the last.
        features: takes bytes, real and made, to what they are compared in; None for
            pixels alone.
    """
    readable = factors.readable(config.data.data)
    judge = factors.trained(opened.shape[0]) if config.judge and readable else None
    found = reconstructed(coders, opened, features, judge)
    say("\n".join(sentences(found)))
    edits, vectors = {}, {}
    for name, model in coders.items():
        vectors = attributes(model, config.data, opened.shape, config.people)
        edits[name] = {a: edited(model, one, judge) for a, one in vectors.items()}
    path = config.run.workdir / "rows.png"
    draw(path, config.run.seed, opened, coders, vectors)
    numbers: Numbers = {"tested": len(opened.test["image"])}
    numbers |= {"reconstructions": found, "edits": edits}
    return Result(numbers, {"A column a person, none of them trained on": path})


def draw(path, seed, opened, coders, vectors) -> None:
    """Draws a column for each person: what is made of them, edits, and samples."""
    images = opened.test["image"][:SHOWN]
    made = {"input": images}
    made |= {name: model.again(images) for name, model in coders.items()}
    *_, last = coders.values()
    made |= rows(last, vectors, images)
    for name, model in coders.items():
        latent = np.asarray(model.latent(jax.random.key(seed + 1), len(images)))
        made[f"samples, {name}"] = model.decode(latent)
    figures.save_rows(path, np.stack(list(made.values())), [*made], "a column a person")


def reconstructed(
    coders: Mapping[str, Coder],
    opened: Set,
    features: Features | None,
    judge: domains.Judge | None,
) -> Numbers:
    """How far reconstructions of test images are from them, beside two baselines.

    Args:
        coders: name -> model.
        opened: the set, with images to test on.
        features: takes bytes, real and made, to what they are compared in; None leaves
            this out.
        judge: of the factors of faces; None leaves this out.

    Returns:
        For each model, for the training image nearest to each (`nearest`) and the mean
        of all training images (`mean`): `l1` and `psnr` of pixels; `features`, the
        squared distance of features as a part of that between images of different
        people; and `factors`, how far the factors that the judge reads are from those
        of the images, in their standard deviations.
    """
    real = opened.test["image"]
    tried = {name: model.again(real) for name, model in coders.items()}
    if opened.arrays is not None:
        train = opened.arrays["image"]
        mean = np.round(train.mean(0, dtype=np.float64)).astype(np.uint8)
        index, _ = neighbours.nearest(real, train, 1)
        tried["nearest"] = train[index[:, 0]]
        tried["mean"] = np.broadcast_to(mean, real.shape)
    apart = 1.0
    if features is not None:
        one, other = features(real, np.roll(real, 1, 0))
        apart = np.square(one - other).sum(1).mean()
    read = judge.read(real) if judge else {}
    found: Numbers = {}
    for name, images in tried.items():
        found[name] = pairs.error(real, images)._asdict()
        if features is not None:
            one, other = features(real, images)
            gap = np.square(one - other).sum(1).mean()
            found[name]["features"] = float(gap / apart)
        if judge:
            found[name]["factors"] = moved(read, judge.read(images))
    return found


def moved(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> float:
    """The mean change of the factors that are numbers, in standard deviations."""
    changes = [
        np.abs(after[name] - before[name]).mean() / (before[name].std() + 1e-6)
        for name in factors.NUMBERS
    ]
    return float(np.mean(changes))


class Attribute(NamedTuple):
    """An attribute of drawn people.

    Attributes:
        vector: what is added to a code, `[Z]`.
        pixels: what would be added to pixels, `[H, W, C]`.
        without: bytes of test people without it.
        having: the same people with it.
        factor: what the judge reads.
    """

    vector: np.ndarray
    pixels: np.ndarray
    without: np.ndarray
    having: np.ndarray
    factor: str


def attributes(
    model: Coder, data: Data, shape: tuple[int, int, int], people: int
) -> dict[str, Attribute]:
    """Finds the vectors of all attributes; there are none where faces are not drawn.

    Args:
        model: whose codes are compared.
        data: the flags it was trained with.
        shape: of the images.
        people: drawn people, one half of them without, the other with an attribute.
    """
    if not drawn(data.data):
        return {}
    kind, found = data.data.partition("#")[0].partition(":")[0], {}
    for name, (lacking, having) in EDITS.items():
        ends = [f"{kind}:{people}#{view}" for view in (lacking, having)]
        flags = dataclasses.replace(data, data=ends[0], flip=False)
        opened = domains.open_domains(flags, ends[1], shape)
        assert opened.a.arrays is not None
        assert opened.b.arrays is not None
        assert opened.factor is not None
        images = [one.arrays["image"] for one in (opened.a, opened.b)]  # type: ignore[index]
        codes = [model.encode(x).mean(0) for x in images]
        means = [x.mean(0, dtype=np.float64) for x in images]
        without, with_it = (one.test["image"][:TESTED] for one in (opened.a, opened.b))
        found[name] = Attribute(
            codes[1] - codes[0], means[1] - means[0], without, with_it, opened.factor
        )
    return found


def edited(model: Coder, attribute: Attribute, judge: domains.Judge | None) -> Numbers:
    """Gives an attribute to test people who lack it, and takes it from those who have.

    Returns:
        `gain` and `lose`, each with answers: the edit (`output`), the same with pixels
        instead of codes (`pixels`), the reconstruction without an edit (`again`), the
        picture as it is (`input`) and the true one (`truth`). Each has
        `l1` and `psnr` to the truth and, given a judge, `rate` and `rest` of
        `domains.attributes`.
    """
    ways = {
        "gain": (attribute.without, attribute.having, 1),
        "lose": (attribute.having, attribute.without, -1),
    }
    found: Numbers = {}
    for way, (image, truth, sign) in ways.items():
        code = model.encode(image)
        answers = {
            "output": model.decode(code + sign * attribute.vector),
            "pixels": np.clip(image + sign * attribute.pixels + 0.5, 0, 255),
            "again": model.decode(code),
            "input": image,
        }
        found[way] = {}
        for name, answer in answers.items():
            made = answer.astype(np.uint8)
            found[way][name] = pairs.error(truth, made)._asdict()
            if judge:
                four = domains.Drawn(image, made, image, truth)
                read = domains.attributes(judge, attribute.factor, four)
                found[way][name] |= read["output"]
                found[way]["truth"] = read["truth"]
    return found


def rows(
    model: Coder, found: Mapping[str, Attribute], images: np.ndarray
) -> dict[str, np.ndarray]:
    """Images with more and with less of each attribute, by the name of a row."""
    code, made = model.encode(images), {}
    for name, attribute in found.items():
        for sign, word in ((1, "+"), (-1, "\N{MINUS SIGN}")):
            made[f"{word} {name}"] = model.decode(code + sign * attribute.vector)
    return made


def sentences(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The numbers of `reconstructed` as lines."""
    lines = ["unseen images: mean L1, PSNR in dB"]
    for name, row in found.items():
        lines.append(f"{name:>12}  {row['l1']:.3f} {row['psnr']:5.1f}")
    return lines
