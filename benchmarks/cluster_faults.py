"""Kill workers, machines and the driver of a Ray cluster at random moments, and check that nothing is lost.

    python benchmarks/cluster_faults.py --kills 50
    python benchmarks/cluster_faults.py --kills 10 --slow-store 2

A cluster of three machines, which are processes here, renders films of independent frames and of chains with the built-in model, one after
the other until there were so many kills. At each random moment a worker, a machine or the driver is killed by SIGKILL; a machine is
replaced, and the driver started again. At its end each film must be complete, its bytes those of a render without a cluster, and no frame
that was stored before a kill written again after it. With `--slow-store` frames go to an S3 service on loopback, each of whose answers
takes up to so many seconds. Prints one JSON object.
"""

import argparse
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}

from slow_s3 import SlowService, slow_s3

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore, open_store
from sakuga.timeline.spec import Digest, FrameSpec, Generated, Given, InitImage, Prompt, SeedNoise, digest

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
NOTICED = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 5}
CHOICES = ("worker", "worker", "machine", "driver")

Film = dict[Digest, FrameSpec]


def resources(store: str | Path) -> Resources:
    files = find_checkpoint()
    return Resources(
        checkpoint=files.folder, checkpoint_name=files.name, checkpoint_digest=files.digest, store=Path(store), device="cpu", engine="torch"
    )


def film(number: int, frames: int, steps: int) -> Film:
    """Chains of eight frames, and as many independent ones in batches of two."""
    settings = {
        "checkpoint": find_checkpoint().digest,
        "conditioning": Prompt(prompt="a castle by the sea"),
        "width": 64,
        "height": 64,
        "steps": steps,
    }
    first = number * 10_000
    specs: list[FrameSpec] = [Generated(noise=SeedNoise(seed=first + seed), batch=2, **settings) for seed in range(frames // 2)]
    before: Generated | None = None
    for place in range(frames - len(specs)):
        init = InitImage(frame=digest(before), strength=0.6) if before and place % 8 else None
        before = Generated(noise=SeedNoise(seed=first + 5000 + place), init=init, **settings)
        specs.append(before)
    return {digest(spec): spec for spec in specs}


def drive(store: str, specs: Film, address: str) -> None:
    """Render on the cluster, and print each frame and the workers' processes."""
    from sakuga.rendering.ray_executor import RayExecutor

    executor = RayExecutor(resources(store), address, threads=1)
    for landed in executor.run(plan_batches(specs, specs, open_store(store).has)):
        known = [worker.facts.process for worker in executor._workers.workers if worker.facts]
        print(json.dumps({"name": landed.name, "processes": known}), flush=True)
    executor.close()


@dataclass(frozen=True)
class Place:
    """Where the frames of one film are stored: a folder, or a slow service."""

    store: str
    service: SlowService | None = None

    def stored(self, specs: Film) -> dict[Digest, int]:
        """Return the frames of the film that are stored, each with what changes when it is written again."""
        if self.service:
            return {name: times for name, times in self.service.written.items() if name in specs}
        return {path.stem: path.stat().st_mtime_ns for path in Path(self.store).glob("??/*.png") if path.stem in specs}

    def content(self, name: Digest) -> bytes:
        store = open_store(self.store)
        return store.remote.read(name) if store.remote else store.path(name).read_bytes()


class Driver:
    """The driver as a process of its own."""

    def __init__(self, words: list[str], log: Path) -> None:
        self.words, self.log = words, log
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, *self.words], stdout=self.log.open("a"))

    def wait_for_a_frame(self) -> None:
        """Wait until something is rendered since the last kill, so that kills meet a render that is under way."""
        lines = self.lines()
        while self.lines() <= lines and self.process.poll() is None:
            sleep(0.2)

    def lines(self) -> int:
        return self.log.read_text().count("\n") if self.log.exists() else 0

    def workers(self) -> list[int]:
        lines = self.log.read_text().splitlines()
        try:
            return json.loads(lines[-1])["processes"] if lines else []
        except ValueError:  # half a line
            return []


def add_machine(cluster: Any) -> None:
    """Start a machine; Ray gives it 30 s, which a busy machine may exceed."""
    for _ in range(10):
        try:
            cluster.add_node(**NODE)
            return
        except Exception as error:
            print(f"a machine did not start ({error}): once more", file=sys.stderr, flush=True)
    raise RuntimeError("no machine starts")


