"""The page of experiments.explore, without a browser."""

import base64
import io
import json
import re
import socket
import sys

import numpy as np
import pytest
import scipy.spatial
from commands import call
from explored import assert_same, painter, start, untrained
from PIL import Image

from experiments import explore
from experiments.explore import generator, neighbours, pieces, sliders
from experiments.explore.generator import Choice
from jaxgan.lab import inference
from jaxgan.lab.first_layer import first_layer
from jaxgan.models import cdcgan, infogan, lsgan, wgan_gp


@pytest.fixture(scope="module")
def model(tiny_run):
    return inference.open_run(tiny_run)


@pytest.fixture(scope="module")
def shown(model):
    turn = {"turn": np.array([3.0, 0, 0, 4, 0, 0])}
    return generator.explorer(model, strongest=2, found=turn)


@pytest.fixture(scope="module")
def drawn(model):
    return painter(model)


@pytest.fixture
def few(monkeypatch):
    """Batch norms are held at few images: those of 28x28 pixels take their time."""
    monkeypatch.setattr(inference, "REFERENCE", 100)


def test_a_picture_is_of_its_latent_and_its_sliders(model, shown, drawn):
    assert [x.kind for x in shown.sliders] == [
        "found",
        *["code"] * 6,
        *["strongest"] * 2,
    ]
    still = (0.0,) * 9
    image = generator.picture(shown, Choice(5, 0, still))
    assert_same(image[None], drawn(start(model, 5)))
    values = (2.0, 0, 0, 0, 0, 0, -1.0, 0, 0)
    # Latents are standard normal, so the spread that was measured is about 1.
    spread = np.linalg.norm(shown.sliders[0].step)
    np.testing.assert_allclose(spread, 1, rtol=0.05)
    moved = start(model, 5) + spread * np.array([[1.2, 0, 0, 1.6, 0, -1.0]])
    np.testing.assert_allclose(
        generator.latent(shown, Choice(5, 0, values)), moved, rtol=1e-5
    )
    assert_same(generator.picture(shown, Choice(5, 0, values))[None], drawn(moved))


def test_the_strongest_directions_are_singular_vectors(model, shown):
    kernel = model.variables["generator"]["params"]["project"]["kernel"]
    np.testing.assert_array_equal(first_layer(model), kernel)
    left, values, _ = np.linalg.svd(np.asarray(kernel, np.float64))
    stretch = values / np.sqrt(np.mean(values**2))
    for i, slider in enumerate(shown.sliders[-2:]):
        unit = slider.step / np.linalg.norm(slider.step)
        np.testing.assert_allclose(abs(unit @ left[:, i]), 1, atol=1e-4)
        assert slider.name == f"{i + 1}: {stretch[i]:.1f} times"


def test_a_walk_goes_along_great_circles_from_seed_to_seed(model, shown, drawn):
    assert shown.spherical
    values = (1.0, *[0.0] * 8)
    frames = generator.walk(shown, (3, 1, 4), Choice(0, 0, values), frames=2)
    ends = np.concatenate([start(model, seed) for seed in (3, 1, 4)])
    step = shown.sliders[0].step
    assert_same(frames[::2], drawn(ends + step))
    # Half way between ends at an angle w: sin(w / 2) / sin(w) of both.
    a, b = ends[0], ends[1]
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    middle = (a + b) * np.sin(angle / 2) / np.sin(angle)
    assert_same(frames[1:2], drawn((middle + step)[None]))
    assert len(frames) == 6


def test_the_nearest_training_images_are_scipys(shown, model):
    real, _ = inference.training_images(model)
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    flat = real.reshape(len(real), -1).astype(float)
    distance = scipy.spatial.distance.cdist(image.reshape(1, -1).astype(float), flat)[0]
    distance /= np.sqrt(image.size)
    images, found = neighbours.nearest(image, shown.real)
    order = np.argsort(distance)[:4]
    np.testing.assert_array_equal(images, real[order])
    np.testing.assert_allclose(found, distance[order], rtol=1e-5)
    images, found = neighbours.nearest(real[7], shown.real)
    np.testing.assert_array_equal(images[0], real[7])
    assert found[0] == 0
    apart = scipy.spatial.distance.cdist(flat, flat) / np.sqrt(image.size)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(shown.usual, np.median(apart.min(1)), rtol=1e-5)


