"""A training that is killed, at any moment, ends as if it had never stopped."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

import sakuga
from sakuga import InputError
from sakuga.studio.training.train import TrainSettings, train
from sakuga.training import checkpoints
from sakuga.training.plan import Lora
from tests.training.conftest import done, write_small_set

SCRIPT = """
import sys
from sakuga.studio.training.train import TrainSettings, train
from sakuga.training.plan import Lora
given, out, model, steps = sys.argv[1:]
train(TrainSettings(
    method=Lora(rank=2, targets=("attention",)), set=given, out=out, model=model, steps=int(steps), batch=2, rate=1e-2, sample_every=0,
    validate_every=40, checkpoint_every=3, precision="fp32", tracker="none", device="cpu",
)).result()
"""


def weights(run: Path) -> dict[str, bytes]:
    """Everything in the newest checkpoint: weights, both moments of the optimizer."""
    tensors = load_file(checkpoints.listed(run / "checkpoints")[0])
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def figures(run: Path) -> list[str]:
    return [line.split('"samples_per_second"')[0] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_killed_at_a_random_moment_it_ends_as_if_undisturbed(settings: TrainSettings, tmp_path: Path) -> None:
    steps, out = 120, tmp_path / "killed"
    command = [sys.executable, "-c", SCRIPT, str(settings.set), str(out), settings.model, str(steps)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(sakuga.__file__).parents[1])})
    while not checkpoints.listed(out / "checkpoints"):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    time.sleep(random.uniform(0.0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = checkpoints.read(checkpoints.listed(out / "checkpoints")[0]).step
    assert 0 < reached < steps
    long = replace(settings, steps=steps, validate_every=40)
    notes = [step.note for step in train(replace(long, out=out, resume=True)) if step.note]
    assert f"going on after step {reached} of {steps}" in notes
    whole = done(replace(long, out=tmp_path / "whole"))
    assert weights(out) == weights(whole.run)
    assert (out / "style" / "pytorch_lora_weights.safetensors").read_bytes() == (
        whole.style / "pytorch_lora_weights.safetensors"
    ).read_bytes()
    assert figures(out)[-1] == figures(whole.run)[-1]


def test_closed_it_goes_on_and_a_checkpoint_cut_short_is_passed_over(settings: TrainSettings, tmp_path: Path) -> None:
    whole = done(replace(settings, out=tmp_path / "whole"))
    work = train(settings)
    for step in work:
        if step.stage == "training" and step.done == 5:
            break
    work.close()
    folder = Path(settings.out) / "checkpoints"
    newest, before = checkpoints.listed(folder)
    assert (checkpoints.read(newest).step, checkpoints.read(before).step) == (5, 4)
    newest.write_bytes(newest.read_bytes()[:-100])
    notes = [step.note for step in train(replace(settings, resume=True)) if step.note]
    assert any("step-00000005.safetensors is cut short" in note for note in notes)
    assert "going on after step 4 of 8" in notes
    assert weights(Path(settings.out)) == weights(whole.run)


def test_a_finished_run_is_resumed_at_once(settings: TrainSettings) -> None:
    first = done(settings)
    written = (first.style / "pytorch_lora_weights.safetensors").stat().st_mtime_ns
    work = train(replace(settings, resume=True))
    assert [step.note for step in work] == [f"{first.run} is finished already"]
    assert work.result() == first
    assert (first.style / "pytorch_lora_weights.safetensors").stat().st_mtime_ns == written


def test_a_run_is_neither_overwritten_nor_resumed_as_another(settings: TrainSettings, tmp_path: Path) -> None:
    changing = replace(settings, set=write_small_set(tmp_path / "set"))
    done(changing)
    with pytest.raises(InputError, match="holds a run: give --resume"):
        done(changing)
    with pytest.raises(InputError, match=r"rate 0.01, not 0.02\): resume it as it was"):
        done(replace(changing, resume=True, rate=0.02))
    with pytest.raises(InputError, match=r"begun otherwise \(rank 2, not 3\)"):
        done(replace(changing, resume=True, method=Lora(rank=3, targets=("attention",))))
    rows = tmp_path / "set" / "train" / "metadata.jsonl"
    rows.write_text(rows.read_text().replace("red", "blue"))
    with pytest.raises(InputError, match="has changed since this run began"):
        done(replace(changing, resume=True))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds something that is no run"):
        done(replace(changing, out=tmp_path / "other"))


def test_a_disk_nearly_full_stops_it_with_every_step_saved(settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "MARGIN", 2**60)
        with pytest.raises(checkpoints.DiskFull, match="nearly full: stopped after step 1, which is saved"):
            done(replace(settings, log_every=1))
    assert weights(done(replace(settings, resume=True)).run) == weights(done(replace(settings, out=tmp_path / "whole")).run)
