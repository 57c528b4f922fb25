"""The page of experiments.lab2d in a browser, on a desk and on a phone."""

SECONDS = 120  # that a program may take to compile on a busy machine

PIXELS = """
const canvas = document.querySelector(arguments[0]);
const {width, height} = canvas;
const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
const seen = new Set();
for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join());
return seen.size;
"""
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"


def test_the_page_trains_and_fits(browser, serve):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    address = serve("experiments.lab2d", "--no-browser")

    def find(selector):
        return browser.find_element(By.CSS_SELECTOR, selector)

    def until(condition):
        return WebDriverWait(browser, SECONDS).until(lambda _: condition())

    def steps():
        return int(find("#count").text.replace(",", ""))

    def fits(width):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False},
        )
        until(lambda: browser.execute_script(WIDTHS)[1] == width)
        assert browser.execute_script(WIDTHS)[0] <= width

    browser.get(address)
    until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#small button")) == 8)
    assert steps() == 0
    assert "Press Play" in find("#said").text
    find("#play").click()
    until(lambda: steps() > 5)
    for canvas in ("#plane", "#small button canvas", "[data-curve='1']"):
        assert browser.execute_script(PIXELS, canvas) > 10, canvas
    for width in (1280, 390):
        fits(width)
    # Another seed is shown large, and its curve in front.
    browser.find_elements(By.CSS_SELECTOR, "#small button")[3].click()
    until(lambda: "seed 3" in find("#whose").text)
    # Other data, without compiling.
    Select(find("#data")).select_by_value("grid25")
    until(lambda: find("#there").text == "of 25")
    assert steps() > 5
    find("#play").click()
    until(lambda: "Play" in find("#play").text and find("#said").text == "Paused")
    before = steps()
    find("#step").click()
    until(lambda: steps() == before + 1)
    # What does not fit together is one sentence, and is taken back.
    browser.execute_script("send('/change', {order: 'simultaneous', "
                           "discriminator_steps: 3})")  # fmt: skip
    until(lambda: "use 1, or the alternating order" in find("#said").text)
    until(lambda: Select(find("#order")).first_selected_option.text == "Take turns")
    find("#restart").click()
    until(lambda: steps() == 0)
    # The browser itself writes down the one answer that was refused.
    log = [x for x in browser.get_log("browser") if "/change" not in x["message"]]
    assert log == []
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map(x => x.name)"
    )
    assert [x for x in asked if not x.startswith((address, "data:"))] == []