def test_it_says_what_is_shown(shown):
    assert generator.facts(shown) == {
        "model": "dcgan",
        "step": "2",
        "images": "16x16 colour",
        "latents": "6 numbers, Gaussian",
        "data": shown.trained.plain["data"]["data"],
    }


def test_categories_and_codes_of_an_infogan(few):
    config = infogan.Config(noise=9, categories=3, continuous=2, width=2, hidden=4)
    model = untrained(infogan, config)
    shown = generator.explorer(model, strongest=4)
    assert (shown.classes, shown.spherical) == (3, False)
    assert "nowhere.npz" in shown.missing
    assert neighbours.nearest(np.zeros((28, 28, 1), np.uint8), shown.real)[1] == ()
    assert [x.name for x in shown.sliders[:2]] == ["c2", "c3"]
    latent = generator.latent(shown, Choice(0, 2, (0.5, -2.0, 0, 0, 0, 0)))
    np.testing.assert_array_equal(latent[0, 9:], [0, 0, 1, 0.5, -2])
    np.testing.assert_array_equal(latent[0, :9], start(model, 0)[0, :9])
    kernel = first_layer(model)
    assert kernel is not None
    left = np.linalg.svd(kernel[:9])[0]
    step = shown.sliders[2].step
    np.testing.assert_array_equal(step[9:], 0)
    # Uniform on [-1, 1]: a standard deviation of 1 / sqrt 3.
    np.testing.assert_allclose(np.linalg.norm(step), 3**-0.5, rtol=0.05)
    np.testing.assert_allclose(
        abs(step[:9] @ left[:, 0]), np.linalg.norm(step), rtol=1e-4
    )
    frames = generator.walk(shown, (0, 1), Choice(0, 1, (0.0,) * 6), frames=2)
    halves = (start(model, 0)[:, :9] + start(model, 1)[:, :9]) / 2
    middle = np.concatenate([halves, [[0, 1, 0, 0, 0]]], axis=1)
    assert_same(frames[1:2], painter(model)(middle))


def test_classes_of_a_conditional_model(few):
    config = cdcgan.Config(width=2, hidden=4, latent=10)
    model = untrained(cdcgan, config)
    shown = generator.explorer(model, strongest=1, images=0)
    assert shown.classes == config.classes == 10
    assert shown.missing == "left out (--images 0)"
    weight = first_layer(model)
    assert weight is not None
    assert len(weight) == 10
    images = [generator.picture(shown, Choice(0, x, (0.0,))) for x in (0, 7)]
    assert_same(images[1][None], painter(model)(start(model, 0), 7))
    assert (images[0] != images[1]).any()
    with pytest.raises(ValueError, match="class is 10; this cdcgan has 10"):
        generator.picture(shown, Choice(0, 10, (0.0,)))


def test_the_first_layer_is_the_generators():
    """The discriminator's only dense layer has the name, and here the rows, of it."""
    model = untrained(lsgan, lsgan.Config(latent=4, width=2, hidden=4))
    weight = first_layer(model)
    kernel = model.variables["generator"]["params"]["Dense_0"]["kernel"]
    np.testing.assert_array_equal(weight, kernel)


