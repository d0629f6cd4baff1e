"""The commands `sakuga animate`, `render` and `storyboard`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga import InputError
from sakuga.cli import options as opt
from sakuga.story.options import BITS
from sakuga.text import counted

Idea = Annotated[str, typer.Argument(help="What the film shows, in a few words")]
Out = Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.gif")]


@opt.film_settings(*opt.FILM)
def animate(
    idea: Idea,
    out: Out = Path("clip.gif"),
    shots: opt.Shots = 5,
    seconds: opt.Seconds = 6.0,
    seed: opt.Seed = 0,
    preview: opt.Preview = False,
    film: Annotated[Path | None, opt.described("Write the storyboard to this .toml too, to edit and `sakuga render`", "--film")] = None,
    settings: Any = None,
    workers: opt.Workers = 1,
    llm: opt.Llm = None,
    overwrite: opt.Overwrite = False,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a clip from an idea."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    work = studio.animate(
        idea,
        out,
        shots=shots,
        seconds=seconds,
        seed=seed,
        settings=settings,
        planner=studio.planner(llm),
        store=store,
        recipe=recipe,
        max_size=opt.max_bytes(max_size),
        preview=preview,
        film=film,
        overwrite=overwrite,
        workers=workers,
    )
    made = watch(work, quiet=quiet or json)
    place = f"film: {film}, to edit and `sakuga render`" if film else f"film: in the recipe of {out}; --film FILE.toml writes it to edit"
    values = {"film": str(film) if film else None}
    report_clip(made, as_json=json, quiet=quiet, values=values, words=[place] if film or recipe else ["film: not kept"])


@opt.film_settings(*opt.FILM, model=False)
def render(
    film: Annotated[Path, typer.Argument(help="A film.toml")],
    out: Out = Path("clip.gif"),
    seed: Annotated[int | None, opt.option(opt.SEED, help="New seeds for every shot", default="the film's")] = None,
    preview: opt.Preview = False,
    settings: Any = None,
    frames: opt.Frames = None,
    first_frame: opt.FirstFrame = 1,
    bits: opt.Bits = "8",
    workers: opt.Workers = 1,
    queue: Annotated[bool, opt.described("Let the studio's worker make it, and return at once", "--queue", panel=opt.OUTPUT)] = False,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a clip from a film.toml.

    Only what changed is generated again. Options replace the film's settings.
    """
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    changed = studio.override(studio.read_film(film), settings, seed)
    depth: Any = int(BITS.check("--bits", bits))
    if queue:
        from sakuga.cli.queue import hand_over

        if workers > 1 or depth != 8:
            raise InputError("--queue leaves the render to the studio's worker: leave --workers and --bits out")
        studio.render(changed, out, preview=preview).close()
        hand_over(changed, out, preview=preview, as_json=json, quiet=quiet)
        return
    if frames is not None or first_frame != 1:
        _render_frames(changed, out, frames, first_frame, store, recipe, depth, workers, preview or max_size, as_json=json, quiet=quiet)
        return
    size = opt.max_bytes(max_size)
    work = studio.render(changed, out, store=store, recipe=recipe, max_size=size, preview=preview, bits=depth, workers=workers)
    report_clip(watch(work, quiet=quiet or json), as_json=json, quiet=quiet)


def _render_frames(
    film: Any,
    out: Path,
    frames: str | None,
    first: int,
    store: Path | None,
    recipe: bool,
    bits: Any,
    workers: int,
    other: Any,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write some frames as numbered images."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    if other:
        raise InputError("--preview and --max-size are for clips: leave them out where --frames or --first-frame is given")
    work = studio.render_frames(film, out, frames=frames, first_frame=first, store=store, recipe=recipe, bits=bits, workers=workers)
    made = watch(work, quiet=quiet or as_json)
    counts = {"generated": made.count.generated, "reused": made.count.reused}
    timeline = str(made.timeline) if made.timeline else None
    words = [f"wrote {counted(len(made.numbers), 'frame')} to {out}: {made.count.generated} generated, {made.count.reused} from the store"]
    values = {"out": str(out), "frames": list(made.numbers), "timeline": timeline, **counts, "notes": list(made.notes)}
    report(values, as_json=as_json, words="\n".join([*words, *([f"timeline: {timeline}"] if timeline else [])]), quiet=quiet)


def storyboard(
    idea: Idea,
    out: Annotated[Path, opt.described("Film to write", "--out", "-o", default="film.toml")] = Path("film.toml"),
    shots: opt.Shots = 5,
    seconds: opt.Seconds = 6.0,
    seed: opt.Seed = 0,
    llm: opt.Llm = None,
    model: opt.Model = "sketchbook",
    overwrite: opt.Overwrite = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Plan a film, to read and edit before it is generated."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.storyboard(
        idea, out, shots=shots, seconds=seconds, seed=seed, model=model, planner=studio.planner(llm), overwrite=overwrite
    )
    planned = watch(work, quiet=quiet or json)
    lines = [f"{number}. {prompt}" for number, prompt in enumerate(planned.prompts, 1)]
    values = {"film": str(out), "shots": len(planned.prompts), "prompts": planned.prompts, "notes": planned.notes}
    report(values, as_json=json, words="\n".join([*lines, *planned.notes, f"film: {out}, to edit and `sakuga render`"]), quiet=quiet)
