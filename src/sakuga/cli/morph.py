"""The command that lets prompts flow into each other."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt


def morph(
    prompts: Annotated[list[str], typer.Argument(help="what is seen, one after the other")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the clip: .gif, .webp, .apng, .mp4 or .webm")] = Path("morph.gif"),
    frames: Annotated[int | None, typer.Option(help="frames of the clip", show_default="20 from prompt to prompt")] = None,
    ease: Annotated[
        str | None, typer.Option(help="linear, smooth, smoother, in or out", show_default="smooth; linear for one prompt")
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="go on from the last prompt to the first; one prompt goes round in its noise")
    ] = False,
    ping_pong: Annotated[bool, typer.Option("--ping-pong", help="play forth and back: a loop for half the drawing")] = False,
    even: Annotated[
        bool, typer.Option("--even", help="time the frames so that neighbours differ equally; draws up to five times as much")
    ] = False,
    fps: opt.Fps = None,
    model: opt.Model = "sketchbook",
    style: Annotated[
        list[str] | None,
        typer.Option(help="a style that all prompts wear, NAME or NAME:WEIGHT, or 2=NAME:WEIGHT for the second alone; repeatable"),
    ] = None,
    negative: opt.Negative = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    seed: opt.Seed = 0,
    same_seed: Annotated[bool, typer.Option("--same-seed", help="the same noise for all prompts: only they and their styles move")] = False,
    size: opt.Size = None,
    grain: opt.Grain = None,
    paper: opt.Paper = None,
    pixel: opt.Pixel = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip that flows from prompt to prompt."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    everywhere, styles = studio.parse_prompt_styles(style or (), len(prompts))
    settings = opt.settings(
        fps=fps, model=model, style=everywhere, negative=negative, steps=steps, guidance=guidance, sampler=sampler,
        precision=precision, size=size,
        grain=grain, paper=paper, pixel=pixel,
    )  # fmt: skip
    work = studio.morph(
        prompts,
        out,
        frames=frames,
        ease=studio.parse_ease(ease) if ease else None,
        loop=loop,
        ping_pong=ping_pong,
        even=even,
        seed=seed,
        same_seed=same_seed,
        styles=styles,
        settings=settings,
        store=store,
        recipe=recipe,
        max_size=opt.most_bytes(max_size),
    )
    made = watch(work, quiet=quiet or json)
    values = {name: getattr(made, name) for name in ("step_variation", "step_variation_before", "loop_gap")}
    report_clip(made, as_json=json, quiet=quiet, values=values, words=_words(made))


def _words(made: Any) -> list[str]:
    told = []
    if made.step_variation_before is not None:
        told.append(f"neighbours' differences vary by {made.step_variation:.0%}, and by {made.step_variation_before:.0%} before")
    if made.loop_gap is not None:
        told.append(f"from the last frame to the first it is {made.loop_gap:.2f} usual steps")
    return told
