"""Kill workers, machines and the driver of a Ray cluster at random moments, and check that nothing is lost.

    python benchmarks/cluster_faults.py --kills 50

A cluster of three machines, which are processes here, renders a film of independent frames and of chains with the built-in model. At each
random moment a worker, a machine or the driver is killed by SIGKILL; a machine is replaced, and the driver started again. At the end the
film must be complete, its bytes those of a render without a cluster, and no frame that was stored before a kill written again after it.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic, sleep

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Digest, FrameSpec, Generated, Given, InitImage, Prompt, SeedNoise, digest

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
NOTICED = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 5}


def resources(store: Path) -> Resources:
    files = find_checkpoint()
    return Resources(
        checkpoint=files.folder, checkpoint_name=files.name, checkpoint_digest=files.digest, store=store, device="cpu", engine="torch"
    )


def film(frames: int, steps: int) -> dict[Digest, FrameSpec]:
    """Chains of eight frames, and as many independent ones in batches of two."""
    settings = {
        "checkpoint": find_checkpoint().digest,
        "conditioning": Prompt(prompt="a castle by the sea"),
        "width": 64,
        "height": 64,
        "steps": steps,
    }
    specs: list[FrameSpec] = [Generated(noise=SeedNoise(seed=seed), batch=2, **settings) for seed in range(frames // 2)]
    before: Generated | None = None
    for place in range(frames - len(specs)):
        init = InitImage(frame=digest(before), strength=0.6) if before and place % 8 else None
        before = Generated(noise=SeedNoise(seed=1000 + place), init=init, **settings)
        specs.append(before)
    return {digest(spec): spec for spec in specs}


def drive(store: Path, frames: int, steps: int, address: str) -> None:
    """Render on the cluster, and print each frame and the workers' processes."""
    from sakuga.rendering.ray_executor import RayExecutor

    specs = film(frames, steps)
    executor = RayExecutor(resources(store), address, threads=1)
    for landed in executor.run(plan_batches(specs, specs, FrameStore(store).has)):
        known = [worker.facts.process for worker in executor._workers.workers if worker.facts]
        print(json.dumps({"name": landed.name, "processes": known}), flush=True)
    executor.close()


def stored(store: Path, specs: dict[Digest, FrameSpec]) -> dict[Digest, int]:
    """Return the frames of the film that are stored, with the time of their files."""
    return {path.stem: path.stat().st_mtime_ns for path in store.glob("??/*.png") if path.stem in specs}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0, help="longest time between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drive", nargs=2, metavar=("STORE", "ADDRESS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.drive:
        drive(Path(given.drive[0]), given.frames, given.steps, given.drive[1])
        return
    from ray.cluster_utils import Cluster

    folder = Path(tempfile.mkdtemp(prefix="sakuga-faults-"))
    specs = film(given.frames, given.steps)
    chance, killed, again = random.Random(given.seed), Counter[str](), 0
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False, "_system_config": NOTICED})
    try:
        for _ in range(2):
            cluster.add_node(**NODE)
        words = ["--frames", str(given.frames), "--steps", str(given.steps), "--drive", str(folder / "frames"), cluster.address]
        driver, started = Driver(words, folder / "log"), monotonic()
        while sum(killed.values()) < given.kills and driver.process.poll() is None:
            driver.wait_for_a_frame()
            sleep(chance.uniform(0, given.seconds))
            before, what = stored(folder / "frames", specs), chance.choice(["worker", "worker", "machine", "driver"])
            if what == "worker" and (processes := driver.workers()):
                try:
                    os.kill(chance.choice(processes), signal.SIGKILL)
                except ProcessLookupError:
                    continue
            elif what == "machine":
                cluster.remove_node(chance.choice(sorted(cluster.worker_nodes, key=str)), allow_graceful=False)
                cluster.add_node(**NODE)
            elif what == "driver":
                driver.process.kill()
                driver.process.wait()
                driver.start()
            else:
                continue
            killed[what] += 1
            after = stored(folder / "frames", specs)
            again += sum(after.get(name) != time for name, time in before.items())
            print(f"{monotonic() - started:6.0f} s  killed a {what}; {len(after)} frames stored", flush=True)
        last = stored(folder / "frames", specs)
        status = driver.process.wait()
        again += sum(stored(folder / "frames", specs).get(name) != time for name, time in last.items())
        seconds = monotonic() - started
    finally:
        cluster.shutdown()
    list(LocalExecutor(resources(folder / "alone")).run(plan_batches(specs, specs, lambda name: False)))
    here, there = FrameStore(folder / "alone"), FrameStore(folder / "frames")
    lost = [name for name in specs if not there.has(name)]
    other = [name for name in specs if name not in lost and here.path(name).read_bytes() != there.path(name).read_bytes()]
    extra = [name for name in there.names() if name not in specs and not isinstance(there.spec(name), Given)]
    print(f"{sum(killed.values())} kills ({dict(killed)}), {len(specs)} frames, {seconds:.0f} s, driver's exit code {status}")
    print(f"lost {len(lost)}, with other bytes {len(other)}, generated again after they were stored {again}, unknown {len(extra)}")
    sys.exit(bool(status or lost or other or again or extra))


if __name__ == "__main__":
    main()
