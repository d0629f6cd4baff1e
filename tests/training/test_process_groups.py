"""Distributed processes equal one process on all their samples, and stop together."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sakuga.training import distributed
from sakuga.training.sketchbook.loop import CHECKPOINT, Intervals, StagePlan, StageStep, StageTraining, run_training
from sakuga.training.step_random import StepRandom

STARTER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_process_groups as tests
for step in tests.distributed.run_in_processes(2, tests.toy, Path(sys.argv[2]), False):
    print(step.samples_seen, flush=True)
    sys.stdin.readline()
"""


class Toy:
    """A linear layer fitted to noise."""

    plan = StagePlan(samples=80, batch=4, rate=0.1, images=0, warmup=0)

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.networks = nn.Linear(3, 1)

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        return {"error": (self.networks(torch.randn(4, 3, generator=random.noise())) - 1).square().mean()}

    def measure(self) -> dict[str, float]:
        return {}

    def sheet(self) -> None:
        pass

    def save(self, weights: Path) -> None:
        pass


def toy(run: Path, resume: bool) -> Generator[StageStep, None, None]:
    for step in run_training(StageTraining(Toy(), run, resume=resume), run, Intervals()):
        yield StageStep(samples_seen=step.samples_seen, samples=step.samples, losses={})


def _one_step(folder: Path, half: bool) -> Generator[int, None, None]:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    samples = torch.arange(12.0).view(4, 3)
    local_samples = samples[distributed.rank() :: distributed.world_size()]
    network(local_samples).square().mean().backward()
    distributed.average_gradients(network, half=half)
    stop = distributed.any_process(distributed.rank() == distributed.world_size() - 1)
    name = f"{distributed.world_size()}-{distributed.rank()}.pt"
    torch.save({"gradient": network.weight.grad, "stop": stop}, folder / name)
    yield distributed.rank()


@pytest.mark.parametrize("half", [False, True])
def test_two_processes_average_their_gradients_and_stop_as_one(half: bool, tmp_path: Path) -> None:
    assert list(distributed.run_in_processes(1, _one_step, tmp_path, half)) == [0]
    assert list(distributed.run_in_processes(2, _one_step, tmp_path, half)) == [0]
    alone, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    assert torch.allclose(first["gradient"], alone["gradient"], rtol=1e-2 if half else 1e-5)
    assert torch.equal(first["gradient"], second["gradient"])
    assert first["stop"] is True
    assert second["stop"] is True


def trained_and_closed(run: Path, steps: int) -> list[int]:
    work = distributed.run_in_processes(2, toy, run, True)
    samples_seen = [step.samples_seen for step in itertools.islice(work, steps)]
    work.close()
    return samples_seen


def test_two_processes_stop_with_their_killed_parent_and_resume_exactly(tmp_path: Path) -> None:
    assert trained_and_closed(tmp_path / "uninterrupted", 4) == [8, 16, 24, 32]
    command = [sys.executable, "-c", STARTER, str(Path(__file__).parent), str(tmp_path / "broken")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        assert next(process.stdout) == "8\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert next(process.stdout) == "16\n"
        process.kill()
    left = time.monotonic() + 120
    while _lives(process.pid):
        assert time.monotonic() < left, "a worker outlived its parent"
        time.sleep(0.1)
    uninterrupted, broken = (tmp_path / name / CHECKPOINT for name in ("uninterrupted", "broken"))
    assert _steps(broken) == 2
    assert trained_and_closed(tmp_path / "broken", 2) == [24, 32]
    same = zip(load_file(uninterrupted).items(), load_file(broken).items(), strict=True)
    assert all(name == other and torch.equal(tensor, its) for (name, tensor), (other, its) in same)


def _steps(checkpoint: Path) -> int:
    from safetensors import safe_open

    with safe_open(checkpoint, framework="pt") as file:
        return int(file.metadata()["steps"])


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
