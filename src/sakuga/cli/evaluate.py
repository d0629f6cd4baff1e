"""The command `sakuga evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt

Motion = opt.described("Motion adapter to evaluate: a folder or file, or owner/name", "--motion", default="the model's own")
Clip = opt.described("CLIP model that scores prompts: a folder or hub id owner/name", "--clip", default="the model's own")


def evaluate(
    subject: Annotated[
        str, typer.Argument(help="A folder of images, a clip, a training run, a style by name, folder, file or hub:owner/name, or motion")
    ],
    against: Annotated[str | None, opt.described("Compare with another folder, clip, style or motion adapter", default="none")] = None,
    out: Annotated[Path | None, opt.described("Folder of the report", "--out", "-o", default="SUBJECT-report", panel=opt.OUTPUT)] = None,
    prompts: Annotated[
        Path | None,
        opt.described(
            "File of prompts, one a line, # for comments: to generate in a style, or what a folder's images show",
            default="held-out captions",
        ),
    ] = None,
    count: Annotated[
        int | None, opt.described("Prompts for a style, or clips for a motion adapter, 1 or more", "--count", "-n", default="32, or 16")
    ] = None,
    seeds: Annotated[int, opt.described("Images per prompt of a style, with seeds SEED, SEED + 1, ...", default="2")] = 2,
    seed: opt.Seed = 0,
    text: Annotated[str | None, opt.described("Score every image against this text", default="none")] = None,
    reference: Annotated[Path | None, opt.described("Folder of reference images for a style", default="renders, if built in")] = None,
    clip: Annotated[str | None, Clip] = None,
    model: Annotated[
        str | None, opt.described("Base model that generated the images, or generates them", default="by the recipes, or sketchbook")
    ] = None,
    motion: Annotated[str | None, Motion] = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    size: opt.Size = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Evaluate images, a clip, a style, a training run or a motion adapter, and write a report."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    request = studio.EvaluationRequest(
        subject=subject, against=against, prompts=prompts, count=count, seeds=seeds, seed=seed, text=text, reference=reference, clip=clip,
        settings=opt.settings(model=model, motion=motion, steps=steps, guidance=guidance, sampler=sampler, precision=precision, size=size),
    )  # fmt: skip
    made = watch(studio.evaluate(request, out, store=store), quiet=quiet or json)
    lines = [f"{one.key:28} {one}" for one in made.metrics]
    report(studio.to_json(made.metrics), as_json=json, words="\n".join([*lines, f"wrote {made.report}"]), quiet=quiet)
