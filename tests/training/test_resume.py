"""A training killed at any moment ends like an uninterrupted one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import sakuga
from sakuga import InputError
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train
from sakuga.training import checkpoints
from sakuga.training.method_settings import Lora
from sakuga.training.run_folder import RunFolder
from tests.training.conftest import trained, write_small_set

SCRIPT = """
import sys
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train
from sakuga.training.method_settings import Lora
folder, out, model, steps = sys.argv[1:]
work = train(TrainSettings(
    method=Lora(rank=2, targets=("attention",)), set=folder, out=out, model=model, steps=int(steps), batch=2, learning_rate=1e-2,
    sample_every=0, validate_every=20, checkpoint_every=3, precision="fp32", tracker="none", device="cpu",
))
for step in work:
    if step.stage == "training" and step.done == int(steps) - 10:
        sys.stdin.readline()  # so that it never ends before it is killed
"""


def weights(run: Path) -> dict[str, bytes]:
    """Everything in the newest checkpoint: weights, both moments of the optimizer."""
    tensors = load_file(checkpoints.list_checkpoints(run / "checkpoints")[0])
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def figures(run: Path) -> list[dict[str, float]]:
    """Every line of the metrics, without the speed."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "samples_per_second"} for line in lines]


def test_a_run_killed_at_a_random_moment_resumes_exactly(settings: TrainSettings, tmp_path: Path) -> None:
    steps, out = 60, tmp_path / "killed"
    command = [sys.executable, "-c", SCRIPT, str(settings.set), str(out), settings.model, str(steps)]
    environment = {**os.environ, "PYTHONPATH": str(Path(sakuga.__file__).parents[1])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        while not checkpoints.list_checkpoints(out / "checkpoints"):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        time.sleep(random.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
    reached = checkpoints.read(checkpoints.list_checkpoints(out / "checkpoints")[0]).step
    assert 0 < reached < steps
    long = replace(settings, steps=steps, validate_every=20)
    notes = [step.note for step in train(replace(long, out=out, resume=True)) if step.note]
    assert f"resuming after step {reached} of {steps}" in notes
    uninterrupted = trained(replace(long, out=tmp_path / "uninterrupted"))
    assert weights(out) == weights(uninterrupted.run)
    assert (out / "style" / "pytorch_lora_weights.safetensors").read_bytes() == (
        uninterrupted.style / "pytorch_lora_weights.safetensors"
    ).read_bytes()
    assert figures(out)[-1] == figures(uninterrupted.run)[-1]


def test_a_closed_run_resumes_past_a_truncated_checkpoint(settings: TrainSettings, tmp_path: Path) -> None:
    uninterrupted = trained(replace(settings, out=tmp_path / "uninterrupted"))
    work = train(settings)
    for step in work:
        if step.stage == "training" and step.done == 5:
            break
    work.close()
    folder = Path(settings.out) / "checkpoints"
    newest, before = checkpoints.list_checkpoints(folder)
    assert (checkpoints.read(newest).step, checkpoints.read(before).step) == (5, 4)
    newest.write_bytes(newest.read_bytes()[:-100])
    notes = [step.note for step in train(replace(settings, resume=True)) if step.note]
    assert any("step-00000005.safetensors is truncated or damaged" in note for note in notes)
    assert "resuming after step 4 of 8" in notes
    assert weights(Path(settings.out)) == weights(uninterrupted.run)


def test_a_run_is_trained_by_one_process_at_a_time(settings: TrainSettings) -> None:
    first, second = train(settings), train(settings)
    next(first)
    with pytest.raises(InputError, match="another process trains in"):
        next(second)
    first.close()
    with pytest.raises(InputError, match="holds a run: continue it with --resume"):
        next(train(settings))
    train(replace(settings, resume=True)).result()


def test_a_finished_run_is_resumed_at_once(settings: TrainSettings) -> None:
    first = trained(settings)
    written = (first.style / "pytorch_lora_weights.safetensors").stat().st_mtime_ns
    work = train(replace(settings, resume=True))
    assert [step.note for step in work] == [f"{first.run} is finished already"]
    assert work.result() == first
    assert (first.style / "pytorch_lora_weights.safetensors").stat().st_mtime_ns == written


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(settings: TrainSettings, tmp_path: Path) -> None:
    changing = replace(settings, set=write_small_set(tmp_path / "set"))
    trained(changing)
    with pytest.raises(InputError, match="holds a run: continue it with --resume"):
        trained(changing)
    with pytest.raises(InputError, match=r"learning rate 0.01, not 0.02\): resume it with the same settings"):
        trained(replace(changing, resume=True, learning_rate=0.02))
    with pytest.raises(InputError, match=r"has other settings \(rank 2, not 3\)"):
        trained(replace(changing, resume=True, method=Lora(rank=3, targets=("attention",))))
    rows = tmp_path / "set" / "train" / "metadata.jsonl"
    rows.write_text(rows.read_text().replace("red", "blue"))
    with pytest.raises(InputError, match="has changed since this run was started"):
        trained(replace(changing, resume=True))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds other files, which are not overwritten"):
        trained(replace(changing, out=tmp_path / "other"))


def test_a_run_that_was_killed_before_it_had_a_plan_leaves_its_folder_free(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    for folder in (run.checkpoints, run.cache):
        folder.mkdir(parents=True)
    run.check_free()
    (run.checkpoints / "step-1.safetensors").touch()
    with pytest.raises(InputError, match="holds other files"):
        run.check_free()


def test_what_a_killed_run_left_half_written_is_deleted_by_the_next(tmp_path: Path) -> None:
    draft, style = tmp_path / "run" / "style" / ".0123456789abcdef.part", tmp_path / "run" / "style" / "style.toml"
    draft.parent.mkdir(parents=True)
    for file in (draft, style):
        file.touch()
    with RunFolder(tmp_path / "run").held():
        assert (draft.exists(), style.exists()) == (False, True)


def test_a_nearly_full_disk_stops_the_run_with_every_step_saved(settings: TrainSettings, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "MARGIN", 2**60)
        with pytest.raises(checkpoints.DiskFull, match="nearly full: stopped after step 1, which is saved"):
            trained(replace(settings, log_every=1))
    assert weights(trained(replace(settings, resume=True)).run) == weights(trained(replace(settings, out=tmp_path / "uninterrupted")).run)


@pytest.mark.parametrize("line", [1, 2, 7, 8])
def test_a_run_interrupted_between_a_step_and_its_lines_ends_as_if_nobody_had(
    settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: int
) -> None:
    plan = replace(settings, steps=8, validate_every=2, log_every=2, checkpoint_every=3)
    uninterrupted = trained(replace(plan, out=tmp_path / "uninterrupted"))
    write, lines = RunFolder.log_metrics, count(1)

    def interrupted(run: RunFolder, step: int, metrics: Mapping[str, float]) -> None:
        if next(lines) == line:
            raise KeyboardInterrupt
        write(run, step, metrics)

    monkeypatch.setattr(RunFolder, "log_metrics", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(replace(plan, out=tmp_path / "resumed"))
    resumed = trained(replace(plan, out=tmp_path / "resumed", resume=True))
    assert figures(resumed.run) == figures(uninterrupted.run)
    assert weights(resumed.run) == weights(uninterrupted.run)
    best = [load_file(one.run / "checkpoints" / checkpoints.BEST) for one in (resumed, uninterrupted)]
    assert all(torch.equal(tensor, best[1][name]) for name, tensor in best[0].items())
    assert (resumed.loss, resumed.validation_loss) == (uninterrupted.loss, uninterrupted.validation_loss)
