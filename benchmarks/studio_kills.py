"""Kill the studio's server and worker at random moments, and count what is lost and what is done twice.

    python benchmarks/studio_kills.py --kills 50

For each victim one studio renders films with the built-in model's smallest settings until it was killed so often. Lost is a job that does
not end as done, or a clip that differs from the one that `sakuga.studio.render` makes; done twice is a frame of the store that is written
again, a job that ends twice, or a clip that is listed twice.
"""

import argparse
import atexit
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sakuga import studio as verbs
from sakuga.client import Studio
from sakuga.rendering.resources import WarmCheckpoints
from sakuga.story.film import from_document
from sakuga.web.schemas import RenderJob

FRAMES, SECONDS = 6, 1.0
"""A moment is so many new frames after the last kill, at most, and so many seconds more, at most."""


def film(seed: int, model: str) -> dict[str, Any]:
    settings = {"model": model, "size": "64", "steps": 2, "fps": 12, "keyframe_rate": 6, "motion": "none"}
    return {"film": settings, "shots": [{"prompt": "a castle by the sea", "seconds": 4.0, "seed": seed, "transition": "cut"}]}


class Process:
    """A studio's server on a data folder."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home / "server.log"

    def start(self) -> None:
        env = {**os.environ, "SAKUGA_HOME": str(self.home)}
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "sakuga", "studio", "--port", "0"]
            self.server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        self.address = str(wait_for(lambda: re.search(r"at (http://\S+)", self.log.read_text()))[1])

    def worker(self) -> int | None:
        lock = self.home / "studio" / "locks" / "lane-cpu"
        number = lock.read_text() if lock.exists() else ""
        alive = number and Path(f"/proc/{number}").exists() and b"sakuga.web.worker" in Path(f"/proc/{number}/cmdline").read_bytes()
        return int(number) if alive else None

    def kill_server(self) -> None:
        self.server.kill()
        self.server.wait()

    def kill(self, victim: str) -> None:
        if victim == "worker":
            number = self.worker()
            if number:
                os.kill(number, signal.SIGKILL)
            return
        self.kill_server()
        self.start()


def wait_for(look: Callable[[], Any], seconds: float = 300.0, of: Process | None = None) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    shown = f"{of.log.read_text()}{endings(of.home)}" if of else ""
    raise SystemExit(f"nothing happened for too long\n{shown}")


def written(home: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (home / "frames").glob("??/*.png")}


def endings(home: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "studio" / "studio.sqlite3") as connection:
        return connection.execute("SELECT id, state, attempts, error FROM jobs").fetchall()


def run(victim: str, kills: int, moments: random.Random, model: str) -> None:
    """Kill one victim so often, and print the tally."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        process = Process(home)
        process.start()
        atexit.register(process.kill_server)
        lost, twice, seen = 0, 0, dict[str, int]()
        jobs = list[tuple[str, int]]()

        def top_up() -> None:
            """Keep three jobs in the queue."""
            with Studio(process.address) as client:
                while sum(job.state in ("queued", "running") for job in client.queue().jobs) < 3:
                    seed = 1000 + len(jobs)
                    jobs.append((client.submit(RenderJob(film=film(seed, model))).id, seed))

        for number in range(kills):
            top_up()
            goal = len(written(home)) + moments.randint(0, FRAMES)
            wait_for(lambda goal=goal: process.worker() and len(written(home)) >= goal, of=process)
            time.sleep(moments.uniform(0.0, SECONDS))
            process.kill(victim)
            now = written(home)
            twice += sum(now.get(name) not in (None, moment) for name, moment in seen.items())
            lost += sum(name not in now for name in seen)
            seen = now
            print(f"{victim} {number + 1}/{kills}: {len(now)} frames, {len(jobs)} jobs, {lost} lost, {twice} done twice", flush=True)
        wait_for(lambda: all(state not in ("queued", "running") for _, state, *_ in endings(home)), 3600)
        now = written(home)
        twice += sum(now.get(name) not in (None, moment) for name, moment in seen.items())
        lost += sum(state != "done" for _, state, *_ in endings(home))
        with WarmCheckpoints():  # as the worker, so that the same engine runs the networks
            for job, seed in jobs:
                out = Path(folder) / "alone.gif"
                verbs.render(from_document(film(seed, model), "film"), out, store=Path(folder) / "alone").result()
                lost += out.read_bytes() != (home / "studio" / "clips" / f"{job}.gif").read_bytes()
        with sqlite3.connect(home / "studio" / "studio.sqlite3") as connection:
            (clips,) = connection.execute("SELECT count(*) FROM clips").fetchone()
            done = "SELECT count(*) FROM events WHERE kind = 'clip'"
            (ends,) = connection.execute(done).fetchone()
        twice += clips - len(jobs) + ends - len(jobs)
        process.server.send_signal(signal.SIGINT)
        process.server.wait()
        print(f"{victim}: killed {kills} times over {len(jobs)} jobs and {len(now)} frames: {lost} lost, {twice} done twice", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="sketchbook")
    parser.add_argument("--victims", nargs="+", default=["worker", "server"])
    given = parser.parse_args()
    for victim in given.victims:
        run(victim, given.kills, random.Random(given.seed), given.model)


if __name__ == "__main__":
    main()
