"""The command `sakuga vary`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

TEXTS = "Guidance by texts"


Variants = Annotated[int, opt.described("Variants, each generated from the one before (1 to 10000)", "--variants", "-n", default="20")]


@opt.film_settings(
    "style",
    "size",
    "fps",
    "steps",
    "model",
    "sampler",
    "precision",
    "guidance",
    "guidance_start",
    "schedule",
    "eta",
    *opt.FILE_CHOICES,
    "tiled_vae",
    "controlnet",
    "upscaler",
    "grain",
    "paper",
    "pixel",
    size=opt.setting("size", default="the image's shape at the model's default area"),
    fps=opt.setting("fps", default="20"),
    style=opt.setting("style", default="none"),
    guidance=opt.setting(
        "guidance", help="Strength of the image embedding (CFG)", default="half that of prompts: 2 on the Sketchbook, 3.75 otherwise"
    ),
)
def vary(
    image: Annotated[Path, typer.Argument(help="An image file")],
    variants: Annotated[
        int, opt.described("Variants, each generated from the one before (1 to 10000)", "--variants", "-n", default="20")
    ] = 20,
    between: Annotated[int, opt.described("Frames per variant (1 to 1000)", default="8")] = 8,
    mode: Annotated[
        str, opt.described("Frames between variants: lerp generates them; flow, latent and crossfade interpolate images", default="lerp")
    ] = "lerp",
    fit: Annotated[str, opt.described("View of an image that is not square (crop or pad)", default="crop")] = "crop",
    noise_shift: Annotated[float, opt.described("Share of new noise per variant (0 to 1)", default="0.4")] = 0.4,
    out: Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.gif")] = Path("clip.gif"),
    seed: opt.Seed = 0,
    good: Annotated[
        list[str] | None,
        opt.described("Text to guide the images towards; repeatable", default="trigger words, and words for quality", panel=TEXTS),
    ] = None,
    bad: Annotated[
        list[str] | None, opt.described("Text to guide the images away from; repeatable", default="words for bad quality", panel=TEXTS)
    ] = None,
    clip_positive: Annotated[float, opt.described("Scale of the good texts (0 to 1000)", default="30", panel=TEXTS)] = 30.0,
    clip_negative: Annotated[float, opt.described("Scale of the bad texts (0 to 1000)", default="30", panel=TEXTS)] = 30.0,
    repeats: Annotated[int, opt.described("Guidance steps per variant; 0 disables it (0 to 1000)", default="10", panel=TEXTS)] = 10,
    settings: Any = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a clip of an image's variations, each from the one before."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    work = studio.vary(
        image,
        out,
        variants=variants,
        between=between,
        noise_shift=noise_shift,
        mode=mode,
        fit=fit,
        good=good or None,
        bad=bad or None,
        positive=clip_positive,
        negative=clip_negative,
        repeats=repeats,
        seed=seed,
        settings=settings,
        store=store,
        recipe=recipe,
        max_size=opt.max_bytes(max_size),
    )
    made = watch(work, quiet=quiet or json)
    collapsed = made.variance.collapsed or made.growth.oversaturated
    values = {"variance": asdict(made.variance), "growth": asdict(made.growth), "collapsed": collapsed}
    report_clip(made, as_json=json, quiet=quiet, values=values)
