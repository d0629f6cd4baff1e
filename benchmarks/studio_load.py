"""Load a studio with clients, jobs, frames and a long film, and time its API.

    python benchmarks/studio_load.py --clients 20 --jobs 1000 --frames 50000 --shots 2000 --seconds 30

Each client asks as an open page does: it follows the events, drops the stream every few seconds and goes on where it was, reads the
queue, the library, the film and thumbnails, and changes a shot now and then; between two requests it rests as a person does. The queue is
paused, so that no worker takes the processor. Printed as JSON: milliseconds by request, cores that the server was busy, its memory, events
lost or heard twice over dropped streams.

On a machine that others use, `setsid -w python benchmarks/studio_load.py --first` has Linux serve this and the studio before other
programs, so that the clock tells of the studio.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import httpx2
import numpy as np

from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import digest
from sakuga.web.app import create_app
from sakuga.web.database import packed
from sakuga.web.queue import add_job
from sakuga.web.schemas import DrawJob

REST = 1.0
"""Mean seconds between two requests of a client."""
DROP = 5.0
"""Seconds after which a client drops its event stream."""
COPIES = 100
"""Images that differ; the other frames of the store are copies of them under other names."""


def fill(home: Path, jobs: int, frames: int, shots: int) -> dict[str, Any]:
    """Fill a data folder directly; returns the film, its shots and some frames."""
    app = create_app(home)
    database, store, noise = app.state.studio.database, FrameStore(home / "frames"), np.random.default_rng(0)
    names = [digest(store.write_given(noise.integers(0, 255, (32, 48, 3), np.uint8))) for _ in range(min(frames, COPIES))]
    contents = [store.path(name).read_bytes() for name in names]
    for number in range(len(names), frames):
        name = f"{number:064x}"[::-1]
        path = home / "frames" / name[:2] / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents[number % len(contents)])
    with database.write() as connection:
        connection.execute("UPDATE queue SET paused = 1")
        for number in range(jobs):
            add_job(connection, DrawJob(prompts=[f"picture {number}"]))
        insert = "INSERT INTO images (digest, title, prompt, width, height, created) VALUES (?, ?, ?, 48, 32, ?)"
        connection.executemany(insert, [(name, f"picture {place}", "a castle", place) for place, name in enumerate(names)])
        connection.execute(
            "INSERT INTO projects (id, title, idea, settings, bible, created, updated) VALUES (?, 'long', '', '{}', '{}', 0, 0)",
            ("a" * 12,),
        )
        rows = [(f"{number:012x}", "a" * 12, number, packed(shot(number))) for number in range(shots)]
        connection.executemany("INSERT INTO shots (id, project, position, fields) VALUES (?, ?, ?, ?)", rows)
    return {"film": "a" * 12, "shots": [row[0] for row in rows], "frames": names}


def shot(number: int) -> dict[str, Any]:
    return {"prompt": f"a castle by the sea, number {number}", "seconds": 1.0, "seed": number, "transition": "cut"}


def asked(http: httpx2.Client, made: dict[str, Any], chance: random.Random) -> list[tuple[int, str, Callable[[], httpx2.Response]]]:
    """Return what a page asks, each with its weight and name."""
    film, shots, frames = made["film"], made["shots"], made["frames"]
    return [
        (4, "queue", lambda: http.get("/api/v1/queue")),
        (4, "library", lambda: http.get("/api/v1/library", params={"query": "castle", "limit": 120})),
        (8, "thumbnail", lambda: http.get(f"/frames/{chance.choice(frames)}", params={"w": 256})),
        (4, "status", lambda: http.get("/api/v1/status")),
        (2, "films", lambda: http.get("/api/v1/projects")),
        (2, "long film", lambda: http.get(f"/api/v1/projects/{film}")),
        (1, "change of a shot", lambda: http.patch(f"/api/v1/shots/{chance.choice(shots)}", json={"seed": chance.randrange(10**6)})),
        (1, "new job", lambda: http.post("/api/v1/jobs", json={"request": {"kind": "draw", "prompts": ["a castle"]}})),
    ]


class Client:
    """A page that somebody works with; its connections' set-up, 20 ms of processor time each, is not part of the load."""

    def __init__(self, address: str, made: dict[str, Any], seed: int) -> None:
        self.asking, self.following = (httpx2.Client(base_url=address, timeout=120) for _ in range(2))
        self.made, self.chance = made, random.Random(seed)
        self.times = defaultdict[str, list[float]](list)
        self.failed = list[str]()
        self.heard = list[int]()
        self.first = 0

    def work(self, end: float) -> None:
        """Ask until the end, as a page that is used."""
        with self.asking as http:
            requests = asked(http, self.made, self.chance)
            weights = [weight for weight, _, _ in requests]
            while time.monotonic() < end:
                time.sleep(self.chance.expovariate(1 / REST))
                _, name, ask = self.chance.choices(requests, weights)[0]
                began = time.monotonic()
                answer = ask()
                self.times[name].append((time.monotonic() - began) * 1000)
                if answer.is_error:
                    self.failed.append(f"{name}: {answer.text[:200]}")

    def follow(self, end: float) -> None:
        """Follow the events; drop the stream, and go on after the last that was heard."""
        with self.following as http:
            last = self.first = http.get("/api/v1/status").json()["last_event"]
            while time.monotonic() < end:
                drop = time.monotonic() + DROP
                with http.stream("GET", "/api/v1/events", params={"after": last}) as answer:
                    for line in answer.iter_lines():
                        if line.startswith("id: "):
                            last = int(line.removeprefix("id: "))
                            self.heard.append(last)
                        if time.monotonic() > min(drop, end):
                            break


