"""Processes that train together end with the same network as one that sees all their samples, and stop as one."""

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

from sakuga.training.sketchbook import together
from sakuga.training.sketchbook.loop import CHECKPOINT, Chance, Pace, Plan, Step, Training, run_training

AWAY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_together
for step in test_together.together.run_together(2, test_together.toy, Path(sys.argv[2]), False):
    print(step.seen, flush=True)
"""


class Toy:
    """A line that is fitted to noise."""

    plan = Plan(samples=80, batch=4, rate=0.1, pictures=0, warmup=0)

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.networks = nn.Linear(3, 1)

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        return {"error": (self.networks(torch.randn(4, 3, generator=chance.noise())) - 1).square().mean()}

    def measure(self) -> dict[str, float]:
        return {}

    def sheet(self) -> None:
        pass

    def save(self, weights: Path) -> None:
        pass


def toy(run: Path, resume: bool) -> Generator[Step, None, None]:
    for step in run_training(Training(Toy(), run, resume=resume), run, Pace()):
        yield Step(seen=step.seen, samples=step.samples, losses={})


def _one_step(folder: Path, half: bool) -> Generator[int, None, None]:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    samples = torch.arange(12.0).view(4, 3)
    own = samples[together.rank() :: together.size()]
    network(own).square().mean().backward()
    together.average_gradients(network, half=half)
    stop = together.any_says(together.rank() == together.size() - 1)
    name = f"{together.size()}-{together.rank()}.pt"
    torch.save({"gradient": network.weight.grad, "stop": stop}, folder / name)
    yield together.rank()


@pytest.mark.parametrize("half", [False, True])
def test_two_processes_average_their_gradients_and_stop_as_one(half: bool, tmp_path: Path) -> None:
    assert list(together.run_together(1, _one_step, tmp_path, half)) == [0]
    assert list(together.run_together(2, _one_step, tmp_path, half)) == [0]
    alone, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    assert torch.allclose(first["gradient"], alone["gradient"], rtol=1e-2 if half else 1e-5)
    assert torch.equal(first["gradient"], second["gradient"])
    assert first["stop"] is True
    assert second["stop"] is True


def seen_and_closed(run: Path, steps: int) -> list[int]:
    work = together.run_together(2, toy, run, True)
    seen = [step.seen for step in itertools.islice(work, steps)]
    work.close()
    return seen


def test_two_processes_whose_starter_is_killed_stop_and_go_on_as_if_they_had_not(tmp_path: Path) -> None:
    assert seen_and_closed(tmp_path / "whole", 4) == [8, 16, 24, 32]
    command = [sys.executable, "-c", AWAY, str(Path(__file__).parent), str(tmp_path / "broken")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment) as away:
        assert away.stdout
        assert [next(away.stdout), next(away.stdout)] == ["8\n", "16\n"]
        away.kill()
    left = time.monotonic() + 120
    while _lives(away.pid):
        assert time.monotonic() < left, "a worker outlived who started it"
        time.sleep(0.1)
    whole, broken = (tmp_path / name / CHECKPOINT for name in ("whole", "broken"))
    done = _steps(broken)
    assert done in (2, 3)
    assert seen_and_closed(tmp_path / "broken", 4 - done) == [16 + 8 * step for step in range(done - 1, 3)]
    same = zip(load_file(whole).items(), load_file(broken).items(), strict=True)
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
