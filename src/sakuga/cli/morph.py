"""The command `sakuga morph`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga import InputError
from sakuga.cli import options as opt
from sakuga.story.style_list import join_styles

STYLE = Annotated[
    list[str] | None,
    opt.described(
        "Style of all prompts, NAME or NAME:WEIGHT, or 2=NAME:WEIGHT for the second alone; repeatable",
        default="the styles that prompts name",
    ),
]

EXAMPLE = 'sakuga morph "a castle by day" "a castle at night"'

Out = Annotated[Path, opt.described("Clip to write: .gif .webp .apng .mp4 .webm", "--out", "-o", default="morph.gif")]


@opt.film_settings(
    "negative",
    "size",
    "fps",
    "steps",
    "model",
    "sampler",
    "precision",
    "guidance",
    *opt.SAMPLING,
    *opt.FILE_CHOICES,
    "tiled_vae",
    "controlnet",
    "upscaler",
    "grain",
    "paper",
    "pixel",
)
def morph(
    prompts: Annotated[list[str], typer.Argument(help="Prompts to morph between, in order")],
    out: Out = Path("morph.gif"),
    frames: Annotated[int | None, opt.described("Frames of the clip (2 to 10000)", default="20 from prompt to prompt")] = None,
    style: STYLE = None,
    ease: Annotated[
        str | None, opt.described("Timing between prompts (linear, smooth, smoother, in or out)", default="smooth, linear for one prompt")
    ] = None,
    loop: Annotated[bool, opt.described("Go on from the last prompt to the first; one prompt moves in its noise", "--loop")] = False,
    ping_pong: Annotated[bool, opt.described("Play forward and back: a loop for half the rendering", "--ping-pong")] = False,
    even: Annotated[
        bool, opt.described("Time the frames so that neighbors differ equally; renders up to five times as much", "--even")
    ] = False,
    seed: opt.Seed = 0,
    same_seed: Annotated[bool, opt.described("Same noise for all prompts: only prompts and styles change", "--same-seed")] = False,
    settings: Any = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a clip that morphs from prompt to prompt."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch
    from sakuga.story.storyboard import LITTLE_WORDS, PREPOSITIONS

    if loose := next((prompt for prompt in prompts if prompt.lower() in LITTLE_WORDS | PREPOSITIONS), None):
        raise InputError(f"{loose!r} is no prompt: put each in quotation marks, as in {EXAMPLE}")
    everywhere, styles = studio.parse_prompt_styles(style or (), len(prompts))
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
        style=join_styles(everywhere) or None,
        styles=styles,
        settings=settings,
        store=store,
        recipe=recipe,
        max_size=opt.max_bytes(max_size),
    )
    made = watch(work, quiet=quiet or json)
    values = {name: getattr(made, name) for name in ("step_variation", "step_variation_before", "loop_gap")}
    report_clip(made, as_json=json, quiet=quiet, values=values, words=_motion(made))


def _motion(made: Any) -> list[str]:
    """Return how evenly a morph moves, in sentences."""
    lines = []
    if made.step_variation_before is not None:
        lines.append(f"Steps between frames vary by {made.step_variation:.0%}, by {made.step_variation_before:.0%} before timing.")
    if made.loop_gap is not None and made.loop_gap <= 1.2:
        lines.append(f"The loop closes smoothly ({made.loop_gap:.2f} of a normal step).")
    return lines