def test_directions_of_a_file(tmp_path):
    path = tmp_path / "directions.npz"
    np.savez(path, turn=np.arange(6.0), glasses=np.ones(6))
    found = sliders.read_directions(path)
    assert sorted(found) == ["glasses", "turn"]
    np.testing.assert_array_equal(found["turn"], np.arange(6.0))


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        (np.ones(5), r"'turn' has shape \[5\], but latents of this model have \[6\]"),
        (np.ones((1, 6)), r"has shape \[1, 6\]"),
        (np.zeros(6), "has length 0.0; it must be finite and above 0"),
        (np.full(6, np.nan), "has length nan"),
        (np.array(["a"] * 6), "is of type <U1; it must be of numbers"),
    ],
)
def test_directions_that_are_none_are_refused(direction, words, model):
    with pytest.raises(ValueError, match=words):
        generator.explorer(model, found={"turn": direction}, images=0)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda x: generator.picture(x, Choice(-1, 0, (0.0,) * 9)), "seed is -1; it"),
        (lambda x: generator.picture(x, Choice(2**31, 0, (0.0,) * 9)), "2147483647"),
        (lambda x: generator.picture(x, Choice(0, 1, (0.0,) * 9)), "class is 1"),
        (
            lambda x: generator.picture(x, Choice(0, 0, (0.0,))),
            "1 values for 9 sliders",
        ),
        (lambda x: generator.walk(x, (1,), Choice(0, 0, (0.0,) * 9)), "are 1 seeds"),
        (
            lambda x: generator.walk(x, range(13), Choice(0, 0, (0.0,) * 9)),
            "there are 13 seeds; a walk needs 2 to 12",
        ),
        (lambda x: generator.seeds("1, two"), "seeds are '1, two'; write whole"),
    ],
)
def test_what_cannot_be_chosen_is_refused(act, words, shown):
    with pytest.raises(ValueError, match=words):
        act(shown)


def test_seeds_as_they_are_written():
    assert generator.seeds(" 3, 1 4,1") == (3, 1, 4, 1)


def test_vectors_are_no_images():
    model = untrained(wgan_gp, wgan_gp.Config())
    with pytest.raises(ValueError, match=r"draws \[2\], not images"):
        generator.explorer(model)


# --- parts of the page --------------------------------------------------------------