@contextmanager
def running_cluster() -> Iterator[Any]:
    """Start a head without room for workers, and two machines."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False, "_system_config": NOTICED})
    try:
        for _ in range(2):
            add_machine(cluster)
        yield cluster
    finally:
        cluster.shutdown()


def kill(what: str, cluster: Any, driver: Driver, chance: random.Random) -> bool:
    """Kill one thing at random, and start it again where Ray does not; returns whether there was one."""
    if what == "driver":
        driver.process.kill()
        driver.process.wait()
        driver.start()
    elif what == "machine":
        cluster.remove_node(chance.choice(sorted(cluster.worker_nodes, key=str)), allow_graceful=False)
        add_machine(cluster)
    elif processes := driver.workers():
        try:
            os.kill(chance.choice(processes), signal.SIGKILL)
        except ProcessLookupError:
            return False
    else:
        return False
    return True


@dataclass
class Outcome:
    """What came of all films."""

    films: int = 0
    frames: int = 0
    again: int = 0
    """Frames that were written again after they were stored."""
    lost: int = 0
    other_bytes: int = 0
    unknown: int = 0
    failed: int = 0
    """Drivers that ended with an error."""

    @property
    def is_clean(self) -> bool:
        return not (self.again or self.lost or self.other_bytes or self.unknown or self.failed)


def has_more(given: argparse.Namespace, killed: Counter[str]) -> bool:
    """Return whether more kills are wanted and there is time for them."""
    return killed.total() < given.kills and monotonic() < given.until


def render(driver: Driver, cluster: Any, place: Place, specs: Film, given: argparse.Namespace, killed: Counter[str]) -> int:
    """Kill at random moments until a film is rendered; returns how many frames were written again."""
    chance, again, started = random.Random(f"{given.seed} {killed.total()}"), 0, monotonic()
    while has_more(given, killed) and driver.process.poll() is None:
        driver.wait_for_a_frame()
        sleep(chance.uniform(0, given.seconds))
        before, what = place.stored(specs), chance.choice(CHOICES)
        if driver.process.poll() is None and kill(what, cluster, driver, chance):
            killed[what] += 1
            after = place.stored(specs)
            again += sum(after.get(name) != time for name, time in before.items())
            told = f"{monotonic() - started:6.0f} s  {killed.total()}: killed a {what}; {len(after)} frames stored, {again} again"
            print(told, file=sys.stderr, flush=True)
    last = place.stored(specs)
    driver.process.wait()
    done = place.stored(specs)
    return again + sum(done.get(name) != time for name, time in last.items())


def compare(outcome: Outcome, alone: Path, place: Place, specs: Film) -> None:
    """Count what differs from a render without a cluster."""
    list(LocalExecutor(resources(alone)).run(plan_batches(specs, specs, lambda name: False)))
    here, there = FrameStore(alone), open_store(place.store)
    kept = [name for name in specs if there.has(name)]
    outcome.lost += len(specs) - len(kept)
    outcome.other_bytes += sum(here.path(name).read_bytes() != place.content(name) for name in kept)
    outcome.unknown += sum(name not in specs and not isinstance(there.spec(name), Given) for name in there.names())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=200, help="frames of a film")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0, help="longest time between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=120.0, help="after which nothing is killed any more, and the film is finished")
    parser.add_argument("--slow-store", type=float, default=0.0, metavar="SECONDS", help="longest answer of the store; 0 for a folder")
    parser.add_argument("--drive", nargs=3, metavar=("NUMBER", "STORE", "ADDRESS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    given.until = monotonic() + 60 * given.minutes
    if given.drive:
        number, store, address = given.drive
        drive(store, film(int(number), given.frames, given.steps), address)
        return
    root, killed, outcome, started = Path(tempfile.mkdtemp(prefix="sakuga-faults-")), Counter[str](), Outcome(), monotonic()
    os.environ["SAKUGA_HOME"] = str(root / "home")
    with slow_s3(given.slow_store) if given.slow_store else nullcontext() as service, running_cluster() as cluster:
        while has_more(given, killed) and not outcome.failed:
            folder, specs = root / str(outcome.films), film(outcome.films, given.frames, given.steps)
            folder.mkdir()
            place = Place(f"s3://films/{outcome.films}" if service else str(folder / "frames"), service)
            words = ["--frames", str(given.frames), "--steps", str(given.steps), "--drive", str(outcome.films), place.store]
            driver = Driver([*words, cluster.address], folder / "log")
            outcome.again += render(driver, cluster, place, specs, given, killed)
            outcome.failed += bool(driver.process.returncode)
            outcome.films, outcome.frames = outcome.films + 1, outcome.frames + len(specs)
            compare(outcome, folder / "alone", place, specs)
    store = f", a store that takes up to {given.slow_store:g} s" if given.slow_store else ""
    row = {"row": f"a Ray cluster of three machines{store}", "kills": dict(killed), "seconds": round(monotonic() - started)}
    print(json.dumps(row | vars(outcome)))
    shutil.rmtree(root)
    sys.exit(not outcome.is_clean)


if __name__ == "__main__":
    main()
