"""A grid in the page, from its axes to a film; and a study, from its plan to its runs."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess

pytestmark = pytest.mark.browser


def test_a_grid_is_generated_compared_and_kept_as_a_film(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process, "#/grid")
    page.get_by_label("What do the images show?").fill("a castle by the sea")
    page.get_by_label("Values of the columns").fill("1, 2")
    page.get_by_label("Option of the rows").select_option("seed")
    page.get_by_label("Values of the rows").fill("1, two")
    page.get_by_text("What stays the same in all of them").click()
    page.get_by_label("Model", exact=True).select_option(studio_process.model)
    page.get_by_label("Size", exact=True).fill("32")
    page.get_by_label("Size", exact=True).blur()
    page.get_by_role("button", name="Generate 4 images").click()
    expect(page.get_by_role("alert")).to_contain_text("'two' is not a whole number")
    page.get_by_label("Values of the rows").fill("1, 2")
    page.get_by_label("Values of the rows").press("Control+Enter")

    expect(page.get_by_role("button", name="Open steps 2, seed 2")).to_be_visible()
    expect(page.get_by_role("link", name="Sheet")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="steps 1, seed 2")
    dialog.get_by_role("button", name=re.compile("^Next cell")).click()
    dialog = page.get_by_role("dialog", name="steps 2, seed 2")
    dialog.get_by_label("Compare with").select_option(label="steps 1, seed 1")
    expect(dialog.get_by_role("group", name="How to compare")).to_be_visible()
    dialog.get_by_role("button", name="Begin a film with it").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a castle by the sea")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("2")
    film = api.ask("GET", f"/projects/{page.url.rpartition('/')[2]}")
    assert (film["settings"]["steps"], film["settings"]["size"]) == (2, "32x32")


def test_a_study_is_planned_started_watched_and_cancelled(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process, "#/training?tab=studies")
    page.get_by_role("button", name="Start prompting …").click()
    dialog = page.get_by_role("dialog", name="Study of prompting")
    dialog.get_by_role("button", name="Quick", exact=True).click()
    expect(dialog.get_by_role("heading", name=re.compile("^9 runs, about"))).to_be_visible()
    dialog.get_by_role("button", name="Start the study").click()
    study = page.get_by_role("region", name="Study of prompting, quick")
    expect(study.get_by_text("running", exact=True).last).to_be_visible()
    study.get_by_role("button", name="Cancel").click()
    expect(study.get_by_text("cancelled", exact=True)).to_be_visible()
    assert api.ask("GET", "/studies")[0]["name"] == "styles"
