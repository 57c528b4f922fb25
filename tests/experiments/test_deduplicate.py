"""Duplicates: planted copies, counting by hand, the command, its refusals."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import deduplicate
from experiments.deduplicate import duplicates, planting

FEW = ["--steps", 30, "--batch-size", 8, "--devices", 1, "--bits", 24]


def smooth(count, size=32, channels=3, seed=0):
    """Images with a few waves each, that tell them apart."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    phase, wave = (
        rng.uniform(0, 6, (2, count, 4, channels)),
        rng.normal(size=(count, 4, 2)),
    )
    waves = np.sin(
        6 * (wave[:, :, :1, None] * y.ravel() + wave[:, :, 1:, None] * x.ravel())
        + phase[1][..., None]
    ).mean(1)
    image = 128 + 100 * waves.transpose(0, 2, 1).reshape(count, size, size, channels)
    return image.astype(np.uint8)


def test_correlations_are_those_of_numpy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 6, 4, 4, 3), np.uint8)
    found = planting.correlation(a, b)
    expected = [
        np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(planting.correlation(a, a), 1)
    plain = np.full_like(a, 7)
    assert planting.correlation(plain, plain).tolist() == [1] * 6
    assert planting.correlation(plain, b).tolist() == [0] * 6
    assert planting.correlation(a[:0], b[:0]).shape == (0,)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", planting.KINDS)
def test_copies_differ_a_little(kind, channels):
    image = smooth(1, 48, channels)[0]
    copy = planting.copied(image, kind, np.random.default_rng(0))
    assert (copy.shape, copy.dtype) == (image.shape, np.uint8)
    assert not np.array_equal(copy, image)
    assert planting.correlation(copy[None], image[None])[0] > 0.97


def test_a_shift_is_one_pixel_in_64_with_the_edge_repeated():
    image = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64, 1)
    image = (image % 251).astype(np.uint8)
    wanted = {
        np.concatenate([image[:1], image[:-1]]).tobytes(),
        np.concatenate([image[1:], image[-1:]]).tobytes(),
        np.concatenate([image[:, :1], image[:, :-1]], 1).tobytes(),
        np.concatenate([image[:, 1:], image[:, -1:]], 1).tobytes(),
    }
    seen = {
        planting.copied(image, "shift", np.random.default_rng(i)).tobytes()
        for i in range(30)
    }
    assert seen == wanted


def test_what_is_found_and_what_is_wronged_is_counted_by_hand():
    """Five images, 0 and 1 alike, 3 another with the hash of 2; three copies."""
    images = smooth(5)
    images[1] = images[0] // 2 + 40
    copies = images[[0, 3, 4]]
    codes = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1],  # the set
                      [1, 0], [0, 1], [0, 0]])  # fmt: skip
    seen = duplicates.Set(
        np.concatenate([images, copies]),
        codes,
        np.array([0, 1, 2, 3, 4, 0, 3, 4]),
        np.array(["", "", "", "", "", "jpeg", "shift", "jpeg"]),
    )
    assert duplicates.originals(seen).tolist() == [0, 3, 4]
    found = duplicates.tried(seen, 0.5, 0.95)
    assert found.kept.tolist() == [0, 0, 2, 2, 4, 0, 2, 7]
    assert found.found.tolist() == [True, True, False]
    # Removed are 1 (alike), 3 (not), the copy of 0 (true), that of 3, for 2 (not).
    assert (found.removed, found.false) == (4, 2)
    assert (found.others, found.others_false) == (2, 1)
    assert found.recall == pytest.approx(2 / 3)
    assert found.false_rate == 0.5


