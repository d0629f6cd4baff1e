"""What comes in from outside: uploads and tokens."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

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