def summary(clients: list[Client]) -> dict[str, Any]:
    """Return milliseconds by request, and what was wrong."""
    times = defaultdict[str, list[float]](list)
    for client in clients:
        for name, found in client.times.items():
            times[name] += found
    every = [one for found in times.values() for one in found]
    by_name = {
        name: {"n": len(found), "p50": round(median(found), 1), "p95": round(p95(found), 1)} for name, found in sorted(times.items())
    }
    gaps = sum(missed(client.heard, client.first) for client in clients)
    twice = sum(len(client.heard) - len(set(client.heard)) for client in clients)
    failed = [one for client in clients for one in client.failed]
    return {
        "n": len(every),
        "p95": round(p95(every), 1),
        "ms": by_name,
        "failed": failed[:5],
        "events": {"lost": gaps, "heard_twice": twice},
    }


def p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))


def missed(heard: list[int], first: int) -> int:
    """Return how many events between the first and the last one were never heard."""
    return 0 if not heard else max(heard) - first - len(set(heard))


def memory(process: int) -> int:
    """Return the largest resident memory of a process so far, in MB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def alone(address: str, made: dict[str, Any], server: int) -> dict[str, float]:
    """Return the milliseconds of the server's processor time that each request takes, one after the other."""
    with httpx2.Client(base_url=address, timeout=300) as http:
        return {name: round(median(spent(ask, server) for _ in range(9)), 1) for _, name, ask in asked(http, made, random.Random(0))}


def spent(ask: Callable[[], httpx2.Response], server: int) -> float:
    """Return the processor time of a few equal requests, by request; the system counts in steps of 10 ms."""
    before = processor_seconds(server)
    for _ in range(5):
        ask().raise_for_status()
    return (processor_seconds(server) - before) * 1000 / 5


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(address: str, made: dict[str, Any], clients: int, seconds: float) -> dict[str, Any]:
    """Let clients work at once; returns the figures."""
    with httpx2.Client(base_url=address, timeout=300) as http:
        for path in ("/api/v1/queue", f"/api/v1/projects/{made['film']}", "/api/v1/status"):  # warm
            http.get(path).raise_for_status()
    pages = [Client(address, made, seed) for seed in range(clients)]
    end = time.monotonic() + seconds
    threads = [Thread(target=work, args=(end,)) for page in pages for work in (page.work, page.follow)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summary(pages)


def go_first() -> None:
    """Put this session's processes before those of others; needs the right to do so (see sched(7), autogroups)."""
    Path("/proc/self/autogroup").write_text("-15")


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("clients", 20), ("jobs", 1000), ("frames", 50_000), ("shots", 2000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--first", action="store_true")
    given = parser.parse_args()
    if given.first:
        go_first()
    with TemporaryDirectory() as folder:
        made = fill(Path(folder), given.jobs, given.frames, given.shots)
        command = [sys.executable, "-m", "sakuga", "studio", "--port", "0"]
        with subprocess.Popen(command, env={**os.environ, "SAKUGA_HOME": folder}, stdout=subprocess.PIPE, text=True, cwd=folder) as server:
            try:
                assert server.stdout
                found = re.search(r"http://\S+", server.stdout.readline())
                assert found, "the studio did not start"
                before = processor_seconds(server.pid)
                figures = load(found[0], made, given.clients, given.seconds)
                cores = (processor_seconds(server.pid) - before) / given.seconds
                busy = alone(found[0], made, server.pid)
                print(
                    json.dumps(
                        {**figures, "server_cores": round(cores, 2), "processor_ms": busy, "server_mb": memory(server.pid)}, indent=1
                    )
                )
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
