"""The order of the trainings: each stage by its name, in a run folder below the work folder, its results in `weights/`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from sakuga.training.sketchbook import classifier, clip, controlnet, depth, lcm, styles, together, unet, upscaler, vae
from sakuga.training.sketchbook.latents import make_latents
from sakuga.training.sketchbook.loop import Pace, Plan, Step, Task, Training, run_training, with_budget
from sakuga.training.sketchbook.pictures import IN_LOOK

SAY_EVERY = 20.0
"""Seconds."""

Stage = Literal["vae", "clip", "classifier", "latents", "unet", "upscaler", "depth", "controlnet", "styles", "lcm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a stage may be told: where it works and on what; `samples`, `batch`, `pictures` in place of the plan's own.

    `start` is a folder of finished weights to go on from, with a fresh optimizer.
    """

    work: Path
    device: str = "auto"
    processes: int = 1
    resume: bool = False
    start: Path | None = None
    samples: int | None = None
    batch: int | None = None
    pictures: int | None = None


STAGES: dict[Stage, tuple[Plan, Callable[..., Task]]] = {
    "vae": (vae.PLAN, vae.VaeTask),
    "clip": (clip.PLAN, clip.ClipTask),
    "classifier": (classifier.PLAN, classifier.ClassifierTask),
    "unet": (unet.PLAN, unet.UnetTask),
    "upscaler": (upscaler.PLAN, upscaler.UpscalerTask),
    "depth": (depth.PLAN, depth.DepthTask),
    "controlnet": (controlnet.PLAN, controlnet.ControlnetTask),
    "lcm": (lcm.PLAN, lcm.FewStepTask),
}


def pick_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is the GPU where there is one."""
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def train(stage: Stage, options: Options, pace: Pace | None = None) -> Iterator[Step]:
    """Train one stage, yielding its steps; the networks it stands on are read from `weights/` below the work folder.

    The stage "latents" makes what the stage "unet" learns from, which would else begin with it.
    """
    torch.set_flush_denormal(True)  # a setting of the whole process, so it comes off again
    try:
        yield from _train(stage, options, pace or Pace())
    finally:
        torch.set_flush_denormal(False)


def _train(stage: Stage, options: Options, pace: Pace) -> Iterator[Step]:
    match stage:
        case "latents":
            yield from _make_latents(options, pace)
        case "styles":
            yield from _train_styles(options, pace)
        case _:
            plan, make = STAGES[stage]
            yield from _train_one(plan, make, stage, options, pace)


def _train_one(plan: Plan, make: Callable[..., Task], run: str, options: Options, pace: Pace) -> Iterator[Step]:
    plan = with_budget(plan, samples=options.samples, batch=options.batch, pictures=options.pictures)
    task = make(plan, options.work, pick_device(options.device), options.processes, options.start)
    training = Training(task, options.work / "runs" / run, resume=options.resume)
    yield from run_training(training, options.work / "weights", pace)


def _train_styles(options: Options, pace: Pace) -> Iterator[Step]:
    """Train one style after the other, each in a run of its own; to resume finds those that are finished, and goes on from there."""
    started = time.monotonic()
    for look in IN_LOOK:
        left = pace.minutes - (time.monotonic() - started) / 60
        if together.any_says(left <= 0):
            return
        make = partial(styles.StyleTask, look)
        yield from _train_one(styles.PLAN, make, f"styles/{look}", options, replace(pace, minutes=left))


def train_aloud(stage: Stage, options: Options, pace: Pace, threads: int = 1) -> None:
    """Train one stage to its end, and say now and then how far it is."""
    torch.set_num_threads(threads)
    said = time.monotonic()
    for step in train(stage, options, pace):
        if together.rank() == 0 and time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            parts = " ".join(f"{name} {float(value):.4f}" for name, value in step.losses.items())
            print(f"{step.seen} of {step.samples}: {parts}", flush=True)


def _make_latents(options: Options, pace: Pace) -> Iterator[Step]:
    """Make the latents that are missing until the time is over, yielding how many pictures are done; no more than whole shards are lost."""
    pictures, device = options.pictures or unet.PLAN.pictures, pick_device(options.device)
    wanted = [unet.held_out(options.work, pictures, device), *unet.albums(options.work, pictures, device)]
    started, done, total = time.monotonic(), 0, sum(count for _, count in wanted)
    for count in make_latents(wanted, options.processes):
        done += count
        yield Step(seen=done, samples=total, losses={})
        if time.monotonic() - started > 60 * pace.minutes:
            return
