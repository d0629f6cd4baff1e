"""Scroll a library of 1,000 images in Chromium, and count the processor time of each frame.

    python benchmarks/studio_gallery.py --images 1000 --frames 360

Frames per second say little on a machine that others use, so Chromium's trace is read: the processor time of the page's main thread between
one frame's start and the next. A frame fits 60 a second where that is under 16.7 ms. Images are colored noise, 192x128. Printed too are
frames a second and how long the first page takes by the clock; `setsid -w python benchmarks/studio_gallery.py --first` has Linux serve
this before other programs.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import digest
from sakuga.web.app import create_app
from sakuga.web.thumbnails import thumbnail

BUDGET = 1000 / 60
STEP = 30
"""Pixels a frame, which are 1,800 a second at 60 frames: a quick flick of a wheel."""
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing", "cc", "benchmark"]
SCROLL = """([pixels, frames]) => new Promise(done => {
  const page = document.querySelector(".page");
  let left = frames;
  const step = () => {
    page.scrollTop += pixels;
    left-- > 0 ? requestAnimationFrame(step) : done();
  };
  requestAnimationFrame(step);
})"""


def fill(home: Path, count: int) -> None:
    """Put images and their thumbnails into the library."""
    app = create_app(home)
    store, random = FrameStore(home / "frames"), np.random.default_rng(0)
    names = list[str]()
    for _ in range(count):
        coarse = random.integers(0, 255, (4, 6, 3), np.uint8)
        names.append(digest(store.write_given(np.kron(coarse, np.ones((32, 32, 1), np.uint8)))))
    with app.state.studio.database.write() as connection:
        insert = "INSERT INTO images (digest, title, prompt, width, height, created) VALUES (?, ?, ?, 192, 128, ?)"
        connection.executemany(insert, [(name, f"picture {place}", f"picture {place}", place) for place, name in enumerate(names)])
    for name in names:
        thumbnail(store.path(name), app.state.studio.data.thumbnails, name, 256)


def main_thread(events: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Return the processor time of each frame of the page's main thread, and of its tasks, in ms."""
    begun = [one for one in events if one["name"] == "ProxyMain::BeginMainFrame" and one["ph"] == "X"]
    frames, where = sorted(one["ts"] for one in begun), {(one["pid"], one["tid"]) for one in begun}
    tasks = [one for one in events if one["name"] == "RunTask" and (one["pid"], one["tid"]) in where and "tdur" in one]
    spent = [sum(one["tdur"] for one in tasks if start <= one["ts"] < end) / 1000 for start, end in pairwise(frames)]
    return spent, [one["tdur"] / 1000 for one in tasks]


def trace(page: Page, session: CDPSession, frames: int) -> list[dict[str, Any]]:
    """Scroll, and return what Chromium recorded meanwhile."""
    events, ended = list[dict[str, Any]](), list[bool]()
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    session.send("Tracing.start", {"traceConfig": {"includedCategories": CATEGORIES}, "transferMode": "ReportEvents"})
    page.evaluate(SCROLL, [STEP, frames])
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    return events


def first_page(browser: Browser, address: str) -> float:
    """Return the milliseconds until an idea can be typed, in a browser that has nothing of the page yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, began = context.new_page(), monotonic()
    page.goto(address)
    page.get_by_label("What happens?").wait_for()
    took = (monotonic() - began) * 1000
    context.close()
    return took


def measure(address: str, frames: int) -> dict[str, float]:
    """Scroll the gallery."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=ARGUMENTS)
        first_page_ms = median(first_page(browser, address) for _ in range(5))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/#/library")
        page.wait_for_selector("[data-entry]")
        page.evaluate(SCROLL, [STEP, 30])
        events = trace(page, page.context.new_cdp_session(page), frames)
        browser.close()
    spent, tasks = main_thread(events)
    begun = sorted(one["ts"] for one in events if one["name"] == "ProxyMain::BeginMainFrame" and one["ph"] == "X")
    return {
        "first_page_ms": first_page_ms,
        "frames": len(spent),
        "frames_a_second": (len(begun) - 1) * 1e6 / (begun[-1] - begun[0]),
        "main_thread_ms.median": median(spent),
        "main_thread_ms.p95": float(np.percentile(spent, 95)),
        "main_thread_ms.max": max(spent),
        "frames_over_budget": sum(one > BUDGET for one in spent),
        "long_tasks": sum(one > 50 for one in tasks),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=360)
    parser.add_argument("--first", action="store_true")
    given = parser.parse_args()
    if given.first:
        Path("/proc/self/autogroup").write_text("-15")
    with TemporaryDirectory() as folder:
        fill(Path(folder), given.images)
        command = [sys.executable, "-m", "sakuga", "studio", "--port", "0"]
        with subprocess.Popen(command, env={**os.environ, "SAKUGA_HOME": folder}, stdout=subprocess.PIPE, text=True, cwd=folder) as server:
            try:
                assert server.stdout
                found = re.search(r"http://\S+", server.stdout.readline())
                assert found, "the studio did not start"
                print(json.dumps(measure(found[0], given.frames), indent=1))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
