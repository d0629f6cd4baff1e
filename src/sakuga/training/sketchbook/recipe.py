"""The recipe of the Sketchbook's stages.

Each has a run folder; weights are in `weights/`.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial

import torch

from sakuga.training.distributed import any_process, main_process_first, run_in_processes
from sakuga.training.sketchbook import classifier, clip, controlnet, depth, lcm, motion, sharpen, styles, unet, upscaler, vae
from sakuga.training.sketchbook.image_dataset import IN_LOOK
from sakuga.training.sketchbook.latent_dataset import make_latents
from sakuga.training.sketchbook.loop import (
    Intervals,
    StagePlan,
    StageSetup,
    StageStep,
    StageTask,
    StageTraining,
    override_plan,
    run_training,
)
from sakuga.training.sketchbook.options import Stage, TrainingOptions
from sakuga.training.speed import pick_device

MakeTask = Callable[[StageSetup], StageTask]
TASKS: dict[Stage, tuple[StagePlan, MakeTask]] = {
    "vae": (vae.PLAN, vae.VaeTask),
    "clip": (clip.PLAN, clip.ClipTask),
    "classifier": (classifier.PLAN, classifier.ClassifierTask),
    "unet": (unet.PLAN, unet.UnetTask),
    "sharpen": (sharpen.PLAN, sharpen.SharpenTask),
    "upscaler": (upscaler.PLAN, upscaler.UpscalerTask),
    "depth": (depth.PLAN, depth.DepthTask),
    "controlnet": (controlnet.PLAN, controlnet.ControlnetTask),
    "motion": (motion.PLAN, motion.MotionTask),
    "lcm": (lcm.PLAN, lcm.FewStepTask),
}
"""All stages but `latents`, which prepares those of the UNet, and `styles`, which trains one LoRA after the other."""


def train(stage: Stage, options: TrainingOptions) -> Generator[StageStep, None, None]:
    """Train one stage, yielding its steps.

    Networks it depends on are read from `weights/`. With several workers the steps are those of the main one, and count the samples of all.
    Closing the iterator saves and stops them. The stage "latents" makes what "unet" would otherwise make first; there, workers are
    processes that do so.
    """
    if stage == "latents":
        options = replace(options, workers=1, processes=max(options.processes, options.workers))
    threads = options.threads or max(1, torch.get_num_threads() // options.workers)
    yield from run_in_processes(options.workers, _train, stage, options, threads)


def _train(stage: Stage, options: TrainingOptions, threads: int) -> Generator[StageStep, None, None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # settings of the whole process, so they are restored
    try:
        with closing(_steps(stage, options)) as steps:
            for step in steps:
                losses = {name: float(value) for name, value in step.losses.items()} if options.workers > 1 else step.losses
                yield replace(step, stage=stage, losses=losses)
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


def _steps(stage: Stage, options: TrainingOptions) -> Generator[StageStep, None, None]:
    match stage:
        case "latents":
            return _make_latents(options)
        case "styles":
            return _train_styles(options)
        case _:
            return _train_one(*TASKS[stage], stage, options)


def _train_one(plan: StagePlan, make: MakeTask, run: str, options: TrainingOptions) -> Generator[StageStep, None, None]:
    setup = StageSetup(
        plan=override_plan(plan, samples=options.samples, batch=options.batch, rate=options.rate, images=options.images),
        work=options.work,
        device=pick_device(options.device),
        processes=options.processes,
        start=options.start,
    )
    with main_process_first():
        task = make(setup)
    training = StageTraining(task, options.work / "runs" / run, resume=options.resume)
    intervals = Intervals(minutes=options.minutes, evaluate_every=options.evaluate_every)
    yield from run_training(training, options.work / "weights", intervals)


def _train_styles(options: TrainingOptions) -> Generator[StageStep, None, None]:
    """Train one style after the other.

    A resumed recipe skips finished ones.
    """
    started = time.monotonic()
    for look in IN_LOOK:
        left = options.minutes - (time.monotonic() - started) / 60
        if any_process(left <= 0):
            return
        make = partial(styles.StyleTask, look)
        yield from _train_one(styles.PLAN, make, f"styles/{look}", replace(options, minutes=left))


def _make_latents(options: TrainingOptions) -> Generator[StageStep, None, None]:
    """Make missing latents until the time is over.

    Only whole shards are kept.
    """
    images, device = options.images or unet.PLAN.images, pick_device(options.device)
    wanted = [unet.held_out(options.work, images, device), *unet.training_sets(options.work, images, device)]
    started, done, total = time.monotonic(), 0, sum(count for _, count in wanted)
    for count in make_latents(wanted, options.processes):
        done += count
        yield StageStep(samples_seen=done, samples=total, losses={})
        if time.monotonic() - started > 60 * options.minutes:
            return
