"""From an idea to a file, all in the page."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess

pytestmark = pytest.mark.browser
SLOW = 60_000


def plan(page: Page, api: Api, process: StudioProcess, idea: str, shots: int = 2, seconds: float = 1.5) -> str:
    """Plan a film in the page; then let the tiny model render it."""
    page.get_by_label("What happens?").fill(idea)
    page.get_by_label("Shots", exact=True).fill(str(shots))
    page.get_by_label("Seconds", exact=True).fill(str(seconds))
    page.get_by_role("button", name="Plan the shots").click()
    expect(page.get_by_role("heading", name="Shot 1")).to_be_visible()
    project = page.url.rsplit("/", 1)[1]
    api.ask("PATCH", f"/projects/{project}", {"settings": {**process.settings, "motion": "none"}})
    return project


def test_an_idea_becomes_a_clip_whose_frame_is_redone_and_exported(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(studio_process)
    plan(page, api, studio_process, "a lighthouse by the sea, from dusk to night")

    shot = page.get_by_role("listitem", name="Shot 1")
    shot.get_by_role("button", name="4 takes").click()
    expect(shot.get_by_role("button", name=re.compile("^Take 4, seed")).and_(page.locator(":enabled"))).to_be_visible(timeout=SLOW)
    page.keyboard.press("2")
    expect(shot.get_by_text("approved", exact=True)).to_be_visible()
    expect(page.get_by_text("1 of 2 approved")).to_be_visible()

    assert "?image=" in str(shot.get_by_role("link", name="Choose on from the keyframe of shot 1").get_attribute("href"))

    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Open the clip").click(timeout=SLOW)
    strip = page.get_by_role("listbox")
    expect(strip.get_by_role("option").first).to_be_visible()
    frames = strip.get_by_role("option").count()
    assert frames == 9

    page.keyboard.press("End")
    expect(page.get_by_role("heading", name=f"Frame {frames}")).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("b")
    expect(page.get_by_role("option", name="Frame 1, marked bad")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("Space")

    page.keyboard.press("Home")
    page.keyboard.press("r")
    take = page.get_by_role("button", name=re.compile("^Take with seed")).first
    take.click(timeout=SLOW)
    before = page.url
    page.get_by_role("button", name="Put in place").click()
    page.wait_for_url(lambda url: url != before, timeout=SLOW)
    expect(page.get_by_text(re.compile("redone"))).to_be_visible()
    page.get_by_role("link", name="Storyboard", exact=True).last.click()
    expect(page.get_by_role("region", name="Edits of frames")).to_contain_text(
        "1 edit of frames: frame 1 redone. Every render makes them again."
    )
    page.go_back()

    page.get_by_role("button", name="Find bad frames").click()
    expect(page.get_by_text(re.compile("^The scorecard (names|finds no bad)"))).to_be_visible()
    page.keyboard.press("e")
    page.get_by_role("radio", name="WebP").check()
    expect(page.get_by_text(re.compile("^About .*B,"))).to_be_visible()
    page.get_by_role("button", name="Export", exact=True).last.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click(timeout=SLOW)
    download.value.save_as(tmp_path / "clip.webp")
    assert (tmp_path / "clip.webp").read_bytes()[8:12] == b"WEBP"


def test_shots_are_reordered_copied_and_brought_back_by_keyboard(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]
) -> None:
    page = open_page(studio_process)
    project = plan(page, api, studio_process, "a castle on green hills, from spring to winter", shots=3)

    def prompts() -> list[str]:
        return [shot["prompt"] for shot in api.ask("GET", f"/projects/{project}")["shots"]]

    first, second, third = prompts()
    page.get_by_role("listitem", name="Shot 1").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_label("Prompt").first).to_have_value(second)
    assert prompts() == [second, first, third]
    page.keyboard.press("d")
    expect(page.get_by_role("heading", name=re.compile(r"^Shot \d$"))).to_have_count(4)
    assert prompts() == [second, first, first, third]
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.get_by_role("heading", name=re.compile(r"^Shot \d$"))).to_have_count(2)
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_role("heading", name=re.compile(r"^Shot \d$"))).to_have_count(3)


def test_a_shot_is_dragged_to_another_place(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process)
    project = plan(page, api, studio_process, "a whale under the moon", shots=2)
    before = shots(api, project)
    page.locator(".handle").last.drag_to(page.get_by_role("listitem", name="Shot 1"))
    expect(page.get_by_role("listitem", name="Shot 1")).to_have_attribute("id", f"shot-{before[1]}")
    assert shots(api, project) == before[::-1]


def shots(api: Api, project: str) -> list[str]:
    """Return the ids of a film's shots in order."""
    return [shot["id"] for shot in api.ask("GET", f"/projects/{project}")["shots"]]


def test_an_edit_is_kept_and_lint_stands_at_the_shot(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process)
    project = plan(page, api, studio_process, "a girl in a village", shots=1)
    prompt = page.get_by_label("Prompt").first
    prompt.fill("she walks home")
    prompt.blur()
    expect(page.get_by_role("listitem", name="Shot 1").locator(".note.warn").first).to_be_visible()
    page.get_by_role("button", name="Lock the seed of shot 1").click()
    expect(page.get_by_label("Seed", exact=True)).to_be_disabled()
    kept = api.ask("GET", f"/projects/{project}")["shots"][0]
    assert (kept["prompt"], kept["seed_locked"]) == ("she walks home", True)


def test_an_error_in_film_toml_is_shown_at_its_line(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process)
    plan(page, api, studio_process, "a dragon over a castle", shots=1)
    page.get_by_role("button", name="Film", exact=True).click()
    page.get_by_role("button", name="As film.toml …").click()
    text = page.get_by_label("Text of film.toml")
    expect(text).not_to_have_value("")
    text.fill(text.input_value() + "\nseconds = nonsense\n")
    page.get_by_role("button", name="Use this text").click()
    expect(page.get_by_role("alert")).to_contain_text("Line ")


def test_two_tabs_edit_one_film_and_neither_loses_what_the_other_types(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]
) -> None:
    first = open_page(studio_process)
    project = plan(first, api, studio_process, "a castle, then a boat", shots=2)
    second = open_page(studio_process, f"#/storyboard/{project}")
    typed = second.get_by_label("Prompt").nth(1)
    typed.fill("a boat at sea, half")
    other = first.get_by_label("Prompt").first
    other.fill("a castle in the snow")
    other.blur()
    expect(second.get_by_label("Prompt").first).to_have_value("a castle in the snow")
    expect(typed).to_have_value("a boat at sea, half")
    typed.fill("a boat at sea, half a mile out")
    typed.blur()
    expect(first.get_by_label("Prompt").nth(1)).to_have_value("a boat at sea, half a mile out")
    kept = [shot["prompt"] for shot in api.ask("GET", f"/projects/{project}")["shots"]]
    assert kept == ["a castle in the snow", "a boat at sea, half a mile out"]

    typed.fill("a boat that was deleted meanwhile")
    api.ask("DELETE", f"/shots/{shots(api, project)[1]}")
    expect(first.get_by_role("listitem", name="Shot 2")).to_have_count(0)
    expect(second.get_by_role("listitem", name="Shot 2")).to_have_count(0)
    assert len(shots(api, project)) == 1
