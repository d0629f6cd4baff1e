"""What several tabs and a restarted server show."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database
from sakuga.web.queue import change_job, report_progress, tell
from sakuga.web.schemas.jobs import DeviceProgress, JobProgress
from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess, wait_for

pytestmark = pytest.mark.browser


def test_two_tabs_show_the_same_queue_within_a_second(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    first, second = open_page(studio_process, "#/queue"), open_page(studio_process, "#/queue")
    expect(second.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    delays = list[float]()
    for pressed, shown in [("Pause", "Go on"), ("Go on", "Pause")] * 3:
        first.get_by_role("button", name=pressed, exact=True).click()
        asked = time.monotonic()
        expect(second.get_by_role("button", name=shown, exact=True)).to_be_visible()
        delays.append(time.monotonic() - asked)
    assert min(delays) < 1, "a busy machine may hold some of them up, not all"
    first.get_by_role("button", name="Pause", exact=True).click()
    expect(second.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    job = api.draw(studio_process.settings, "Held back")
    for tab in (first, second):
        expect(tab.get_by_text("Held back")).to_be_visible()
    second.get_by_role("button", name="Cancel Held back").click()
    expect(first.get_by_role("button", name="Try Held back again")).to_be_visible()
    first.get_by_role("button", name="Go on", exact=True).click()
    assert api.ask("GET", f"/jobs/{job}")["state"] == "cancelled"


def test_waiting_jobs_are_moved_by_buttons(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page = open_page(studio_process, "#/queue")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    jobs = [api.draw(studio_process.settings, title) for title in ("One", "Two")]
    page.get_by_role("button", name="Move Two up").click()
    expect(page.get_by_role("button", name="Move Two up")).to_be_disabled()
    waiting = [job["id"] for job in api.ask("GET", "/queue")["jobs"] if job["state"] == "queued"]
    assert waiting == jobs[::-1]
    for job in jobs:
        api.ask("POST", f"/jobs/{job}/cancel")
    page.get_by_role("button", name="Go on", exact=True).click()


def test_a_job_on_a_cluster_has_a_lane_for_each_device(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    job, database = api.draw(studio_process.settings, "On two machines"), Database(DataFolder(studio_process.home).database)
    api.ended(job)
    page = open_page(studio_process, "#/queue")
    devices = [DeviceProgress(name=name, frames=frames, newest=time.time()) for name, frames in (("node1 cuda", 12), ("node2 cuda", 7))]
    with database.write() as connection:
        change_job(connection, job, {"state": "running"})
        tell(connection, job)
    report_progress(database, job, JobProgress(stage="rendering", done=19, total=40, devices=devices), [])
    lanes = page.get_by_role("list", name="Devices that render On two machines").get_by_role("listitem")
    expect(lanes).to_have_count(2)
    expect(lanes.first).to_contain_text("node1 cuda")
    expect(lanes.first).to_contain_text("12 frames, just now")
    with database.write() as connection:
        change_job(connection, job, {"state": "done"})
        tell(connection, job)
    expect(lanes).to_have_count(0)


def test_a_page_follows_a_server_that_was_killed_and_started_again(own_studio: StudioProcess, open_page: Callable[..., Page]) -> None:
    own_studio.start()
    port = own_studio.address.rsplit(":", 1)[1]
    page = open_page(own_studio, "#/queue")
    expect(page.get_by_text("Nothing to do")).to_be_visible()
    own_studio.kill()
    expect(page.get_by_text("The server does not answer")).to_be_visible()
    own_studio.options = ("--port", port)
    own_studio.start()
    Api(own_studio).draw(own_studio.settings, "After the restart")
    expect(page.get_by_text("After the restart")).to_be_visible()
    expect(page.get_by_text("The server does not answer")).to_have_count(0)


def test_a_line_that_is_silent_for_40_seconds_is_opened_again(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]
) -> None:
    page, lines = open_page(studio_process, "api/v1/status"), list[str]()  # which has no line of its own
    page.clock.install()
    page.on("request", lambda asked: lines.append(asked.url) if "/api/v1/events" in asked.url else None)
    with page.expect_response("**/api/v1/events?*"):
        page.goto(f"{studio_process.address}/#/queue")
    page.clock.fast_forward(39_000)
    assert len(lines) == 1
    page.clock.fast_forward(41_000)  # a ping may have come meanwhile
    wait_for(lambda: page.evaluate("1") and len(lines) > 1, "second line")
    job = api.draw(studio_process.settings, "After the silence")
    expect(page.get_by_text("After the silence")).to_be_visible()
    expect(page.get_by_text("The server does not answer")).to_have_count(0)
    api.ended(job)


def test_a_line_that_is_never_answered_is_opened_again(studio_process: StudioProcess, api: Api, open_page: Callable[..., Page]) -> None:
    page, held = open_page(studio_process, "#/queue"), list[Route]()
    page.clock.install()
    page.route("**/api/v1/events?*", lambda route: route.continue_() if held else held.append(route))
    page.reload()
    wait_for(lambda: page.evaluate("1") and held, "first line")
    page.clock.fast_forward(41_000)
    job = api.draw(studio_process.settings, "After the second line")
    expect(page.get_by_text("After the second line")).to_be_visible()
    api.ended(job)
