"""The report in headless Chromium: no errors, hovering, toggles, phone and desktop widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.browser import console_errors, open_page, print_page
from report.conftest import EVIL, made_up, with_failures
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from dsx.report import Inquiry, write_report

pytestmark = pytest.mark.slow

# pixels of a drawn point of a trace, from the chart's own axes
POINT = """
const chart = document.getElementById(arguments[0]), layout = chart._fullLayout;
chart.scrollIntoView({block: "center"});
const trace = chart.data.filter(t => t.mode === "markers")[arguments[1]], i = arguments[2];
const box = chart.getBoundingClientRect();
return [box.left + layout.xaxis._offset + layout.xaxis.d2p(trace.x[i]),
        box.top + layout.yaxis._offset + layout.yaxis.d2p(trace.y[i])];
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    studies = [
        with_failures(made_up("AnyNetXA-digits", shift=2.0, space="AnyNetXA-digits")),
        made_up("a study with a name as long as people give to the folders of their experiments"),
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(path, Inquiry(studies), question="Is the second better?", command="dsx run mine")


def text(driver: webdriver.Chrome, selector: str) -> str:
    return driver.find_element(By.CSS_SELECTOR, selector).text


def point_at(driver: webdriver.Chrome, chart: str, trace: int, i: int) -> None:
    x, y = driver.execute_script(POINT, chart, trace, i)
    ActionChains(driver, duration=50).move_by_offset(0, 0).perform()
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x - 3, "y": y})
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})


def wait_for(driver: webdriver.Chrome, script: str, *arguments: Any) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 20).until(lambda d: d.execute_script(f"return {script}", *arguments))


@pytest.mark.parametrize("width", [375, 1400])
def test_it_opens_without_errors_and_without_overflow(browser: webdriver.Chrome, page: Path, width: int) -> None:
    open_page(browser, page, width)
    wait_for(browser, "document.querySelectorAll('#edf .scatterlayer .trace').length > 0")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    outside = browser.execute_script(
        "return [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
        " && !e.closest('svg, .wide')).map(e => e.outerHTML.slice(0, 100))"
    )
    assert outside == []
    assert console_errors(browser) == []


def test_pointing_at_a_point_shows_its_network(browser: webdriver.Chrome, page: Path) -> None:
    open_page(browser, page, 1400)
    study = browser.execute_script("return JSON.parse(document.getElementById('data').textContent).studies[1]")
    for i in (0, 5):
        point_at(browser, "edf", 1, i)
        wait_for(browser, "document.getElementById('edf-network').textContent.includes(arguments[0])", study["id"][i])
        depths = ", ".join(str(stage[0]) for stage in study["stages"][i])
        assert f"depths {depths}" in text(browser, "#edf-network")
        blocks = browser.find_elements(By.CSS_SELECTOR, "#edf-network svg rect")
        assert len(blocks) == sum(stage[0] for stage in study["stages"][i])
        assert study["id"][i] in text(browser, "#edf .hoverlayer")
    assert console_errors(browser) == []


def test_studies_bands_and_the_log_axis_can_be_toggled(browser: webdriver.Chrome, page: Path) -> None:
    open_page(browser, page, 1400)
    visible = "document.getElementById('edf').data.filter(t => t.visible).length"
    assert browser.execute_script(f"return {visible}") == 8
    browser.find_elements(By.CSS_SELECTOR, "#edf-studies input")[0].click()
    assert browser.execute_script(f"return {visible}") == 4
    browser.find_element(By.ID, "edf-band").click()
    assert browser.execute_script(f"return {visible}") == 2
    browser.find_element(By.ID, "edf-log").click()
    assert browser.execute_script("return document.getElementById('edf')._fullLayout.xaxis.type") == "log"
    assert console_errors(browser) == []


def test_the_scatter_follows_study_and_quantity(browser: webdriver.Chrome, page: Path) -> None:
    open_page(browser, page, 1400)
    Select(browser.find_element(By.ID, "scatter-study")).select_by_index(1)
    Select(browser.find_element(By.ID, "scatter-column")).select_by_visible_text("width of stage 4 (channels)")
    assert "width of stage 4" in text(browser, "#scatter .xtitle")
    assert text(browser, "#scatter-note").startswith("Best ")
    point_at(browser, "scatter", 0, 0)
    wait_for(browser, "document.querySelectorAll('#scatter-network svg rect').length > 0")
    assert console_errors(browser) == []


def test_a_tap_on_a_phone_shows_the_network(browser: webdriver.Chrome, page: Path) -> None:
    open_page(browser, page, 375)
    x, y = browser.execute_script(POINT, "edf", 0, 3)
    study = browser.execute_script("return JSON.parse(document.getElementById('data').textContent).studies[0]")
    assert study["id"][3] not in text(browser, "#edf-network")
    for kind in ("mousePressed", "mouseReleased"):
        event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    wait_for(browser, "document.getElementById('edf-network').textContent.includes(arguments[0])", study["id"][3])
    shown = text(browser, "#edf-network")
    assert study["name"] in shown
    assert f"widths {', '.join(str(stage[1]) for stage in study['stages'][3])}" in shown
    blocks = browser.find_elements(By.CSS_SELECTOR, "#edf-network svg rect")
    assert len(blocks) == sum(stage[0] for stage in study["stages"][3])
    assert browser.find_elements(By.CSS_SELECTOR, "#edf .hoverlayer text") == []  # it would cover the chart
    assert console_errors(browser) == []


def test_hostile_strings_run_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "evil.html", Inquiry([with_failures(made_up(EVIL), EVIL)]), question=EVIL, command=EVIL
    )
    open_page(browser, path, 1400)
    point_at(browser, "edf", 0, 0)
    wait_for(browser, "document.querySelectorAll('#edf .hoverlayer text').length > 0")
    assert browser.execute_script("return window.hacked") is None
    assert console_errors(browser) == []
    assert text(browser, "h1").startswith("</script><script>")


def test_it_prints_with_still_figures(browser: webdriver.Chrome, page: Path, tmp_path: Path) -> None:
    open_page(browser, page, 1400)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.find_element(By.CSS_SELECTOR, ".instead img").is_displayed()
    assert not browser.find_element(By.ID, "edf").is_displayed()
    print_page(browser, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
