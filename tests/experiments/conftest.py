"""Fixtures of the tests of commands, besides the runs of `runs.py`."""

import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1200,1100"),
]


@pytest.fixture(autouse=True)
def _undisturbed(undisturbed):
    """Commands that are called here leave the settings of the process alone."""


@pytest.fixture(scope="session")
def bars(tmp_path_factory):
    """An npz of 60 small labelled pictures: a bar on the left, in the middle, right."""
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    images = rng.integers(0, 60, (60, 17, 17), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 5 * label : 5 * label + 4] += 190
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture
def browser(tmp_path):
    """Chromium without a window, which keeps what pages write to its console."""
    if importlib.util.find_spec("selenium") is None:
        pytest.skip("selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


@pytest.fixture
def serve(tmp_path):
    """Starts commands that serve pages: `serve(module, *argv)` gives the address."""
    started = []

    def serve(module, *argv):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        kept = os.environ.get("PYTHONPATH")
        environment = {
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [kept])]),
            "JAX_PLATFORMS": "cpu",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        process = subprocess.Popen(
            [str(x) for x in (sys.executable, "-m", module, "--port", port, *argv)],
            env=os.environ | environment,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        said = []
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "in a browser" in line:
                return f"http://127.0.0.1:{port}"
        pytest.fail("".join(said))

    yield serve
    for process in started:
        process.terminate()
        process.communicate(timeout=60)
