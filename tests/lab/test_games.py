"""A game of one's own: a run with checkpoints, sheets and a page, in one call."""

import json

import jax
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgan import lab, losses, report
from jaxgan.game import pure
from jaxgan.models.parts.two_players import adversarial

HINGE = (losses.hinge_discriminator_loss, losses.hinge_generator_loss)


def latent(key, count):
    return jax.random.normal(key, (count, 2))


def toy(generator):
    return adversarial(
        generator, nn.Dense(1), latent=latent, losses=HINGE,
        optimizer=optax.adam(1e-2), data="point",
    )  # fmt: skip


@pytest.fixture(scope="module")
def points():
    made = np.random.default_rng(0).normal(3, 1, (64, 2))
    return {"point": made.astype(np.float32)}


def test_a_game_of_points_becomes_a_run_that_goes_on(tmp_path, points):
    generator = nn.Dense(2)
    draw = pure(generator, "generator")

    def show(variables, key):
        drawn = draw(variables, latent(key, 20))[0]
        return {"points": drawn, "samples/mean": drawn.mean()}

    def train(folder, steps):
        return lab.train(
            toy(generator), points, tmp_path / folder,
            steps=steps, batch_size=8, show=show, sample_every=2, checkpoint_every=2,
        )  # fmt: skip

    train("parts", 2)
    result, whole = train("parts", 4), train("whole", 4)
    jax.tree.map(np.testing.assert_array_equal, result.state.params, whole.state.params)
    run = tmp_path / "parts"
    assert (run / "checkpoints" / "4").is_dir()
    sheets = sorted(p.name for p in (run / "samples").iterdir())
    assert sheets == [f"points_000000{step}.png" for step in (0, 2, 4)]
    assert "points" in (run / "report.html").read_text()
    rows = report.read_scalars(run / "scalars.jsonl")
    assert rows[-1]["samples/mean"] == pytest.approx(result.numbers["samples/mean"])
    plain = json.loads((run / "config.json").read_text())
    assert plain["model"]["nets"] == {"discriminator": "Dense", "generator": "Dense"}
    assert plain["data"]["data"] == "arrays"
    with pytest.raises(ValueError, match="another configuration"):
        lab.train(toy(nn.Sequential([nn.Dense(2)])), points, run, batch_size=8)


def test_what_cannot_be_shown_or_opened_is_refused(tmp_path, points):
    with pytest.raises(ValueError, match=r"show gave an array \(3,\)"):
        lab.train(
            toy(nn.Dense(2)), points, tmp_path / "a", steps=1, batch_size=8,
            show=lambda variables, key: {"line": np.zeros(3)},
        )  # fmt: skip
    with pytest.raises(ValueError, match="without a shape"):
        lab.train(toy(nn.Dense(2)), "digits", tmp_path / "b")
