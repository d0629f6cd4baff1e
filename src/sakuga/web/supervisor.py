"""Worker processes: one for each lane, started again when one dies."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from sakuga.event_log import log_event

BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a worker that died at once is started again."""
LIVED = 30.0
"""A worker that lived so long died of its job, and is started again at once."""
GRACE = 20.0
"""Seconds that a worker has to stop between two denoising steps."""


class Supervisor:
    """Keeps one worker process running for each lane."""

    def __init__(self, home: Path, lanes: tuple[str, ...]) -> None:
        self._home, self._stopping = home, Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._threads = [Thread(target=self._keep, args=(lane,), name=f"lane {lane}", daemon=True) for lane in lanes]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the workers: running jobs wait for the next server."""
        self._stopping.set()
        for process in list(self._processes.values()):
            process.terminate()
            if process.stdin:
                process.stdin.close()
        for process in list(self._processes.values()):
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self._threads:
            thread.join()

    def _keep(self, lane: str) -> None:
        quick = 0
        while not self._stopping.is_set():
            self._processes[lane] = process = self._spawn(lane)
            log_event("worker.started", lane=lane, worker=process.pid)
            if self._stopping.is_set():
                process.terminate()
            try:
                process.wait(LIVED)
                quick += 1
            except subprocess.TimeoutExpired:
                quick = 0
                process.wait()
            log_event("worker.ended", lane=lane, worker=process.pid, exit=process.returncode)
            self._stopping.wait(BACKOFF[min(quick, len(BACKOFF) - 1)])

    def _spawn(self, lane: str) -> "subprocess.Popen[bytes]":
        env = {**os.environ, "SAKUGA_HOME": str(self._home)}
        if lane.startswith("cuda"):
            env["CUDA_VISIBLE_DEVICES"] = lane.removeprefix("cuda")
        return subprocess.Popen([sys.executable, "-m", "sakuga.web.worker", lane], stdin=subprocess.PIPE, env=env, cwd=self._home)


@contextmanager
def workers(home: Path, lanes: tuple[str, ...]) -> Iterator[None]:
    """Run the workers of some lanes."""
    supervisor = Supervisor(home, lanes)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()


def find_lanes() -> tuple[str, ...]:
    """Return a lane for each GPU, or one for the CPU."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        named = [name.strip() for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip().isdigit()]
        return tuple(f"cuda{name}" for name in named) or ("cpu",)
    program = shutil.which("nvidia-smi")
    if program is None:
        return ("cpu",)
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    return tuple(f"cuda{number}" for number in range(count)) or ("cpu",)
