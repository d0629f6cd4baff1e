"""Launched processes equal one process with as many batches a step, and resume."""

import os
import pickle
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sakuga import InputError
from sakuga.models.style_files import LORA_FILE
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train

OTHER = """
import pickle, sys
from tests.training.test_distributed import stopped_and_resumed
stopped_and_resumed(*pickle.loads(bytes.fromhex(sys.argv[1])))
"""


def stopped_and_resumed(settings: TrainSettings, ports: tuple[str, str]) -> None:
    """Stop a training half way, and resume it with another port."""
    torch.set_num_threads(1)
    os.environ["MASTER_PORT"] = ports[0]
    work = train(settings)
    next(step for step in work if step.stage == "training" and step.done == 4)
    work.close()
    os.environ["MASTER_PORT"] = ports[1]
    train(replace(settings, resume=True)).result()


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_two_processes_train_and_resume_as_one_with_twice_the_batches(
    settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = train(replace(settings, gradient_accumulation=2)).result()
    two, ports = replace(settings, out=tmp_path / "two"), (free_port(), free_port())
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": ports[0], "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", OTHER, pickle.dumps((two, ports)).hex()]
    with subprocess.Popen(command, env={**os.environ, "RANK": "1", "PYTHONPATH": os.pathsep.join(sys.path)}) as other:
        stopped_and_resumed(two, ports)
    assert other.returncode == 0
    single_factors, distributed_factors = load_file(alone.style / LORA_FILE), load_file(tmp_path / "two" / "style" / LORA_FILE)
    assert max(float(factors.abs().max()) for factors in single_factors.values()) > 0.1
    for name, factors in single_factors.items():
        torch.testing.assert_close(distributed_factors[name], factors, rtol=0, atol=1e-3)


def test_a_launcher_that_starts_one_process_of_several_is_refused(settings: TrainSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(InputError, match=r"on CPUs `accelerate launch` starts one process.*torchrun"):
        train(settings).result()
    monkeypatch.delenv("MASTER_ADDR")
    assert train(replace(settings, steps=1)).result().steps == 1
