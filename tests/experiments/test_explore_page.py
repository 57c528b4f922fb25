"""The page of experiments.explore in a browser."""

import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1200,1100"),
]
SECONDS = 60  # that a page may take on a busy machine


@pytest.fixture
def browser(tmp_path):
    for name in ("selenium", "gradio"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
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
def address(tiny_run, tmp_path):
    """The page, served by a separate process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [
        *(sys.executable, "-m", "experiments.explore", "--run", tiny_run),
        *("--workdir", tmp_path / "kept", "--port", port, "--strongest", 2),
    ]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {
        "PYTHONPATH": path,
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    process = subprocess.Popen(
        [str(word) for word in argv],
        env=os.environ | environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if "in a browser" in line:
            break
    else:
        pytest.fail("".join(said))
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.communicate(timeout=SECONDS)


def test_the_page_answers(browser, address, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def find(selector):
        return browser.find_element(By.CSS_SELECTOR, selector)

    def picture():
        return find("#face").get_attribute("src")

    def until(condition):
        return WebDriverWait(browser, SECONDS).until(lambda _: condition())

    browser.get(address)
    until(lambda: browser.find_elements(By.ID, "face"))
    pictures = [picture()]
    assert len(browser.find_elements(By.CSS_SELECTOR, ".nearest img")) == 4
    assert "step 2" in find(".facts").text

    find("#new").click()
    until(lambda: picture() != pictures[0])
    pictures.append(picture())
    assert find("#seed input").get_attribute("value") == "1"

    find(".slider input[type=range]").send_keys(Keys.END)
    until(lambda: picture() != pictures[1])
    assert picture() not in pictures
    find("#reset").click()
    until(lambda: picture() == pictures[1])

    # The walk plays by itself; pressing a seed stops it there.
    where = find("#player .where").text
    until(lambda: find("#player .where").text != where)
    browser.find_elements(By.CSS_SELECTOR, "#player .stop")[2].click()
    until(lambda: find("#player .where").text == "seed 2")
    assert find("#player .play").text == "Play"

    find("#save").click()
    until(lambda: (tmp_path / "kept" / "0001.png").exists())

    assert browser.get_log("browser") == []
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map(x => x.name)"
    )
    assert [x for x in asked if not x.startswith((address, "data:"))] == []
