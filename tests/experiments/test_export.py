"""Exported generators draw what the run draws, in every format."""

import json
import os
import pathlib
import shutil
import sys

import jax
import numpy as np
import pytest
from commands import call

import jaxgan
from experiments import export
from jaxgan import game
from jaxgan.lab import exported, inference
from jaxgan.models import biggan, lapgan, sngan

pytestmark = pytest.mark.usefixtures("undisturbed")
ROOT = pathlib.Path(__file__).resolve().parents[2]
SAFETENSORS = 'safetensors is not installed: pip install -e ".[export]"'


@pytest.fixture(scope="module")
def drawn(tiny_run):
    """Latents of the run, and what they are drawn as."""
    trained = inference.open_run(tiny_run)
    latent = inference.latents(trained, jax.random.key(5), 3)
    return latent, np.asarray(jax.jit(inference.drawing(trained))(latent))


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory):
    pytest.importorskip("safetensors", reason=SAFETENSORS)
    out = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        assert call(export, ["--run", tiny_run, "--workdir", out], patch) == 0
    return out


@pytest.mark.parametrize("file", ["", "generator.safetensors", "generator.stablehlo"])
def test_what_is_loaded_draws_what_the_run_draws(folder, drawn, file):
    latent, images = drawn
    generator = jaxgan.load(folder / file)
    np.testing.assert_allclose(generator.draw(latent), images, atol=1e-5)
    np.testing.assert_allclose(generator.draw(latent[:1]), images[:1], atol=1e-5)
    np.testing.assert_array_equal(generator.latents(jax.random.key(5), 3), latent)
    assert generator.facts["image"] == [16, 16, 3]


def test_the_files_hold_the_generator_alone(folder, tiny_run):
    from safetensors.numpy import load

    names = {
        name.split("/")[0] for name in load((folder / exported.WEIGHTS).read_bytes())
    }
    assert names == {"generator", "held norms"}
    text = (folder / "config.json").read_text()
    assert str(tiny_run.parent) not in text
    assert json.loads(text)["export"]["range"] == [-1.0, 1.0]


def small(name, record):
    """The tiny network of a model, at random weights."""
    config = record.tiny
    batch = record.batch(config, jax.random.key(0), 2)
    state = jax.jit(game.algorithm(record.game(config)).init)(jax.random.key(0), batch)
    plain = {"game": f"jaxgan.models.{name}.Config", "model": vars(config)}
    return inference.Trained(name, record, config, game.variables(state), 0, plain)


