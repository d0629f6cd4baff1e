"""The command `sakuga evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt


def evaluate(
    thing: Annotated[str, typer.Argument(help="a folder of pictures, a clip, a training run, or a style: a name, folder or file")],
    against: Annotated[str | None, typer.Option(help="another folder, clip or style to hold it against")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the report's folder", show_default="THING-report")] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="one prompt a line, # begins a comment: what to draw in a style, or what a folder's pictures show")
    ] = None,
    count: Annotated[int | None, typer.Option("-n", help="prompts that a style is tried on", show_default="32")] = None,
    seeds: Annotated[int, typer.Option(help="pictures of each prompt, with the seeds SEED, SEED + 1, ...")] = 2,
    seed: opt.Seed = 0,
    text: Annotated[str | None, typer.Option(help="a text that every picture is compared with")] = None,
    reference: Annotated[Path | None, typer.Option(help="a folder of pictures that a style is to be like")] = None,
    clip: Annotated[
        str | None, typer.Option(help="a CLIP to judge words by: a folder or owner/name", show_default="the model's own")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="the model that drew it, or is to draw", show_default="by the recipes, or sketchbook")
    ] = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    size: Annotated[str | None, typer.Option(help="N or WxH in pixels", show_default="the model's own")] = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Measure pictures, a clip, a style or a training run, and write a report to read."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    asked = studio.Asked(
        thing=thing, against=against, prompts=prompts, count=count, seeds=seeds, seed=seed, text=text, reference=reference, clip=clip,
        settings=opt.settings(model=model, style=None, steps=steps, guidance=guidance, sampler=sampler, precision=precision, size=size),
    )  # fmt: skip
    made = watch(studio.evaluate(asked, out, store=store), quiet=quiet or json)
    lines = [f"{one.key:28} {one}" for one in made.figures]
    report(studio.to_json(made.figures), as_json=json, words="\n".join([*lines, f"wrote {made.report}"]), quiet=quiet)
