"""The page of experiments.explore in a browser."""

import importlib.util

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="gradio is not installed"
)
SECONDS = 60  # that a page may take on a busy machine


@pytest.fixture
def address(tiny_run, tmp_path, serve):
    """The page, served by a separate process."""
    argv = ["--run", tiny_run, "--workdir", tmp_path / "kept", "--strongest", 2]
    return serve("experiments.explore", *argv)


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


def test_two_runs_on_a_phone(browser, serve, tiny_run, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    argv = ["--run", tiny_run, tiny_run, "--workdir", tmp_path, "--strongest", 2]
    address = serve("experiments.explore", *argv, "--images", 0)

    def pictures():
        found = browser.find_elements(By.CSS_SELECTOR, ".faces img")
        return [x.get_attribute("src") for x in found]

    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )
    browser.get(address)
    wait = WebDriverWait(browser, SECONDS)
    wait.until(lambda _: len(pictures()) == 2)
    first = pictures()
    assert first[0] == first[1]
    wide = "return [document.documentElement.scrollWidth, window.innerWidth]"
    assert browser.execute_script(wide) == [390, 390]
    browser.find_element(By.ID, "new").click()
    wait.until(lambda _: pictures() and first[0] not in pictures())
    assert browser.get_log("browser") == []