@pytest.mark.release
@pytest.mark.slow
def test_numbers_and_tuples_among_the_weights_come_back(tmp_path):
    """BigGAN's attention has a gain without axes, its spectral norms keep tuples."""
    pytest.importorskip("safetensors", reason=SAFETENSORS)
    trained = small("biggan", biggan.MODEL)
    exported.save_config(trained, tmp_path)
    exported.save_weights(trained, tmp_path)
    latent = inference.latents(trained, jax.random.key(1), 2)
    expected = jax.jit(inference.drawing(trained))(latent)
    found = jax.jit(jaxgan.load(tmp_path).draw)(latent)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_damaged_and_other_files_are_refused(folder, tmp_path):
    from safetensors.numpy import load, save

    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = copy / "generator.safetensors"
    arrays = load(weights.read_bytes())
    kernel = "generator/params/project/kernel"
    weights.write_bytes(save(arrays | {kernel: np.zeros((5, 5), "float32")}))
    with pytest.raises(ValueError, match="the weights of another network than"):
        jaxgan.load(copy)
    for name in ("generator.safetensors", "generator.stablehlo"):
        (copy / name).write_bytes(b"not it")
        with pytest.raises(ValueError, match="is damaged; export the run again"):
            jaxgan.load(copy / name)
    (copy / "generator.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"which jaxgan\.load reads"):
        jaxgan.load(copy / "generator.onnx")
    with pytest.raises(ValueError, match=r"there is no nowhere; .*export --run RUN"):
        jaxgan.load("nowhere")


def test_what_cannot_be_exported_is_one_sentence(
    tiny_run, classifier_run, tmp_path, monkeypatch, capsys
):
    def said(*argv):
        status = call(export, ["--workdir", tmp_path / "out", *argv], monkeypatch)
        assert status == 2
        return capsys.readouterr().err

    assert "draws no images from latents" in said("--run", classifier_run)
    assert "jpeg" in said("--run", tiny_run, "--formats", "jpeg")
    page = ("--run", tiny_run, "--formats", "page", "--runtime")
    assert "npm pack onnxruntime-web" in said(*page, tmp_path)
    (tmp_path / "onnxruntime-web-1.tgz").write_bytes(b"not it")
    assert "is not the package of onnxruntime-web" in said(*page, tmp_path)
    for package, way in (("safetensors.numpy", "export"), ("jax2onnx", "onnx")):
        monkeypatch.setitem(sys.modules, package, None)
        name = package.partition(".")[0].replace("jax2onnx", "onnx")
        text = said("--run", tiny_run, "--formats", name)
        assert f'pip install -e ".[{way}]"' in text
    with pytest.raises(ValueError, match="is not an exported generator"):
        jaxgan.load(tiny_run)


@pytest.fixture(scope="module")
def onnx(tiny_run, tmp_path_factory):
    reason = 'pip install -e ".[onnx]" && pip install --no-deps jax2onnx'
    pytest.importorskip("jax2onnx", reason=reason)
    out = tmp_path_factory.mktemp("onnx")
    with pytest.MonkeyPatch.context() as patch:
        argv = ["--run", tiny_run, "--workdir", out, "--formats", "onnx"]
        assert call(export, argv, patch) == 0
    return out / "generator.onnx"


@pytest.mark.filterwarnings("ignore")  # of jax2onnx and what it imports
def test_onnxruntime_draws_what_the_run_draws(onnx, drawn):
    runtime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    latent, images = drawn
    session = runtime.InferenceSession(onnx.read_bytes())
    for count in (3, 1):
        given = {"latent": np.asarray(latent[:count])}
        (found,) = session.run(["image"], given)
        np.testing.assert_allclose(found, images[:count], atol=1e-4)


@pytest.mark.release
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", [biggan, lapgan, sngan])
def test_onnxruntime_draws_what_other_models_draw(module, tmp_path):
    """Pooled attention, spectral norms, bilinear images: operations DCGAN lacks."""
    pytest.importorskip("jax2onnx", reason="see docs/export.md")
    runtime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")
    trained = small(module.__name__.rpartition(".")[2], module.MODEL)
    path = exported.save_onnx(trained, tmp_path)
    session = runtime.InferenceSession(path.read_bytes())
    names = [each.name for each in session.get_inputs()]
    draw = jax.jit(inference.drawing(trained))
    for count in (3, 1):
        latent = inference.latents(trained, jax.random.key(1), count)
        label = np.arange(count, dtype=np.int32) % max(trained.classes, 1)
        given = {"latent": np.asarray(latent), "label": label}
        (found,) = session.run(["image"], {name: given[name] for name in names})
        np.testing.assert_allclose(found, draw(latent, label), atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_the_page_draws_in_a_browser_without_a_network(tiny_run, tmp_path, monkeypatch):
    pytest.importorskip("jax2onnx", reason="see docs/export.md")
    pytest.importorskip("selenium", reason="pip install selenium")
    package = pathlib.Path(os.environ.get("ONNXRUNTIME_WEB", ROOT))
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver) or not (
        package.is_file() or list(package.glob("onnxruntime-web-*.tgz"))
    ):
        pytest.skip("no chromium, or no file of npm pack onnxruntime-web")
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    argv = ["--run", tiny_run, "--workdir", tmp_path, "--formats", "page"]
    assert call(export, [*argv, "--runtime", package], monkeypatch) == 0
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=390,900",
    ):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.chrome.service.Service(driver)
    browser = webdriver.Chrome(options=options, service=service)
    try:
        browser.get((tmp_path / "page.html").as_uri())
        state = browser.find_element(By.ID, "state")

        def drawings():
            return int(state.get_attribute("data-drawn") or 0)

        wait = WebDriverWait(browser, 60)
        wait.until(lambda _: drawings() == 1)
        before = state.get_attribute("data-mean")
        browser.find_element(By.CSS_SELECTOR, "input[type=range]").send_keys(Keys.END)
        wait.until(lambda _: drawings() >= 2)
        assert state.get_attribute("data-mean") != before
        assert browser.get_log("browser") == []
        asked = browser.execute_script(
            "return performance.getEntriesByType('resource').map(x => x.name)"
        )
        assert [x for x in asked if not x.startswith(("blob:", "data:"))] == []
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= browser.execute_script("return window.innerWidth")
    finally:
        browser.quit()