def pictures(text):
    """The pictures in HTML, as arrays."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    files = [io.BytesIO(base64.b64decode(x)) for x in found]
    return [np.asarray(Image.open(x)) for x in files]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_player_holds_all_frames(channels):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 4, 5, channels), np.uint8)
    text = pieces.player(frames, (8, 9))
    whole, first, second = (x.reshape(*x.shape[:2], channels) for x in pictures(text))
    # Three columns and two rows hold six frames.
    for i, frame in enumerate(frames):
        y, x = 4 * (i // 3), 5 * (i % 3)
        np.testing.assert_array_equal(whole[y : y + 4, x : x + 5], frame)
    np.testing.assert_array_equal(first, frames[0])
    np.testing.assert_array_equal(second, frames[3])
    for said in ('data-columns="3"', 'data-rows="2"', 'data-frame="3"', "8 9"):
        assert said in text


def test_pictures_of_the_page(shown):
    image = generator.picture(shown, Choice(0, 0, (0.0,) * 9))
    text = pieces.face(image, 'a "b" <c>')
    np.testing.assert_array_equal(pictures(text)[0], image)
    assert 'width="400"' in text  # 25 times 16
    assert "<c>" not in text
    images, distances = neighbours.nearest(image, shown.real)
    text = pieces.nearest(shown, image)
    np.testing.assert_array_equal(pictures(text), images)
    assert f">{distances[0]:.1f}<" in text
    assert f"nearest is {shown.usual:.1f}" in text
    assert "40 training images" in text
    gone = shown._replace(missing="no <file>")
    assert "No training images: no &lt;file&gt;" in pieces.nearest(gone, image)


def test_what_is_saved(shown, drawn, tmp_path):
    choice = Choice(4, 0, (1.5, *[0.0] * 8))
    paths = [pieces.save(shown, choice, tmp_path / "kept") for _ in range(2)]
    assert [path.name for path in paths] == ["0001.png", "0002.png"]
    held = json.loads(paths[0].with_suffix(".json").read_text())
    assert held["sliders"] == {"turn": 1.5}
    assert (held["seed"], held["step"], held["label"]) == (4, 2, None)
    with Image.open(paths[0]) as file:
        image = np.asarray(file)
    np.testing.assert_array_equal(image, generator.picture(shown, choice))
    assert_same(image[None], drawn([held["latent"]]))


# --- the command --------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch):
    """Captures what would be served, instead of serving it."""
    found = []
    monkeypatch.setattr(explore, "check_gradio", lambda: None)
    monkeypatch.setattr(explore, "check_port", lambda *x: None)
    monkeypatch.setattr(explore, "serve", lambda *x: found.append(x))
    return found


def test_a_run_is_only_read(tiny_run, untouched, served, monkeypatch, tmp_path):
    before = untouched(tiny_run)
    np.savez(tmp_path / "directions.npz", turn=np.ones(6))
    argv = ["--run", tiny_run, "--workdir", tmp_path, "--images", 10, "--strongest", 1]
    assert call(explore, argv, monkeypatch) == 0
    (((only,), run, folder, host, port),) = served
    assert (run, folder, host, port) == (tiny_run, tmp_path, "127.0.0.1", 7860)
    shown = only.explorer
    assert [x.name for x in shown.sliders if x.kind == "found"] == ["turn"]
    assert len(shown.real) == 10
    assert str(tiny_run) in pieces.heading(shown, tiny_run)
    assert before == untouched(tiny_run)
    assert [path.name for path in tmp_path.iterdir()] == ["directions.npz"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--run", "UNSAVED"], "checkpoint"),
        (["--run", "CLASSIFIER"], "classifier, which draws no images"),
        (["--run", "TINY", "--directions", "no.npz"], "there is no file no.npz"),
        (["--run", "TINY", "--directions", "TEXT"], "is not an .npz with an array"),
        (["--run", "TINY", "--directions", "ARRAY"], "is not an .npz with an array"),
        (["--run", "TINY", "--port", "0"], "--port is 0; it must be at least 1"),
        (["--run", "TINY", "--port", "65536"], "--port is 65536; it must"),
        (["--run", "TINY", "--strongest", "-1"], "--strongest is -1"),
        (["--run", "TINY", "--images", "-1"], "--images is -1"),
        (["--run", *["TINY"] * 7], "--run has 7 runs; give 1 to 6 of them"),
        (["--run"], "--run"),
        (["--run", "TINY", "CLASSIFIER"], "classifier, which draws no images"),
        (["--run", "TINY", "gs://bucket/a"], "--run is gs://bucket/a, but must be a"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    argv, said, served, tiny_run, unsaved_run, classifier_run, monkeypatch, capsys,
    tmp_path,
):  # fmt: skip
    (tmp_path / "text.npz").write_text("words")
    np.save(tmp_path / "array.npy", np.ones(6))
    names = {
        "UNSAVED": unsaved_run,
        "CLASSIFIER": classifier_run,
        "TINY": tiny_run,
        "TEXT": tmp_path / "text.npz",
        "ARRAY": tmp_path / "array.npy",
    }
    argv = [names.get(word, word) for word in argv]
    argv += ["--workdir", tmp_path / "out"]
    assert call(explore, argv, monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert not served
    assert not (tmp_path / "out").exists()


def test_a_port_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"127.0.0.1:{port} .*another --port"):
            explore.check_port("127.0.0.1", port)
    explore.check_port("127.0.0.1", port)


def test_without_gradio_it_says_what_to_install(monkeypatch, tiny_run, capsys):
    monkeypatch.setattr(sys, "path", [])
    for name in [x for x in sys.modules if x.partition(".")[0] == "gradio"]:
        monkeypatch.delitem(sys.modules, name)
    assert call(explore, ["--run", tiny_run], monkeypatch) == 2
    assert 'pip install -e ".[explore]"' in capsys.readouterr().err
