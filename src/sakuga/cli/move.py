"""The command `sakuga move`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

FILMS_ONLY = ("init_from", "shot_strength", "noise_drift", "keyframe_rate")
SETTINGS = tuple(name for name in opt.FILM if name not in (*FILMS_ONLY, "loop"))


@opt.film_settings(
    *SETTINGS,
    size=opt.setting("size", default="the image's shape at the model's default area"),
    style=opt.setting("style", default="none"),
    strength=opt.setting(
        "strength", help="Denoising strength to generate the image again first, as the prompt says", default="it moves as it is"
    ),
)
def move(
    image: Annotated[Path, typer.Argument(help="An image file, the first frame")],
    prompt: Annotated[str, typer.Argument(help="What the image shows, and what moves")],
    last: Annotated[Path | None, opt.described("An image file, the last frame; in a loop it comes halfway")] = None,
    seconds: Annotated[float, opt.described("Length of the clip in seconds", default="2")] = 2.0,
    loop: Annotated[bool, opt.described("Lead back to the first frame", "--loop")] = False,
    out: Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.gif")] = Path("clip.gif"),
    seed: opt.Seed = 0,
    settings: Any = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a clip in which an image comes alive."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    work = studio.move(
        image,
        prompt,
        out,
        last=last,
        seconds=seconds,
        loop=loop,
        seed=seed,
        settings=settings,
        store=store,
        recipe=recipe,
        max_size=opt.max_bytes(max_size),
    )
    report_clip(watch(work, quiet=quiet or json), as_json=json, quiet=quiet)
