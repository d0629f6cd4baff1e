"""What comes in from outside: uploads and tokens."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess

pytestmark = pytest.mark.browser


def test_a_file_that_is_no_image_is_refused_in_words(studio_process: StudioProcess, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(studio_process, "#/choose")
    text = tmp_path / "notes.png"
    text.write_text("no image at all")
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_role("region", name="Messages")).to_contain_text(re.compile("image"))
    assert page.url.endswith("#/choose")


def test_a_foreign_host_needs_the_token_and_a_wrong_one_says_so(own_studio: StudioProcess, open_page: Callable[..., Page]) -> None:
    own_studio.options = ("--host", "0.0.0.0")
    own_studio.start()
    port = own_studio.address.rsplit(":", 1)[1]
    found = re.search(r"token=(\S+)", own_studio.log.read_text())
    assert found, "the command prints the token once"
    own_studio.address = f"http://127.0.0.1:{port}"
    page = open_page(own_studio)
    page.get_by_label("Token").fill("guessed")
    page.get_by_role("button", name="Open the studio").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(found[1])
    page.get_by_role("button", name="Open the studio").click()
    expect(page.get_by_label("What happens?")).to_be_visible()


def test_words_that_are_markup_are_shown_as_words(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    """The fixture fails where a page runs into an error, breaks its policy or asks another server."""
    words = '"><img src=x onerror=document.title=1><svg onload=document.title=2>a castle'
    film = f"[film]\nidea = '{words}'\nmodel = '{studio_process.model}'\n[[shots]]\nprompt = '{words}'\nseconds = 1.0\nseed = 1\n"
    project = api.ask("POST", "/projects", {"film": film, "title": words})
    api.ask("PATCH", "/queue", {"paused": True})
    job = api.draw(studio_process.settings, words)
    for place in (f"#/storyboard/{project['id']}", "#/storyboard", "#/queue"):
        page = open_page(studio_process, place)
        expect(page.get_by_text(words, exact=True).first).to_be_visible()
        assert page.locator("[onerror], [onload]").count() == 0
        assert "studio" in page.title()
    api.ask("POST", f"/jobs/{job}/cancel")
    api.ask("DELETE", f"/projects/{project['id']}")
