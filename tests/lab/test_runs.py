"""Stages: each begins where the last one ended, and may be stopped anywhere."""

import dataclasses
import json
import pathlib

import jax
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgan import losses, train
from jaxgan.lab import feeds, runs, session
from jaxgan.lab.data import of_arrays
from jaxgan.models.parts.two_players import adversarial

HINGE = (losses.hinge_discriminator_loss, losses.hinge_generator_loss)
POINTS = np.random.default_rng(0).normal(3, 1, (32, 2)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Model:
    """How many layers the discriminator has."""

    layers: int


def game(model):
    return adversarial(
        nn.Dense(2),
        nn.Sequential([nn.Dense(2 if i else 1) for i in reversed(range(model.layers))]),
        latent=lambda key, count: jax.random.normal(key, (count, 2)),
        losses=HINGE,
        optimizer=optax.adam(1e-2),
        data="point",
    )


def stages(folder: pathlib.Path, steps=4):
    run = train.Run(
        workdir=folder,
        steps=steps,
        batch_size=8,
        devices=1,
        sample_every=1,
        checkpoint_every=2,
    )
    config = runs.Part(run, {}, None)
    return {
        name: runs.part(config, name, Model(layers))
        for name, layers in (("small", 1), ("large", 2))
    }


class Stop(Exception):
    """Stands for anything that ends a process."""


def fit(seen, stop_at=None):
    """Trains a stage; `seen` gets every step shown, and it ends at one of them."""

    def fit(name, part, start):
        opened = of_arrays({"point": POINTS})
        work = session.begin(name, part, opened)

        def show(state):
            seen.append((name, int(state.step)))
            if seen[-1] == stop_at:
                raise Stop
            return {}

        made = game(part.model)
        return session.train(
            work,
            made,
            feeds.feed(opened, part.run, work.mesh),
            show=show,
            measure=lambda state: session.Result({"step": int(state.step)}, {}),
            start=start,
        )

    return fit


def saved(folder):
    """The checksums of the last states."""
    found = {}
    for path in sorted(folder.rglob("4/record/metadata")):
        found[path.relative_to(folder)] = path.read_text()
    assert len(found) == 2
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    seen = []
    results = runs.in_stages(stages(folder), fit(seen))
    return folder, results, seen


def test_a_stage_begins_where_the_one_before_ended(whole):
    folder, results, seen = whole
    assert list(results) == ["small", "large"]
    assert seen == [(name, i) for name in ("small", "large") for i in range(5)]
    assert int(results["large"].state.step) == 4
    began = []

    def only(name, part, start):
        if name == "small":
            return results["small"]
        fresh = results["large"].state
        began.append(start(fresh))
        return results["large"]

    other = stages(folder.parent / "other")
    runs.in_stages(other, only)
    (state,) = began
    kernel = lambda s: np.asarray(s.params["generator"]["kernel"])  # noqa: E731
    np.testing.assert_array_equal(kernel(state), kernel(results["small"].state))
    assert int(state.step) == 0
    keys = [jax.random.key_data(s.key) for s in (state, results["small"].state)]
    assert (keys[0] != keys[1]).any()


@pytest.mark.parametrize(
    ("stop_at", "more"),
    [
        (("small", 3), 2 + 5),  # inside a stage, past a checkpoint
        (("large", 0), 5),  # between two
        (("large", 3), 2),  # inside the second: the first is not played again
    ],
)
def test_stopped_anywhere_it_ends_the_same(tmp_path, whole, stop_at, more):
    _, results, _ = whole
    with pytest.raises(Stop):
        runs.in_stages(stages(tmp_path), fit([], stop_at))
    seen = []
    again = runs.in_stages(stages(tmp_path), fit(seen))
    assert len(seen) == more
    jax.tree.map(
        np.testing.assert_array_equal,
        again["large"].state.params,
        results["large"].state.params,
    )


def test_what_ended_is_only_read_and_no_longer_trained_on(tmp_path, whole):
    folder, results, _ = whole
    seen = []
    again = runs.in_stages(stages(folder), fit(seen))
    assert seen == []
    assert again["large"].numbers == results["large"].numbers
    with pytest.raises(ValueError, match="--steps is 6, but small was trained for 4"):
        runs.in_stages(stages(folder, steps=6), fit([]))


def test_runs_that_ended_are_found_by_their_configuration(whole):
    folder, _, _ = whole
    part = stages(folder)["small"]
    assert runs.finished(part)["step"] == 4  # type: ignore[index]
    other = dataclasses.replace(part, model=Model(3))
    assert runs.finished(other) is None


def test_what_other_programs_read_is_strict_json(tmp_path):
    numbers = {"a": float("nan"), "b": [1.5, float("-inf")], "c": {"d": (None, 2)}}
    session.save_json(tmp_path / "numbers.json", numbers)
    text = (tmp_path / "numbers.json").read_text()
    assert json.loads(text) == {"a": None, "b": [1.5, None], "c": {"d": [None, 2]}}
