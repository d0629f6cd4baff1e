"""A real studio: a server process, its worker process, and a tiny model."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sakuga.client import Studio

SMALL: dict[str, Any] = {"size": "32", "steps": 2, "fps": 6, "keyframe_rate": 3}
"""Settings that take the tiny model a few milliseconds a frame."""


class StudioProcess:
    """`sakuga studio` on a data folder, in a process group of its own."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home, self.options = home, options
        self.log = home / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    @property
    def model(self) -> str:
        return str(self.home / "models" / "tiny")

    @property
    def settings(self) -> dict[str, Any]:
        return {**SMALL, "model": self.model}

    def start(self) -> "StudioProcess":
        """Start the server, and wait for its address."""
        env = {**os.environ, "SAKUGA_HOME": str(self.home), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-m", "sakuga", "studio", "--port", "0", *self.options]
        with self.log.open("wb") as written:
            self.process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        found = wait_for(lambda: re.search(r"at (http://\S+)", self.log.read_text()) or self.process.poll() is not None, "a server")
        assert isinstance(found, re.Match), self.log.read_text()
        self.address = found[1].split("?")[0].rstrip("/")
        return self

    def client(self) -> Studio:
        return Studio(self.address)

    def worker(self) -> int:
        """Return the number of the worker process, once it holds its lane."""
        lock = self.home / "studio" / "locks" / "lane-cpu"

        def alive() -> int | None:
            text = lock.read_text() if lock.exists() else ""
            return int(text) if text and is_worker(int(text)) else None

        return wait_for(alive, "a worker")

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server and its workers."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)
        print(self.log.read_text() if self.log.exists() else "the server did not start")  # shown where a test fails


def is_worker(number: int) -> bool:
    """Return whether a process is a worker that has not ended."""
    try:
        return b"sakuga.web.worker" in Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False


def wait_for(look: Callable[[], Any], what: str, seconds: float = 90.0) -> Any:
    """Return what `look` finds, once it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"there was no {what} within {seconds:g} s")


def new_home(folder: Path, tiny: Path) -> Path:
    """Return a data folder that holds the tiny model."""
    (folder / "models").mkdir(parents=True)
    shutil.copytree(tiny, folder / "models" / "tiny")
    return folder


@pytest.fixture(scope="session")
def studio_process(tmp_path_factory: pytest.TempPathFactory, tiny_v_folder: Path) -> Iterator[StudioProcess]:
    """A studio that all tests share; each makes what it needs."""
    process = StudioProcess(new_home(tmp_path_factory.mktemp("studio") / "home", tiny_v_folder)).start()
    yield process
    process.stop()


@pytest.fixture
def studio(studio_process: StudioProcess) -> Iterator[Studio]:
    """A client of the shared studio."""
    with studio_process.client() as client:
        yield client


@pytest.fixture
def http(studio_process: StudioProcess) -> Iterator[httpx2.Client]:
    """Plain requests to the shared studio."""
    with httpx2.Client(base_url=studio_process.address, timeout=60) as client:
        yield client


@pytest.fixture
def own_studio(tmp_path: Path, tiny_v_folder: Path) -> Iterator[StudioProcess]:
    """A studio of this test alone, not started."""
    process = StudioProcess(new_home(tmp_path / "home", tiny_v_folder))
    yield process
    process.stop()
