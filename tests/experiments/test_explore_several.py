"""Several runs side by side on the page of experiments.explore."""

import pathlib

import numpy as np
import pytest
from commands import call
from explored import assert_same, untrained

from experiments import explore
from experiments.explore import generator, pieces, several
from experiments.explore.generator import Choice
from jaxgan.lab import inference
from jaxgan.models import lsgan


@pytest.fixture(scope="module")
def both(tiny_run):
    """A run, itself again, and a run of classes with other latents."""
    first = generator.explorer(inference.open_run(tiny_run), strongest=2, images=0)
    again = generator.explorer(inference.open_run(tiny_run), strongest=0, images=0)
    other = generator.explorer(untrained(lsgan, lsgan.MODEL.tiny), images=0)
    runs = [pathlib.Path(x) for x in ("a/seed_0", "a/seed_1", "b/seed_0")]
    return several.beside(runs, [first, again, other])


def test_runs_with_the_same_latents_move_together(both):
    assert [x.same for x in both] == [True, True, False]
    assert [x.name for x in both] == ["a/seed_0", "a/seed_1", "b/seed_0"]
    count = len(both[0].explorer.sliders)
    assert [len(x.explorer.sliders) for x in both] == [count, count, 0]
    still, moved = (
        several.pictures(both, Choice(3, 0, (v, *[0.0] * (count - 1)))) for v in (0, 3)
    )
    for (image, _), (after, _), follows in zip(
        still, moved, (True, True, False), strict=True
    ):
        assert (image != after).any() == follows
    assert_same(still[0][0][None], still[1][0][None])
    own = generator.picture(both[2].explorer, Choice(3, 0, ()))
    np.testing.assert_array_equal(still[2][0], own)


def test_what_a_run_does_not_follow_is_said(both):
    count = len(both[0].explorer.sliders)
    found = several.pictures(both, Choice(0, 99, (0.0,) * count, "a man"))
    said = [about for _, about in found]
    assert said[0] == "a/seed_0, takes no caption"
    classes = both[2].explorer.classes
    last = f", class {classes - 1}, its last" if classes else ""
    assert said[2] == f"b/seed_0, its own latent{last}, takes no caption"


def test_names_are_as_long_as_they_must_be():
    def names(*paths):
        return several.names([pathlib.Path(x) for x in paths])

    assert names("/x/runs/a", "/x/runs/b") == ["a", "b"]
    assert names("/x/a/seed_0", "/x/b/seed_0") == ["a/seed_0", "b/seed_0"]
    same = names("/x/a", "/x/a")
    assert len({*same}) == 2


def test_clips_side_by_side():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (3, 4, 4, 1), np.uint8)
    colour = rng.integers(0, 255, (3, 8, 6, 3), np.uint8)
    whole = several.together([grey, colour])
    assert whole.shape == (3, 8, 8 + several.GAP + 6, 3)
    np.testing.assert_array_equal(whole[:, ::2, :8:2], grey.repeat(3, axis=3))
    np.testing.assert_array_equal(whole[:, 1::2, 1:8:2], grey.repeat(3, axis=3))
    np.testing.assert_array_equal(whole[:, :, 8 + several.GAP :], colour)
    assert (whole[:, :, 8 : 8 + several.GAP] == 255).all()
    assert several.together([grey]) is grey


def test_a_walk_of_all_begins_at_their_pictures(both):
    count = len(both[0].explorer.sliders)
    choice = Choice(0, 0, (0.0,) * count)
    frames = several.walk(both[:2], (3, 4), choice, 2)
    assert frames.shape[0] == 4
    image = several.pictures(both, choice._replace(seed=3))[0][0]
    width = image.shape[1]
    assert_same(frames[0][None, :, :width], image[None])
    assert_same(frames[0][None, :, width + several.GAP :], image[None])


def test_the_page_names_all_runs(both):
    count = len(both[0].explorer.sliders)
    images = several.pictures(both, Choice(0, 0, (0.0,) * count))
    text = pieces.faces(images, "seed 0")
    assert text.count("<img") == 3
    assert text.count("id=face") == 1
    assert "b/seed_0, its own latent" in text
    head = pieces.heading(
        both[0].explorer, "runs/<a>", [(x.name, x.explorer) for x in both[1:]]
    )
    assert head.count('class="facts"') == 3
    assert "runs/&lt;a&gt;" in head
    assert "side by side" in head


def test_the_command_opens_all(tiny_run, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(explore, "check_gradio", lambda: None)
    monkeypatch.setattr(explore, "check_port", lambda *x: None)
    monkeypatch.setattr(explore, "serve", lambda *x: found.append(x))
    argv = ["--run", tiny_run, tiny_run, "--images", 10, "--workdir", tmp_path]
    assert call(explore, argv, monkeypatch) == 0
    ((runs, *_),) = found
    assert len(runs) == 2
    assert [len(x.explorer.real) for x in runs] == [10, 0]
    assert all(x.same for x in runs)
