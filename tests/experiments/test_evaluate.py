"""The command that measures: its numbers, its protocol, its refusals."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from commands import call
from evaluated import images, results, saved
from PIL import Image

from experiments import dcgan_faces, evaluate
from experiments.evaluate import showing
from jaxgan import metrics, parallel
from jaxgan.lab import inference, sets
from jaxgan.lab.measure import extract, generators, moments, statistics
from jaxgan.metrics import features, inception

FEW = ["--subset-size", "10", "--subsets", "3", "--batch-size", "16", "--devices", "1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A DCGAN of twenty steps, scored every five."""
    folder = tmp_path_factory.mktemp("trained")
    spec = saved(folder, "photos", 0, count=24)
    argv = [
        *("--data", spec, "--workdir", folder / "run", "--steps", 20),
        *("--model.resolution", 16, "--model.width", 4, "--model.latent", 6),
        *("--devices", 1),
        *("--model.latent-distribution", "normal", "--batch-size", 8),
        *("--log-every", 5, "--sample-every", 20, "--checkpoint-every", 20),
        *("--evaluate-every", 5, "--evaluation.samples", 20),
    ]
    with pytest.MonkeyPatch.context() as patch:
        assert call(dcgan_faces, argv, patch) == 0
    return folder / "run"


@pytest.mark.slow
def test_two_sets_with_their_protocol(tmp_path, monkeypatch, capsys):
    real, fake = saved(tmp_path, "real", 0), saved(tmp_path, "fake", 1, count=30)
    out = tmp_path / "out"
    argv = ["--real", real, "--fake", fake, "--held-out", real, "--out", out, *FEW]
    assert call(evaluate, argv, monkeypatch) == 0
    found = results(out)
    network = features.random_network()
    seen = [
        np.asarray(network.apply(network.variables, images(*x)).features)
        for x in ((0,), (1, 30))
    ]
    statistics = [metrics.gaussian_statistics(x) for x in seen]
    np.testing.assert_allclose(
        found["metrics"]["frechet_distance"],
        metrics.frechet_distance(*statistics[0], *statistics[1]),
        rtol=1e-4,
    )
    assert found["metrics"]["frechet_distance_of_held_out"] < 1e-6
    assert "singular" in found["metrics"]["frechet_note"]
    assert {"kernel_distance", "precision", "recall", "density", "coverage"} <= set(
        found["metrics"]
    )
    assert found["metrics"]["memorisation_copies"] <= 1
    assert found["metrics"]["sliced_wasserstein_x1000"][0] > 0
    protocol = found["protocol"]
    assert protocol["extractor"]["name"] == "random network"
    assert "not an FID" in protocol["extractor"]["note"]
    assert (protocol["real"]["seen"], protocol["fake"]["seen"]) == (40, 30)
    assert protocol["real"]["data"] == real
    assert f"--fake {fake}" in found["command"]
    assert found["metrics"]["memorisation_ratio"] is None  # held-out images are copies
    with Image.open(out / "neighbours.png") as picture:
        assert picture.width > 8 * 16
    said = capsys.readouterr().err
    assert "frechet distance" in said
    assert "left out" in said  # the score: random features know no classes


@pytest.mark.slow
def test_a_run_is_measured_and_left_alone(run, tmp_path, monkeypatch):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    argv = ["--run", run, "--count", 21, "--metrics", "frechet", "coverage"]
    found = []
    for name in ("a", "b"):
        out = tmp_path / name
        assert call(evaluate, [*argv, "--out", out], monkeypatch) == 0
        found.append(results(out))
    assert found[0]["metrics"] == found[1]["metrics"]
    fake = found[0]["protocol"]["fake"]
    assert (fake["model"], fake["step"], fake["images"]) == ("dcgan", 20, 21)
    assert fake["moving_average"] is True
    assert fake["truncation"] is None
    assert found[0]["protocol"]["real"]["resolution"] == 16
    assert before == {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}

    out = tmp_path / "c"
    more = ["--truncation", 0.5, "--no-ema", "--best", "--out", out]
    assert call(evaluate, [*argv, *more], monkeypatch) == 0
    fake = results(out)["protocol"]["fake"]
    assert (fake["truncation"], fake["moving_average"]) == (0.5, False)
    assert fake["checkpoint"] == "best"


def test_the_best_state_is_kept_beside_the_last(run):
    rows = [json.loads(x) for x in (run / "scalars.jsonl").read_text().splitlines()]
    scores = {
        row["step"]: row["evaluation/frechet_distance"]
        for row in rows
        if "evaluation/frechet_distance" in row
    }
    assert list(scores) == [5, 10, 15, 20]
    best = inference.open_run(run, best=True)
    assert best.step == min(scores, key=scores.__getitem__)
    assert inference.open_run(run).step == 20


def test_samples_do_not_depend_on_the_blocks_they_are_handed_on_in(run):
    drawn = generators.drawn(inference.open_run(run), 21, 3)
    whole = np.concatenate([block.images for block in drawn.blocks(100)])
    parts = [block.images for block in drawn.blocks(5)]
    assert [len(part) for part in parts] == [5, 5, 5, 5, 1]
    assert np.array_equal(np.concatenate(parts), whole)
    assert whole.shape == (21, 16, 16, 3)
    assert not np.array_equal(
        whole, next(generators.drawn(inference.open_run(run), 21, 4).blocks(21))[0]
    )


