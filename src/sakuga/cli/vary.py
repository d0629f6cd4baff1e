"""The command `sakuga vary`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt


def vary(
    picture: Annotated[Path, typer.Argument(help="a picture file of any common kind")],
    variants: Annotated[int, typer.Option("-n", help="variants, each drawn from the one before")] = 20,
    between: Annotated[int, typer.Option(help="frames from one variant to the next")] = 8,
    mode: Annotated[str, typer.Option(help="what lies between: lerp is drawn; flow, latent, crossfade are made of the pictures")] = "lerp",
    fit: Annotated[str, typer.Option(help="what is seen of pictures that are no squares: crop (their middle) or pad (the whole)")] = "crop",
    noise_shift: Annotated[float, typer.Option(help="how much of a new noise each variant takes in, 0 to 1")] = 0.4,
    good: Annotated[
        list[str] | None, typer.Option(help="what to draw towards; repeatable", show_default="the look's own words, and for quality")
    ] = None,
    bad: Annotated[list[str] | None, typer.Option(help="what to draw away from; repeatable", show_default="words for bad pictures")] = None,
    clip_positive: Annotated[float, typer.Option(help="how firmly to draw towards the good texts")] = 30.0,
    clip_negative: Annotated[float, typer.Option(help="how firmly to draw away from the bad texts")] = 30.0,
    repeats: Annotated[int, typer.Option(help="steps of that guidance; 0 is off")] = 10,
    out: Annotated[Path, typer.Option("--out", "-o", help=opt.CLIP)] = Path("clip.gif"),
    fps: Annotated[Any, opt.rate("20")] = None,
    model: opt.Model = "sketchbook",
    style: opt.Style = None,
    steps: opt.Steps = None,
    guidance: Annotated[
        float | None, typer.Option(help="how firmly the picture is followed", show_default="half the model's usual")
    ] = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    seed: opt.Seed = 0,
    size: Annotated[str | None, typer.Option(help="N or WxH in pixels", show_default="the picture's shape at the usual area")] = None,
    grain: opt.Grain = None,
    paper: opt.Paper = None,
    pixel: opt.Pixel = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip of a picture's variations, each drawn from what the model sees in the one before."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    settings = opt.settings(
        fps=fps, model=model, style=style, steps=steps, guidance=guidance, sampler=sampler,
        precision=precision, size=size,
        grain=grain, paper=paper, pixel=pixel,
    )  # fmt: skip
    work = studio.vary(
        picture, out, variants=variants, between=between, noise_shift=noise_shift, mode=mode, fit=fit, good=good or None, bad=bad or None,
        positive=clip_positive, negative=clip_negative, repeats=repeats, seed=seed, settings=settings, store=store, recipe=recipe,
        max_size=opt.most_bytes(max_size),
    )  # fmt: skip
    made = watch(work, quiet=quiet or json)
    values = {"variance": asdict(made.variance), "growth": asdict(made.growth), "collapsed": made.variance.collapsed or made.growth.burnt}
    report_clip(made, as_json=json, quiet=quiet, values=values)
