"""Every page: accessible, whole by keyboard, narrow, quick with many images."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser.conftest import NARROW, SLOW, WIDE, Api
from tests.web.conftest import StudioProcess, wait_for

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
OVERFLOW = """() => {
  const page = document.querySelector(".page");
  return Math.max(page.scrollWidth - page.clientWidth, document.documentElement.scrollWidth - innerWidth);
}"""
TO_THE_END = """() => {
  const page = document.querySelector(".page");
  page.scrollTop = page.scrollHeight;
  return document.querySelector("[data-entry='picture-999']") !== null;
}"""
AT_REST = "document.getAnimations().every(animation => animation.playState !== 'running')"
TITLES = {
    "storyboard": "Storyboard", "choose": "Choose", "grid": "Grid", "timeline": "Timeline", "library": "Library", "training": "Training",
    "queue": "Queue",
}  # fmt: skip


@pytest.fixture(scope="module")
def places(studio_process: StudioProcess) -> dict[str, str]:
    """A film with takes, its clip and a choosing session, by page."""
    api = Api(studio_process)
    settings = {**studio_process.settings, "motion": "none"}
    project = api.ask("POST", "/projects", {"idea": "a lighthouse at night", "shots": 2, "seconds": 1.0, "settings": settings})
    takes = api.ask("POST", f"/shots/{project['shots'][0]['id']}/takes", {"count": 3})
    render = api.ask("POST", f"/projects/{project['id']}/render", {"quality": "preview"})
    cells = {"prompt": "a castle", "axes": ["steps=1,2", "seed=1,2"], "settings": {"model": studio_process.model, "size": "32"}}
    grid = api.ask("POST", "/jobs", {"request": {"kind": "grid", **cells}})
    session = api.session(studio_process.settings)
    clip = [api.ended(job["id"])["result"] for job in (takes, render)][1]["clip"]
    return {
        "storyboard": f"#/storyboard/{project['id']}", "storyboard begin": "#/storyboard", "choose": f"#/choose/{session}",
        "choose begin": "#/choose", "timeline": f"#/timeline/{clip}", "timeline begin": "#/timeline",
        "grid": f"#/grid/{grid['id']}", "grid begin": "#/grid",
        "library": "#/library", "training sets": "#/training", "training runs": "#/training?tab=runs",
        "training styles": "#/training?tab=styles", "training studies": "#/training?tab=studies",
        "training reports": "#/training?tab=reports", "queue": "#/queue",
    }  # fmt: skip


def settle(page: Page) -> None:
    """Wait until a page shows what it has read."""
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_text(re.compile("^(Loading .+|The doctor is looking at the images) …$"))).to_have_count(0, timeout=SLOW)
    wait_for(lambda: page.evaluate(AT_REST), "page at rest")


@pytest.mark.parametrize(("scheme", "viewport"), [("dark", WIDE), ("light", NARROW)], ids=["dark and wide", "light and narrow"])
def test_axe_finds_nothing_serious_on_any_page(
    studio_process: StudioProcess, places: dict[str, str], open_page: Callable[..., Page], scheme: str, viewport: dict[str, int]
) -> None:
    page = open_page(studio_process, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    page.add_script_tag(path=AXE)
    found = dict[str, list[str]]()
    for name, place in places.items():
        page.evaluate("place => { location.hash = place }", place)
        settle(page)
        result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
        if serious:
            found[name] = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in serious]
    assert found == {}


def test_no_page_is_wider_than_a_telephone(studio_process: StudioProcess, places: dict[str, str], open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process, viewport=NARROW, has_touch=True)
    wide = dict[str, float]()
    for name, place in places.items():
        page.evaluate("place => { location.hash = place }", place)
        settle(page)
        over = page.evaluate(OVERFLOW)
        if over > 0:
            wide[name] = over
    assert wide == {}


def test_every_page_is_reached_by_keyboard_and_lists_its_keys(studio_process: StudioProcess, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process)
    settle(page)
    keys = {"c": "choose", "x": "grid", "t": "timeline", "l": "library", "r": "training", "q": "queue", "s": "storyboard"}
    for key, name in keys.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1, name=TITLES[name])).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard")
    expect(sheet.get_by_text("Go to Timeline")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_a_thousand_thumbnails_keep_few_in_the_document(studio_process: StudioProcess, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process)

    def many(route: Route) -> None:
        offset = int(route.request.url.partition("offset=")[2].partition("&")[0] or 0)
        limit = int(route.request.url.partition("limit=")[2].partition("&")[0])
        entries = [entry(number) for number in range(offset, min(1000, offset + limit))]
        route.fulfill(json={"entries": entries, "total": 1000, "next": offset + limit if offset + limit < 1000 else None})

    page.route("**/api/v1/library?*", many)
    page.evaluate("location.hash = '#/library'")
    expect(page.get_by_text("1,000 pictures")).to_be_visible()
    wait_for(lambda: page.evaluate(TO_THE_END), "last picture")
    expect(page.locator("[data-entry='picture-999']")).to_be_visible()
    assert page.locator("[data-entry]").count() < 120


def entry(number: int) -> dict[str, Any]:
    """Return a picture of the gallery."""
    return {
        "id": f"picture-{number}", "kind": "image", "title": f"picture {number}", "thumbnail": "/icon.svg", "url": "/icon.svg", "width": 64,
        "height": 64, "frames": 1, "seconds": 0.0, "prompts": [], "starred": False, "created": 0.0,
    }  # fmt: skip