def test_numbers_do_not_depend_on_the_order_of_files(monkeypatch):
    """Every statistic, of a set class by class and of the same set shuffled."""
    monkeypatch.setattr(statistics, "WASSERSTEIN_IMAGES", 100)
    rng = np.random.default_rng(0)

    def seen(labels):
        shade = labels[:, None, None, None] * 25 + 10
        drawn = shade + rng.integers(-8, 9, (len(labels), 16, 16, 1))
        flat = drawn.reshape(len(labels), -1)
        features = np.stack([flat.mean(1), flat.std(1), flat[:, 0]], 1)
        return moments.Seen(
            metrics.moments(features), {}, features, drawn.astype(np.uint8),
            np.ones(len(labels), bool), None, None, (),
        )  # fmt: skip

    def shuffled(seen):
        order = rng.permutation(len(seen.features))
        return seen._replace(features=seen.features[order], images=seen.images[order])

    real, held, fake = (seen(np.arange(n) // (n // 10)) for n in (300, 200, 60))
    wanted = (
        "frechet", "kernel", "coverage", "memorisation", "diversity", "wasserstein",
    )  # fmt: skip
    one, other = (
        statistics.compare(
            *(change(x) for x in (real, fake)), wanted, held_out=change(held),
            subsets=20, subset_size=50,
        )
        for change in (lambda x: x, shuffled)
    )  # fmt: skip
    for name in ("precision", "recall", "coverage", "coverage_of_held_out"):
        assert abs(one[name] - other[name]) < 0.15, name
        assert one[name] > 0.7
    for name in ("memorisation_ratio", "frechet_distance", "ms_ssim"):
        np.testing.assert_allclose(one[name], other[name], rtol=0.2, err_msg=name)
    (level,), (again,) = (x["sliced_wasserstein_x1000"] for x in (one, other))
    assert level < 1.3 * again + 1


def test_a_table_of_classes(tmp_path, monkeypatch, capsys):
    real = saved(tmp_path, "real", 0, labels=True, size=12, channels=1)
    fake = saved(tmp_path, "fake", 1, labels=True, size=12, channels=1)
    out = tmp_path / "out"
    argv = ["--real", real, "--fake", fake, "--metrics", "classes", "--out", out]
    argv += ["--devices", 1]
    assert call(evaluate, argv, monkeypatch) == 0
    table = results(out)["metrics"]["classes"]
    assert [(row["class"], row["real"], row["fake"]) for row in table] == [
        (name, 10, 10) for name in "0123"
    ]
    network = features.random_network(1)
    statistics = [
        metrics.gaussian_statistics(
            np.asarray(
                network.apply(network.variables, images(seed, 40, 12, 1)[1::4])[0]
            )
        )
        for seed in (0, 1)
    ]
    arrays = [np.asarray(x) for pair in statistics for x in pair]
    distance = metrics.frechet_distance(*arrays)
    np.testing.assert_allclose(table[1]["frechet_distance"], distance, rtol=1e-4)
    mean = np.mean([row["frechet_distance"] for row in table])
    np.testing.assert_allclose(results(out)["metrics"]["class_frechet_distance"], mean)
    assert "frechet_distance" in capsys.readouterr().err


def test_only_published_weights_give_names_like_fid():
    numbers = {"frechet_distance": 1.0, "kernel_distance_spread": 2.0, "recall": 3.0}
    network = features.random_network()
    assert showing.named(numbers, network) == numbers
    published = network._replace(about={"published": True})
    assert showing.named(numbers, published) == {
        "fid": 1.0, "kid_spread": 2.0, "recall": 3.0,
    }  # fmt: skip


def test_the_score_of_a_pass_is_that_of_all_logits():
    logits = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)

    def apply(variables, pictures):
        found = variables[pictures[:, 0, 0, 0].astype(int)]
        return features.Extracted(found, found)

    places = np.arange(30, dtype=np.uint8)[:, None, None, None]
    pictures = sets.ImageSet(
        *("thirty", {}, 30, (1, 1, 1), False),
        lambda size: (
            sets.Block(places[i : i + size], None) for i in range(0, 30, size)
        ),
    )
    extractor = features.Extractor("table", apply, logits, {"sees_labels": True})
    seen = moments.look_at(
        pictures, extractor, parallel.mesh(), batch_size=8, kept=7, classes=False,
        title="x",
    )  # fmt: skip
    assert [int(part.count) for part in seen.scores] == [3] * 10
    np.testing.assert_allclose(
        metrics.score_of_sums(metrics.merge_score_sums(*seen.scores)),
        metrics.classifier_score(logits)[0],
        rtol=1e-6,
    )
    assert seen.predicted is not None
    assert seen.predicted.tolist() == logits.argmax(1).tolist()
    strange = moments.look_at(
        pictures, extractor._replace(about={}), parallel.mesh(), batch_size=8, kept=7,
        classes=False, title="x",
    )  # fmt: skip
    assert strange.predicted is None  # classes of something else, as Inception's are
    assert len(strange.scores) == 10
    assert len(seen.features) == len(seen.images) == 7
    mean, covariance = metrics.gaussian(seen.moments)
    np.testing.assert_allclose(mean, logits.mean(0), rtol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(logits, rowvar=False), rtol=1e-5)


def test_features_that_are_no_numbers_are_refused():
    extractor = features.Extractor(
        "broken",
        lambda variables, x: features.Extracted(x[:, 0, 0].astype(float) / 0, None),
        (),
        {},
    )
    look = extract.looker(extractor, parallel.mesh(), 8)
    blocks = [sets.Block(images(0, 8), None)]
    with pytest.raises(ValueError, match="images 0 to 7 are not finite"):
        list(extract.in_order(look, blocks))


def test_many_devices_score_as_one_and_processes_of_other_weights_are_refused(
    monkeypatch,
):
    real = sets.ImageSet(
        "noise", {}, 40, (16, 16, 3), False, lambda size: [sets.Block(images(1), None)]
    )

    def drawn(state, key):
        return (state * jax.random.uniform(key, (24, 16, 16, 3))).astype(np.uint8)

    def score(mesh):
        draw = parallel.shared(drawn, mesh)
        evaluate = moments.evaluation(
            moments.Evaluation("random", samples=40),
            lambda: real,
            lambda state, key: np.asarray(draw(state, key)),
            mesh,
            seed=0,
        )
        return evaluate(np.float32(200))["evaluation/frechet_distance"]

    one, many = parallel.mesh(jax.devices()[:1]), parallel.mesh()
    np.testing.assert_allclose(score(many), score(one), rtol=1e-6)
    monkeypatch.setattr(parallel, "gathered", lambda text: [text, "abcdef0123"])
    with pytest.raises(
        ValueError, match="process 1 has a network of checksum abcdef01"
    ):
        score(one)


def test_truncation_of_other_latents_is_refused(run):
    generator = inference.open_run(run)
    uniform = dataclasses.replace(generator.config, latent_distribution="uniform")
    with pytest.raises(ValueError, match="Gaussian latents"):
        generators.drawn(generator._replace(config=uniform), 4, 0, truncation=1.0)
    with pytest.raises(ValueError, match="at least 0"):
        generators.drawn(generator, 4, 0, truncation=-1.0)


def test_random_features_are_the_same_on_every_machine():
    network = features.random_network()
    x = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    found = network.apply(network.variables, x)
    assert found.logits is None
    assert found.features.shape == (2, network.about["features"])
    # By hand: the mean over positions of the first layer's first channel.
    kernel = np.random.default_rng(0).standard_normal((4, 4, 3, 32)) / np.sqrt(24)
    padded = np.pad(x / 127.5 - 1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    outputs = [
        (padded[:, i : i + 4, j : j + 4] * kernel[None, ..., 0]).sum((1, 2, 3))
        for i in range(0, 8, 2)
        for j in range(0, 8, 2)
    ]
    rectified = np.where(np.array(outputs) > 0, outputs, 0.2 * np.array(outputs))
    np.testing.assert_allclose(found.features[:, 0], rectified.mean(0), rtol=1e-4)
    jitted = jax.jit(network.apply)(network.variables, x).features
    np.testing.assert_allclose(jitted, found.features, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="channels is 2"):
        features.random_network(2)


def test_images_are_kept_only_as_far_as_memory_is_meant_for_them(monkeypatch):
    monkeypatch.setattr(moments, "IMAGE_BYTES", 3 * 4 * 4 * 3)
    drawn = images(0, 20, 4)
    pictures = sets.ImageSet(
        *("twenty", {}, 20, (4, 4, 3), False),
        lambda size: (
            sets.Block(drawn[i : i + size], None) for i in range(0, 20, size)
        ),
    )
    network = features.random_network()
    seen = moments.look_at(
        pictures, network, parallel.mesh(), batch_size=8, kept=6, classes=True,
        title="x",
    )  # fmt: skip
    assert (len(seen.features), len(seen.images), seen.pictured.sum()) == (6, 3, 3)
    again = network.apply(network.variables, seen.images).features
    np.testing.assert_allclose(again, seen.features[seen.pictured], atol=1e-5)


@pytest.mark.parametrize("published", [True, False])
def test_inception_is_called_by_its_weights(published, tmp_path, monkeypatch):
    source = inception.PUBLISHED if published else "ab" * 32

    def load(path):
        return inception.Weights({}, "cd" * 32, path.name, source)

    monkeypatch.setattr(inception, "load", load)
    monkeypatch.setenv(extract.WEIGHTS, str(tmp_path / "named.npz"))
    found = extract.extractor(extract.Extraction(), (28, 28, 1))
    assert (found.about["weights"], found.about["published"]) == (
        "named.npz", published,
    )  # fmt: skip
    assert ("note" in found.about) == (not published)
    flag = extract.Extraction(weights=tmp_path / "flag.pth")
    assert extract.extractor(flag, (64, 64, 3)).about["weights"] == "flag.pth"
