"""Training and testing capsule networks: batches, test images, errors."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import capsules, compose, game, parallel
from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import affine, digits
from jaxgan.lab import classes, feeds, pixels, session
from jaxgan.lab.blocks import BLOCK
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Result
from jaxgan.models import capsnet, capsnet_baseline, matrix_capsnet
from jaxgan.train import Feed, Run, directory

OVERLAY = 4  # pixels by which each of two digits is shifted
TEST_SEED = 2**31 - 1  # of overlaid and warped test images; no run is seeded with it
SHOWN = 32  # reconstructions on a sheet
COLUMNS = 8

Kind = Literal["test", "affine"]
MODULES = {
    module.Config: module for module in (capsnet, capsnet_baseline, matrix_capsnet)
}


def train(
    title: str,
    config: Any,
    tested: Sequence[int] = (),
    *,
    opened: Set | None = None,
    tests: Mapping[str, dict[str, np.ndarray]] | None = None,
) -> Result:
    """Trains the model of a config, or goes on, and tests it at the end.

    Args:
        title: of the report.
        config: `run`, `data` and `model`, a `Config` of `capsnet`, of
            `capsnet_baseline` or of `matrix_capsnet`.
        tested: iterations of routing to test with too, whatever it was trained with.
        opened: the set to train and to test on; what `config.data` names if left out.
        tests: more images and labels to test on, as `Set.test` has them, by name.
    """
    model, opened = open_for(config.data, config.model, opened)
    config, run = dataclasses.replace(config, model=model), config.run
    module: Any = MODULES[type(model)]
    work = session.begin(title, config, opened)
    chosen = jaxgan_data.some(len(opened.test["label"]), SHOWN)
    shown = unseen(opened, model, np.resize(chosen, SHOWN))

    @functools.partial(jax.jit, static_argnums=0)
    def classify(model, variables, image):
        return module.predict(model, variables, image)

    def wrong_of(state, kind: Kind = "test", part=opened, **changes):
        routed = dataclasses.replace(model, **changes)
        see = functools.partial(classify, routed, game.variables(state))
        return wrong(*predictions(see, part, model, config.data.tests, kind))

    @jax.jit
    def reconstructed(variables):
        v = capsnet.encode(model, variables, shown["image"])
        # By the labels, as in training; the commands on reconstructions do both.
        labels = shown["label"].reshape(SHOWN, -1)
        drawn = [
            capsnet.decode(model, variables, capsules.mask(v, labels[:, i]))
            for i in range(model.objects)
        ]
        return jnp.clip(sum(drawn), 0, 1)

    def show(state):
        seen: dict[str, Any] = {"test/error": wrong_of(state).mean()}
        if module is capsnet and model.reconstruction:
            drawn = reconstructed(game.variables(state))
            seen["reconstructions"] = in_rows(shown["image"], drawn)
        return seen

    def measure(state):
        mistakes = wrong_of(state)
        numbers = {
            "test_error": float(mistakes.mean()),
            "test_images": len(mistakes),
            "parameters": compose.parameter_count(state.params),
            "epochs": run.steps * run.batch_size / len(opened.train["label"]),
        }
        if model.objects == 1:
            numbers["affine_error"] = float(wrong_of(state, "affine").mean())
        if tested:
            numbers["error_at_iterations"] = {
                str(n): float(wrong_of(state, iterations=n).mean()) for n in tested
            }
        if tests:
            parts = {n: dataclasses.replace(opened, test=x) for n, x in tests.items()}
            numbers["errors"] = {
                name: float(wrong_of(state, part=part).mean())
                for name, part in parts.items()
            }
        sheets = directory.sheets(run.workdir, "reconstructions")
        caption = "Test images, and below each what the decoder made of its capsule"
        return Result(numbers, {caption: sheets[max(sheets)]} if sheets else {})

    return session.train(
        work,
        module.game(model),
        feed(opened, run, work.mesh, model),
        show=show,
        measure=measure,
    )


def as_large(base: capsnet_baseline.Config, net: Any) -> capsnet_baseline.Config:
    """The baseline with so many units in its first hidden layer as make it as large.

    Its number of parameters is linear in that of these units.

    Args:
        base: the baseline.
        net: a model of capsules, whose decoder counts too.
    """

    def with_units(units):
        return dataclasses.replace(base, hidden=(units, *base.hidden[1:]))

    one, two = parameters(with_units(1)), parameters(with_units(2))
    return with_units(max(1, 1 + round((parameters(net) - one) / (two - one))))


def parameters(model: Any) -> int:
    """Counts the parameters of a model, of ten classes unless it says how many."""
    record = MODULES[type(model)].MODEL
    model = dataclasses.replace(model, classes=model.classes or 10)
    key = jax.random.key(0)
    batch = jax.eval_shape(lambda: record.batch(model, key, 1))
    state = jax.eval_shape(game.algorithm(record.game(model)).init, key, batch)
    return compose.parameter_count(state.params)


def open_for(data: Data, model: Any, opened: Set | None = None) -> tuple[Any, Set]:
    """A model that knows how many classes its data has, and that data.

    Digits that are overlaid come without their margin.

    Raises:
        ValueError: there is no such set, it has no labels, or other classes than the
            model.
    """
    side = model.resolution - 2 * OVERLAY * (model.objects > 1)
    opened = opened or open_set(data, (side, side, model.channels), test=True)
    return classes.counted(model, opened)


def feed(opened: Set, run: Run, mesh: Mesh, model: Any) -> Feed:
    """Batches `{"image": [B, H, W, C] in [0, 1], "label": [B]}`, made on the devices.

    With two objects, `{"image", "label": [B, 2], "parts"}`. Every example is a function
    of the seed and its position in the endless stream of examples.
    """
    if model.objects == 1:
        return feeds.feed(opened, run, mesh)
    return Feed(
        arrays=parallel.resident(mesh, _with_table(opened.train)),
        items=feeds.positions(run, len(opened.train["label"])),
        prepare=lambda arrays, item: _overlaid(
            arrays, item, run.seed, model.resolution
        ),
    )


def unseen(
    opened: Set, model: Any, position: np.ndarray, kind: Kind = "test"
) -> dict[str, jax.Array]:
    """Test examples by their numbers, the same whatever was trained.

    Args:
        opened: the data.
        model: with `objects` and `resolution`.
        position: integers `[B]`; above the last test image, from the first one on.
        kind: "affine" for small random affine maps of them, as in affNIST.
    """
    item = {"index": position % len(opened.test["label"]), "position": position}
    if model.objects > 1:
        arrays = _with_table(opened.test)
        return _overlaid(arrays, item, TEST_SEED, model.resolution)
    image = pixels.floats(opened.test["image"][item["index"]])
    if kind == "affine":
        image = _warped(image, position, model.resolution)
    return {"image": image, "label": jnp.asarray(opened.test["label"][item["index"]])}


def predictions(
    predict: Callable[[jax.Array], jax.Array],
    opened: Set,
    model: Any,
    count: int,
    kind: Kind = "test",
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true labels of the test images: `[N, objects]` each.

    Overlaid images are made, so there are `count` of them; others are as many as the
    set has.
    """
    if model.objects == 1:
        count = len(opened.test["label"])
    predicted, labels = [], []
    for first in range(0, count, BLOCK):
        position = np.arange(first, first + BLOCK)  # one shape, one program
        batch = unseen(opened, model, position, kind)
        predicted.append(np.asarray(predict(batch["image"])))
        labels.append(np.asarray(batch["label"]).reshape(BLOCK, -1))
    return np.concatenate(predicted)[:count], np.concatenate(labels)[:count]


