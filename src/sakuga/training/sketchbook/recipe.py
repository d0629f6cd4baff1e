"""The order of the trainings: each stage by its name, in a run folder below the work folder, its results in `weights/`."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial

import torch

from sakuga.training.sketchbook import classifier, clip, controlnet, depth, lcm, motion, styles, together, unet, upscaler, vae
from sakuga.training.sketchbook.latents import make_latents
from sakuga.training.sketchbook.loop import Pace, Plan, Step, Task, Training, run_training, with_budget
from sakuga.training.sketchbook.options import Options, Stage
from sakuga.training.sketchbook.pictures import IN_LOOK
from sakuga.training.sketchbook.together import run_together

TASKS: dict[Stage, tuple[Plan, Callable[..., Task]]] = {
    "vae": (vae.PLAN, vae.VaeTask),
    "clip": (clip.PLAN, clip.ClipTask),
    "classifier": (classifier.PLAN, classifier.ClassifierTask),
    "unet": (unet.PLAN, unet.UnetTask),
    "upscaler": (upscaler.PLAN, upscaler.UpscalerTask),
    "depth": (depth.PLAN, depth.DepthTask),
    "controlnet": (controlnet.PLAN, controlnet.ControlnetTask),
    "motion": (motion.PLAN, motion.MotionTask),
    "lcm": (lcm.PLAN, lcm.FewStepTask),
}


def pick_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is the GPU where there is one."""
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def train(stage: Stage, options: Options) -> Generator[Step, None, None]:
    """Train one stage, yielding its steps; the networks it stands on are read from `weights/` below the work folder.

    Where several workers train, the steps are the first one's, and count the samples of all. Closing the iterator saves and stops them.
    The stage "latents" makes what the stage "unet" learns from, which would else begin with it; there, workers are so many processes.
    """
    if stage == "latents":
        options = replace(options, workers=1, processes=max(options.processes, options.workers))
    threads = options.threads or max(1, torch.get_num_threads() // options.workers)
    yield from run_together(options.workers, _train, stage, options, threads)


def _train(stage: Stage, options: Options, threads: int) -> Generator[Step, None, None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # settings of the whole process, so they come off again
    try:
        with closing(_steps(stage, options)) as steps:
            for step in steps:
                yield replace(step, losses={name: float(value) for name, value in step.losses.items()}) if options.workers > 1 else step
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


def _steps(stage: Stage, options: Options) -> Generator[Step, None, None]:
    match stage:
        case "latents":
            return _make_latents(options)
        case "styles":
            return _train_styles(options)
        case _:
            return _train_one(*TASKS[stage], stage, options)


def _train_one(plan: Plan, make: Callable[..., Task], run: str, options: Options) -> Generator[Step, None, None]:
    plan = with_budget(plan, samples=options.samples, batch=options.batch, pictures=options.pictures)
    with together.leader_first():
        task = make(plan, options.work, pick_device(options.device), options.processes, options.start)
    training = Training(task, options.work / "runs" / run, resume=options.resume)
    yield from run_training(training, options.work / "weights", Pace(minutes=options.minutes, look_every=options.look_every))


def _train_styles(options: Options) -> Generator[Step, None, None]:
    """Train one style after the other, each in a run of its own; to resume finds those that are finished, and goes on from there."""
    started = time.monotonic()
    for look in IN_LOOK:
        left = options.minutes - (time.monotonic() - started) / 60
        if together.any_says(left <= 0):
            return
        make = partial(styles.StyleTask, look)
        yield from _train_one(styles.PLAN, make, f"styles/{look}", replace(options, minutes=left))


def _make_latents(options: Options) -> Generator[Step, None, None]:
    """Make the latents that are missing until the time is over, yielding how many pictures are done; no more than whole shards are lost."""
    pictures, device = options.pictures or unet.PLAN.pictures, pick_device(options.device)
    wanted = [unet.held_out(options.work, pictures, device), *unet.albums(options.work, pictures, device)]
    started, done, total = time.monotonic(), 0, sum(count for _, count in wanted)
    for count in make_latents(wanted, options.processes):
        done += count
        yield Step(seen=done, samples=total, losses={})
        if time.monotonic() - started > 60 * options.minutes:
            return
