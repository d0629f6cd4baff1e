"""Choosing by keyboard: take, undo, branch, compare, make a clip."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def session(studio_process: StudioProcess, api: Api) -> str:
    """A session of three images a round."""
    return api.session(studio_process.settings)


def test_images_are_taken_undone_and_branched_by_keyboard(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], session: str
) -> None:
    page = open_page(studio_process, f"#/choose/{session}")
    images = page.get_by_role("button", name=re.compile("^Take image"))

    def take(nth: int, choices: int) -> None:
        expect(images.nth(2)).to_be_enabled()
        page.keyboard.press(str(nth))
        expect(page.get_by_text(re.compile(f"^{choices} choices? so far"))).to_be_visible()

    take(2, 1)
    take(1, 2)
    page.keyboard.press("u")
    expect(page.get_by_text("1 choice so far")).to_be_visible()
    page.keyboard.press("Shift+u")
    expect(page.get_by_text("2 choices so far")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Jump to image 0")).click()
    expect(page.get_by_text("Begins here")).to_be_visible()
    before = [images.nth(place).get_attribute("aria-label") for place in (0, 2)]
    page.keyboard.press("r")
    for place, label in zip((0, 2), before, strict=True):
        expect(images.nth(place)).not_to_have_attribute("aria-label", str(label))
    take(3, 1)
    state = api.ask("GET", f"/choose/{session}")
    assert len(state["path"]) == 2
    assert len(state["nodes"]) >= 1 + 3 * 4, "everything tried before stays in the tree"


def test_two_images_are_compared_and_one_is_pinned_and_discarded(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], session: str
) -> None:
    page = open_page(studio_process, f"#/choose/{session}")
    expect(page.get_by_role("button", name=re.compile("^Take image 3"))).to_be_enabled()
    for name in ("image 1", "image 2"):
        page.get_by_role("button", name=f"Pick {name} to compare").click()
    page.keyboard.press("c")
    page.get_by_role("button", name="Onion skin").click()
    expect(page.get_by_role("slider")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pin image 1").click()
    expect(page.get_by_role("button", name="Pin image 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Discard image 3").click()
    expect(page.get_by_role("button", name=re.compile("^Take image"))).to_have_count(2)


def test_the_way_becomes_a_clip(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], session: str) -> None:
    page = open_page(studio_process, f"#/choose/{session}")
    expect(page.get_by_role("button", name=re.compile("^Take image 1"))).to_be_enabled()
    page.keyboard.press("1")
    page.get_by_role("button", name="Make a clip").click()
    page.get_by_role("button", name="Make the clip").click()

    def queued() -> str | None:
        jobs = api.ask("GET", "/jobs")
        return next((job["id"] for job in jobs if job["request"].get("session") == session), None)

    assert api.ended(wait_for(queued, "a job"))["result"]["clip"]