def test_the_threshold_that_finds_most_within_the_limit_is_chosen():
    def trial(threshold, found, false):
        return duplicates.Tried(
            threshold, np.zeros(1), np.arange(10) < found, 100, false, 0, 0
        )

    trials = [trial(0.0, 2, 0), trial(1.0, 5, 1), trial(2.0, 9, 30)]
    assert duplicates.chosen(trials, 0.01).threshold == 1.0
    assert duplicates.chosen(trials, 0.0).threshold == 0.0
    assert duplicates.chosen(trials, 0.5).threshold == 2.0
    assert duplicates.chosen(trials[1:], 0.001).threshold == 1.0
    codes = np.concatenate([np.zeros(50), np.arange(1, 51)])[:, None]
    values = duplicates.thresholds(codes)
    assert values[0] == 0
    assert values == sorted(set(values))
    assert values[-1] == pytest.approx(np.quantile(codes, 0.998))


def test_a_set_is_rid_of_its_copies(tmp_path, monkeypatch, capsys):
    """Exact copies have the same hash with any network."""
    images = smooth(40)
    images[30:34] = images[3]
    images[34] = images[8]
    np.savez(tmp_path / "set.npz", images=images)
    out = tmp_path / "out"
    argv = ["--data", f"npz:{tmp_path / 'set.npz'}", "--workdir", out, *FEW]
    argv += ["--plant", 8]
    assert call(deduplicate, argv, monkeypatch) == 0
    kept = json.loads((out / "kept.json").read_text())
    found = json.loads((out / "results.json").read_text())
    removed = {int(i): k for i, k in kept["removed"].items()}
    assert {30: 3, 31: 3, 32: 3, 33: 3, 34: 8}.items() <= removed.items()
    assert sorted(kept["kept"] + list(removed)) == list(range(40))
    assert found["removed"] == len(removed)
    assert found["chosen_on"]["planted"] == found["tested_on"]["planted"] == 8
    assert set(found["tested_on"]["recall_by_kind"]) == set(planting.KINDS)
    assert 0 <= found["tested_on"]["recall"] <= 1
    for name in ("groups.png", "planted.png", "autoencoder/report.html"):
        assert (out / name).is_file()
    assert "images to keep" in capsys.readouterr().err


def test_the_images_of_a_run_are_taken_and_the_run_is_left_alone(
    tiny_run, untouched, tmp_path, monkeypatch
):
    before, out = untouched(tiny_run), tmp_path / "out"
    argv = ["--run", tiny_run, "--workdir", out, *FEW, "--plant", 0]
    argv += ["--threshold", 0]
    assert call(deduplicate, argv, monkeypatch) == 0
    assert before == untouched(tiny_run)
    found = json.loads((out / "results.json").read_text())
    assert (found["images"], found["threshold"]) == (40, 0)
    assert "tested_on" not in found
    assert not (out / "planted.png").exists()
    with Image.open(out / "groups.png") as picture:
        assert picture.width > 800


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "give images with --data"),
        (["--data", "x", "--plant", 0], "no copies to choose the threshold on"),
        (
            ["--data", "x", "--threshold", -1],
            "--threshold is -1.0; it must be at least 0",
        ),
        (
            ["--data", "x", "--alike", 1.5],
            "--alike is 1.5; it must be at least 0 and at most 1",
        ),
        (["--data", "x", "--most-false", -1], "--most-false is -1.0; it must be"),
        (["--data", "x", "--bits", 0], "--bits is 0; it must be at least 1"),
        (["--data", "npz:{}/one.npz"], "has 1 images; copies take at least 2"),
        (["--data", "npz:{}/few.npz"], "half of npz:{}/few.npz has only 3 images"),
        (["--run", "{}/nothing"], "{}/nothing is not a run: it has no config.json"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    argv, words, tmp_path, monkeypatch, capsys
):
    np.savez(tmp_path / "one.npz", images=smooth(1))
    np.savez(tmp_path / "few.npz", images=smooth(6))
    argv = [str(x).format(tmp_path) for x in argv]
    out = tmp_path / "out"
    assert call(deduplicate, [*argv, "--workdir", out], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert words.format(tmp_path) in said
    assert not out.exists()
