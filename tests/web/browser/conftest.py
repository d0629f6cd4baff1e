"""Chromium on a real studio."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.web.conftest import StudioProcess, wait_for

ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SLOW = 60_000
"""Milliseconds that a page waits for the tiny model on a busy machine."""
HARMLESS = ("Failed to load resource", "net::ERR")
"""What the browser itself writes about an answer that is no 200; the page shows those in its own words."""


expect.set_options(timeout=SLOW)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, which fetches nothing by itself."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "there is no Chromium: run `make test-web`, which installs it"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open pages of a studio; at the end none has reported an error or asked another host."""
    pages, problems = list[Page](), list[str]()

    def opened(process: StudioProcess, place: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "accept_downloads": True, "reduced_motion": "reduce"} | options)
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" and not line.text.startswith(HARMLESS) else None)
        page.on("request", lambda asked: problems.append(f"outside: {asked.url}") if is_outside(asked.url, process.address) else None)
        page.goto(f"{process.address}/{place}")
        pages.append(page)
        return page

    yield opened
    for number, page in enumerate(pages):
        try:
            page.screenshot(path=str(tmp_path / f"page-{number}.png"))
            page.context.close()
        except Error:
            pass
    assert problems == []


class Api:
    """The studio's API as plain JSON."""

    def __init__(self, process: StudioProcess) -> None:
        self._address = f"{process.address}/api/v1"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx2.request(method, self._address + path, json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def draw(self, settings: dict[str, Any], title: str = "") -> str:
        """Queue one image; returns the job's id."""
        request = {"kind": "draw", "prompts": ["a castle"], "settings": settings}
        return str(self.ask("POST", "/jobs", {"request": request, "title": title})["id"])

    def ended(self, job: str) -> Any:
        """Return a job once it is done."""

        def look() -> Any:
            found = self.ask("GET", f"/jobs/{job}")
            assert found["state"] not in ("failed", "cancelled"), found["error"]
            return found if found["state"] == "done" else None

        return wait_for(look, f"end of job {job}")

    def session(self, settings: dict[str, Any]) -> str:
        """Begin to choose, with three images a round."""
        image = self.ended(self.draw(settings))["result"]["images"][0]
        kept = {key: settings[key] for key in ("model", "size", "steps")}
        return str(self.ask("POST", "/choose", {"image": image, "mode": "img2img", "variants": 3, "settings": kept})["id"])


@pytest.fixture
def api(studio_process: StudioProcess) -> Iterator[Api]:
    """The shared studio's API; at the end the queue runs again."""
    api = Api(studio_process)
    yield api
    api.ask("PATCH", "/queue", {"paused": False, "stop_after": False})


def is_outside(url: str, address: str) -> bool:
    """Return whether an address leads away from the studio."""
    return urlsplit(url).scheme in ("http", "https") and not url.startswith(address)
