"""Arithmetic on a run, and on a generator in which all answers are known."""

import json
import types

import jax
import jax.numpy as jnp
import linear_faces
import numpy as np
import pytest
import scipy.stats
from commands import call
from flax import linen
from PIL import Image

from experiments import latent_arithmetic
from experiments.latent_arithmetic import concepts, turning
from experiments.latent_arithmetic import pictures as pictures_
from jaxgan.lab import inference, painting
from jaxgan.lab.first_layer import first_layer
from jaxgan.lab.judges import factors

CHOSEN = ["--start", 3, 17, "--minus", 5, "--plus", 11, 12, 33]
FEW = ["--samples", 400, "--trials", 30, "--directions", 0]


def calculated(argv, monkeypatch, out, trained=None):
    """The results of a command; of a given model, if any."""
    if trained is not None:
        monkeypatch.setattr(inference, "open_run", lambda run, ema: trained)
        monkeypatch.setattr(
            factors, "trained", lambda size, second=False: linear_faces.Regressor()
        )
        argv = ["--run", "somewhere", *argv]
    assert call(latent_arithmetic, [*argv, "--workdir", out], monkeypatch) == 0
    return json.loads((out / "results.json").read_text())


def words(capsys):
    """The printed text, without the frame and the line breaks of the parser."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_run_without_a_regressor_says_what_to_give(
    tiny_run, untouched, tmp_path, monkeypatch, capsys
):
    before = untouched(tiny_run)
    argv = ["--run", tiny_run, "--directions", 2]
    found = calculated(argv, monkeypatch, tmp_path / "out")
    assert before == untouched(tiny_run)
    assert names(tmp_path / "out") == {"sheet.png", "sefa.png", "results.json"}
    said = capsys.readouterr().err
    assert "choose some from sheet.png" in said
    assert found["norm"]["mean"] == pytest.approx(np.sqrt(6), rel=0.15)
    assert "arithmetic" not in found
    # The directions of the run's own first layer, by numpy.
    trained = inference.open_run(tiny_run)
    kernel = trained.variables["generator"]["params"]["project"]["kernel"]
    singular = np.linalg.svd(np.asarray(kernel, "float64"))[1]
    np.testing.assert_allclose(
        found["sefa"]["eigenvalues"], singular[:2] ** 2, rtol=1e-3
    )
    assert found["sefa"]["mean_eigenvalue"] == pytest.approx(
        np.square(singular).mean(), rel=1e-3
    )


def test_given_samples_are_calculated_with(tiny_run, tmp_path, monkeypatch, capsys):
    argv = ["--run", tiny_run, *CHOSEN, "--directions", 0]
    found = calculated(argv, monkeypatch, tmp_path)
    assert found["given"] == {"start": [3, 17], "minus": [5], "plus": [11, 12, 33]}
    assert names(tmp_path) == {"sheet.png", "arithmetic.png", "results.json"}
    assert "choose some" not in capsys.readouterr().err


def test_what_is_an_axis_is_gained_and_all_else_is_kept(tmp_path, monkeypatch):
    # Signs are exact: means and sums of them are too, and only yaw is left to chance,
    # which is 0.3 of a normal number in the regressor's units.
    found = calculated(FEW, monkeypatch, tmp_path, linear_faces.generator())
    equations = ("glasses", "smile", "age", "hair")
    pictures = {
        f"{kind}_{x}.png" for kind in ("arithmetic", "trials") for x in equations
    }
    wanted = pictures | {"sheet.png", "turn.png", "results.json", "directions.npz"}
    assert wanted == names(tmp_path)
    kept = np.zeros(2)
    for equation in equations:
        tried = found["arithmetic"][equation]
        assert min(tried["found"].values()) > 50
        assert tried["along_a_line"] == pytest.approx(1)
        assert set(tried["exemplars"]) == {"1", "3", "10"}
        for count, row in tried["exemplars"].items():
            assert row["trials"] == 30
            # The same in a linear generator.
            for way in ("latents", "pixels", "matched_latents", "matched_pixels"):
                assert row[way]["had"] == 0
                assert row[way]["gains"] == row[way]["right_sex"] == 30
                assert row[way]["masculinity"] == row[way]["skin_tone"] == 30
                assert row[way]["right"] == row[way]["keeps"] <= row[way]["yaw"]
                assert "judged_usual" not in row[way]
            spread = 0.3 * np.sqrt(2 / int(count))  # of a difference of two means
            share = scipy.stats.norm.cdf(0.2 / spread) * 2 - 1
            low, high = scipy.stats.binom.interval(0.9999, 30, share)
            assert low <= row["latents"]["yaw"] <= high
            kept += np.array([row[x]["yaw"] for x in ("latents", "matched_latents")])
            assert row["random_direction"]["gains"] < 30
    assert kept[1] > 1.2 * kept[0]  # those that are alike look the same way
    turned_all_the_way(found["turn"])
    with np.load(tmp_path / "directions.npz") as directions:
        assert set(directions) == set(linear_faces.NAMES)
        # Each factor is a number of the latent, in the order of the names.
        for i, name in enumerate(linear_faces.NAMES):
            assert abs(directions[name]).argmax() == i
            assert directions[name][i] > 1


class Blind(linear_faces.Regressor):
    """Sees no glasses in any picture, and every turn the wrong way round."""

    quality = types.MappingProxyType({"exact": 0.0})

    def read(self, images):
        read = super().read(images)
        return read | {"glasses": 0 * read["glasses"], "yaw": -read["yaw"]}


def test_who_chooses_does_not_score(tmp_path, monkeypatch):
    trained = linear_faces.generator()
    seeing = linear_faces.Regressor(), Blind()
    monkeypatch.setattr(inference, "open_run", lambda run, ema: trained)
    monkeypatch.setattr(factors, "trained", lambda size, second=False: seeing[second])
    found = calculated(["--run", "somewhere", *FEW], monkeypatch, tmp_path)
    assert found["regressor"] == {"chooses": {"exact": 1.0}, "scores": {"exact": 0.0}}
    glasses = found["arithmetic"]["glasses"]
    assert min(glasses["found"].values()) > 50
    assert {row["latents"]["gains"] for row in glasses["exemplars"].values()} == {0}
    assert found["arithmetic"]["hair"]["exemplars"]["3"]["latents"]["gains"] == 30
    assert found["turn"]["found"]["left"] > 20
    assert found["turn"]["mean_of_4"]["turn"]["spearman"] == pytest.approx(-1)


def turned_all_the_way(found):
    # Turned means from 0.3 radians, which is one spread, on: E[z | z > 1] = 1.525.
    tail = scipy.stats.norm.pdf(1) / scipy.stats.norm.sf(1)
    for count in (4, 16, min(found["found"].values())):
        turn = found[f"mean_of_{count}"]["turn"]
        assert turn["faces"] == turn["monotone"] == 5 * 24
        assert turn["spearman"] == pytest.approx(1)
        assert turn["steps_the_right_way"] == 1
        assert turn["range"] == pytest.approx(2 * 0.3 * 2 * tail, rel=0.15)
        control = found[f"mean_of_{count}"]["random_direction"]
        assert abs(control["range"]) < turn["range"] / 2
    assert found["mirror"]["correlation_of_yaws"] < -0.95
    share = found["found"]["left"] / 400
    assert share == pytest.approx(scipy.stats.norm.sf(1), abs=0.06)


def test_concepts_that_are_not_found_are_said(tmp_path, monkeypatch, capsys):
    def bare(key, count):  # nobody wears glasses, nobody looks aside
        z = jnp.sign(jax.random.normal(key, (count, 8)))
        return z.at[:, 5].set(-1).at[:, 0].set(0)

    trained = linear_faces.generator(latent=bare)
    found = calculated(FEW, monkeypatch, tmp_path, trained)
    assert "too few" in found["arithmetic"]["glasses"]["note"]
    assert found["arithmetic"]["glasses"]["found"]["man with glasses"] == 0
    assert "no samples look to one of the sides" in found["turn"]["note"]
    assert found["arithmetic"]["smile"]["exemplars"]["3"]["latents"]["gains"] == 30
    assert "draw more with --samples" in capsys.readouterr().err


def test_what_is_counted_as_right():
    glasses = concepts.EQUATIONS[0]
    before = {
        "glasses": np.array([0.1, 0.1, 0.6, 0.1]),
        "masculinity": np.array([0.2, 0.2, 0.2, 0.2]),
        "long_hair": np.array([0.9, 0.9, 0.9, 0.9]),
        "yaw": np.zeros(4),
        "skin_tone": np.full(4, 0.3),
    }
    after = before | {
        "glasses": np.array([0.9, 0.9, 0.9, 0.4]),
        "masculinity": np.array([0.2, 0.7, 0.4, 0.2]),
        "yaw": np.array([0.19, 0.0, -0.21, 0.0]),
    }
    found = concepts.verdicts(glasses, after, before)
    expected = {
        "had": [0, 0, 1, 0], "gains": [1, 1, 1, 0], "masculinity": [1, 0, 1, 1],
        "yaw": [1, 1, 0, 1], "keeps": [1, 0, 0, 1], "right": [1, 0, 0, 0],
        "right_sex": [1, 0, 1, 0], "skin_tone": [1] * 4, "long_hair": [1] * 4,
    }  # fmt: skip
    assert {name: list(map(int, x)) for name, x in found.items()} == expected


def test_exemplars_are_of_their_concept_and_none_is_taken_twice():
    read = {"masculinity": np.array([0.9, 0.9, 0.1, 0.9, 0.5]),
            "glasses": np.array([0.95, 0.5, 0.99, 1.0, 1.0])}  # fmt: skip
    found = concepts.members(read, concepts.EQUATIONS[0].start)
    assert found.tolist() == [0, 3]
    rng = np.random.default_rng(0)
    chosen = concepts.choose(rng, np.arange(10, 16), 50, 3)
    assert chosen.shape == (50, 3)
    assert all(len(set(row)) == 3 for row in chosen.tolist())
    assert set(chosen.ravel()) == set(range(10, 16))


def test_matches_are_the_most_alike_in_all_that_stays():
    seen = {
        "yaw": np.array([0.0, 1.0, 0.1, 0.2, 5.0, 1.2]),
        "glasses": np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]),
    }
    chosen, among = np.array([[0, 1], [1, 0]]), np.array([2, 3, 4, 5])
    found = concepts.matched(seen, chosen, among, "glasses")
    assert found.tolist() == [[2, 5], [5, 2]]
    twice = concepts.matched(seen, np.array([[0, 0]]), among, "glasses")
    assert twice.tolist() == [[2, 3]]  # none twice
    other = concepts.matched(seen, np.array([[1]]), np.array([2, 4]), "yaw")
    assert other.tolist() == [[4]]


def test_what_a_line_tells_is_scipys_rank_statistic():
    z = np.random.default_rng(0).normal(size=(60, 3))
    having, lacking = np.arange(25), np.arange(25, 60)
    z[having] += [1, 0, 0]
    line = z[:25:2].mean(0) - z[25::2].mean(0)
    one, other = z[1:25:2] @ line, z[26::2] @ line
    expected = scipy.stats.mannwhitneyu(one, other)[0] / len(one) / len(other)
    found = concepts.along_a_line(z, having, lacking)
    assert found == pytest.approx(expected)
    assert 0.6 < found < 0.95


def test_half_of_the_samples_are_judged_usual(tiny_run):
    trained = inference.open_run(tiny_run)
    painter = painting.painter(trained)
    samples = painter.paint(painter.vectors(jax.random.key(0), 20))
    judge = painting.judge(trained, samples)
    assert judge is not None
    assert judge(samples).sum() == 10
    real, _ = inference.training_images(trained)
    logits = inference.judging(trained, real)
    scores = [logits(inference.from_uint8(trained, x)) for x in (samples, real)]
    np.testing.assert_array_equal(judge(real), scores[1] >= np.median(scores[0]))


def test_rank_correlation_is_scipys():
    values = np.random.default_rng(0).normal(size=(9, 4))
    scales = np.linspace(-1, 1, 9)
    expected = [scipy.stats.spearmanr(scales, column)[0] for column in values.T]
    found = turning.spearman(scales, values)
    np.testing.assert_allclose(found, expected)


def test_turning_by_hand():
    yaw = np.array([[0.6, 0.3], [0.1, 0.5], [-0.2, -0.4]])
    found = turning.turning(np.array([-1.0, 0.0, 1.0]), yaw)
    assert (found["faces"], found["monotone"]) == (2, 1)
    assert found["steps_the_right_way"] == 3 / 4
    assert found["range"] == pytest.approx((0.8 + 0.7) / 2)
    assert found["spearman"] == pytest.approx((1 + 0.5) / 2)


def test_a_mirrored_latent_is_as_far_to_the_other_side():
    faces = np.random.default_rng(0).normal(size=(5, 3))
    turn = np.array([0.0, 3.0, 0.0])
    found = turning.mirror(faces, turn)
    np.testing.assert_allclose(found, faces * [1, -1, 1])


class Net(linen.Module):
    """A layer for the labels, then one for latents, with labels behind them."""

    @linen.compact
    def __call__(self, z, label):
        told = linen.Dense(2, name="told")(jax.nn.one_hot(label, 3))
        x = linen.Dense(4, name="first")(jnp.concatenate([z, told], 1))
        return linen.Dense(8 * 8 * 3)(x).reshape(-1, 8, 8, 3)


def test_the_first_layer_is_the_one_that_latents_go_into():
    z, label = jnp.zeros((2, 8)), jnp.zeros(2, jnp.int32)
    variables = Net().init(jax.random.key(0), z, label)
    trained = linear_faces.generator(classes=3)

    def sample(config, variables, latent, label):
        return Net().apply(variables, latent, label)

    record = trained.record._replace(sample=sample)
    trained = trained._replace(record=record)
    found = first_layer(trained._replace(variables=variables))
    kernel = variables["params"]["first"]["kernel"]
    np.testing.assert_array_equal(found, kernel[:8])


def test_directions_of_a_known_layer_are_named_by_what_they_move(tmp_path, monkeypatch):
    # The layer stretches glasses (number 5) by 3 and yaw (number 0) by 2.
    stretch = np.diag([2, 1, 1, 1, 1, 3, 1, 1]).astype("float32")
    trained = linear_faces.generator(latent=lambda k, n: jax.random.normal(k, (n, 8)))
    dense = linen.Dense(8, use_bias=False)

    def sample(config, variables, latent):
        x = dense.apply({"params": {"kernel": stretch}}, latent)
        pixels = (0.5 + 0.02 * x)[:, :, None, None]
        return jnp.broadcast_to(pixels, (len(x), 8, 8, 3))

    trained = trained._replace(record=trained.record._replace(sample=sample))
    argv = ["--samples", 200, "--trials", 2, "--directions", 2]
    found = calculated(argv, monkeypatch, tmp_path, trained)["sefa"]
    np.testing.assert_allclose(found["eigenvalues"], [9, 4], rtol=1e-5)
    first, second = found["directions"]
    assert max(second, key=lambda name: abs(second[name])) == "yaw"
    # From -3 to 3 spreads of a yaw whose spread is that of one number.
    assert second["yaw"] == pytest.approx(6, rel=0.15)
    assert abs(first["yaw"]) < 0.3
    assert first["glasses"] > 1
    # Six spreads of one row of eight: 0.02 * 6 * stretch / sqrt(8).
    expected = 0.12 * np.array([3, 2]) / np.sqrt(8)
    np.testing.assert_allclose(
        found["change_of_pixels"]["direction"], expected, rtol=0.1
    )
    assert max(found["change_of_pixels"]["random"]) < expected[0]
    assert (tmp_path / "sefa.png").exists()


def test_a_generator_without_a_layer_has_no_directions(tmp_path, monkeypatch, capsys):
    trained = linear_faces.generator("npz:other")
    monkeypatch.setattr(inference, "open_run", lambda run, ema: trained)
    argv = ["--run", "x", "--workdir", tmp_path / "out"]
    assert call(latent_arithmetic, argv, monkeypatch) == 2
    assert "--directions 0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_samples_carry_their_numbers(tmp_path):
    images = np.zeros((3, 8, 8, 1), np.uint8)
    sheet = pictures_.numbered(images, 2)
    side = 8 * round(pictures_.TILE / 8)
    assert sheet.shape == (2 * (side + 16) + 2, 2 * (side + 2) + 2, 3)
    above = [sheet[2:16, x : x + side] for x in (2, side + 4)]
    assert (above[0] < 255).any()
    assert not np.array_equal(*above)


def test_frames_say_what_is_right():
    images = np.full((2, 20, 20, 3), 7, np.uint8)
    found = pictures_.frame(images, np.array([True, False]))
    assert found.shape == (2, 22, 22, 3)
    np.testing.assert_array_equal(found[0, 0, 5], pictures_.RIGHT)
    np.testing.assert_array_equal(found[1, 5, -1], pictures_.WRONG)
    np.testing.assert_array_equal(found[:, 1:-1, 1:-1], images)
    assert (pictures_.frame(images, None)[:, 0] == 255).all()


def test_a_class_is_drawn(tmp_path, monkeypatch):
    trained = linear_faces.generator("digits", classes=3)
    argv = ["--label", 2, *CHOSEN, "--directions", 0]
    calculated(argv, monkeypatch, tmp_path, trained)
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels[2 + 14 + 88 - 1, 40, 0] == 51  # the last row of the first sample


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--start", 1], "--minus and --plus have [1, 0, 0]"),
        (
            ["--start", 1, "--minus", 100, "--plus", 2],
            "--minus has 100, but the samples",
        ),
        (["--samples", 99], "--samples is 99"),
        (["--trials", 0], "--trials is 0"),
        (["--exemplars", 0], "--exemplars is 0"),
        (["--noise", -0.1], "--noise is -0.1"),
        (["--directions", -1], "--directions is -1"),
        ([], "no checkpoint"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    argv, said, unsaved_run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", unsaved_run, "--workdir", tmp_path / "out", *argv]
    assert call(latent_arithmetic, argv, monkeypatch) == 2
    assert said in words(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (0, "takes no classes; leave it out"),
        (3, "there is no class 3"),
    ],
)
def test_a_class_that_is_none_is_refused(classes, said, tmp_path, monkeypatch, capsys):
    trained = linear_faces.generator("digits", classes=classes)
    monkeypatch.setattr(inference, "open_run", lambda run, ema: trained)
    argv = ["--run", "x", "--workdir", tmp_path / "out", "--label", 3]
    assert call(latent_arithmetic, argv, monkeypatch) == 2
    assert said in capsys.readouterr().err