def wrong(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are wrong, `[N]`: those that lack one of their labels."""
    return ~(predicted[:, None, :] == labels[:, :, None]).any(2).all(1)


def _with_table(part: dict[str, np.ndarray]) -> dict[str, Any]:
    return part | {"table": digits.by_class(part["label"])}


@functools.partial(jax.jit, static_argnums=2)
def _warped(image, position, size):
    keys = jax.vmap(lambda i: digits.example_key(TEST_SEED, i))(position)
    return jax.vmap(lambda key, x: affine.affine_digit(key, x, size=size))(keys, image)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _overlaid(arrays, item, seed, size):
    made = digits.multi_digits(
        seed,
        arrays["image"],
        arrays["label"],
        arrays["table"],
        item["position"],
        item["index"],
        size=size,
        most=OVERLAY,
    )
    return {
        "image": pixels.floats(made["image"]),
        "label": made["label"],
        "parts": pixels.floats(made["parts"]),
    }


def in_rows(above: Any, below: Any) -> np.ndarray:
    """Images in [0, 1] in rows of eight, and under each row those that belong to it."""
    rows = [
        np.asarray(pixels.to_bytes(jnp.asarray(x))).reshape(-1, COLUMNS, *x.shape[1:])
        for x in (above, below)
    ]
    return np.stack(rows, 1).reshape(-1, *above.shape[1:])
