"""The commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga import __version__
from sakuga.cli import options as opt
from sakuga.cli.data import data
from sakuga.cli.evaluate import evaluate
from sakuga.cli.morph import morph
from sakuga.cli.pixelate import pixelate
from sakuga.cli.quoted import Quoted
from sakuga.cli.recipe import recipe as show_recipe
from sakuga.cli.recipe import remake
from sakuga.cli.sheet import sheet
from sakuga.cli.sketchbook import sketchbook
from sakuga.cli.store import frames
from sakuga.cli.study import study
from sakuga.cli.style import style
from sakuga.cli.train import train
from sakuga.cli.vary import vary
from sakuga.cli.video import video
from sakuga.text import counted

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help='Stylised animation with diffusion models. To begin: sakuga animate "a castle at sunset"',
)
DRAW, FILES, LEARN, KEEP = "Draw", "Change and exchange files", "Teach and measure", "Behind it all"
"""The chapters of the help."""


def _version(asked: bool) -> None:
    if asked:
        print(f"sakuga {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="print the version", is_eager=True, callback=_version)] = False,
) -> None:
    pass


Idea = Annotated[str, typer.Argument(help="what the film shows, in a few words")]


@app.command(rich_help_panel=DRAW, cls=Quoted)
def animate(
    idea: Idea,
    out: Annotated[Path, typer.Option("--out", "-o", help=opt.CLIP)] = Path("clip.gif"),
    shots: opt.Shots = 5,
    seconds: opt.Seconds = 6.0,
    llm: opt.Llm = None,
    fps: opt.Fps = None,
    model: opt.Model = "sketchbook",
    style: opt.Style = None,
    negative: opt.Negative = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    seed: opt.Seed = 0,
    size: opt.Size = None,
    follow: opt.Follow = None,
    hold_on: opt.HoldOn = None,
    wander: opt.Wander = None,
    drawn_rate: opt.DrawnRate = None,
    control_weight: opt.FollowControl = None,
    depth: opt.FollowDepth = None,
    between: opt.Between = None,
    on: opt.On = None,
    grain: opt.Grain = None,
    paper: opt.Paper = None,
    preview: opt.Preview = False,
    pixel: opt.Pixel = None,
    film: Annotated[Path | None, typer.Option(help="write the storyboard here too, to change and `sakuga render`")] = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip from an idea."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    settings = opt.settings(
        fps=fps, model=model, style=style, negative=negative, steps=steps, guidance=guidance, strength=strength, sampler=sampler,
        precision=precision, size=size,
        follow=follow, hold_on=hold_on, wander=wander, drawn_rate=drawn_rate, control=control_weight, depth=depth, between=between, on=on,
        grain=grain, paper=paper, pixel=pixel,
    )  # fmt: skip
    work = studio.animate(
        idea,
        out,
        shots=shots,
        seconds=seconds,
        seed=seed,
        settings=settings,
        planner=_planner(llm),
        store=store,
        recipe=recipe,
        max_size=opt.most_bytes(max_size),
        preview=preview,
        film=film,
    )
    report_clip(watch(work, quiet=quiet or json), as_json=json, quiet=quiet)


@app.command(rich_help_panel=DRAW)
def render(
    film: Annotated[Path, typer.Argument(help="a film.toml")],
    out: Annotated[Path, typer.Option("--out", "-o", help=opt.CLIP)] = Path("clip.mp4"),
    fps: opt.Fps = None,
    model: Annotated[str | None, typer.Option(help="another model than the film's")] = None,
    style: opt.Style = None,
    negative: opt.Negative = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    size: opt.Size = None,
    follow: opt.Follow = None,
    hold_on: opt.HoldOn = None,
    wander: opt.Wander = None,
    drawn_rate: opt.DrawnRate = None,
    control_weight: opt.FollowControl = None,
    depth: opt.FollowDepth = None,
    between: opt.Between = None,
    on: opt.On = None,
    grain: opt.Grain = None,
    paper: opt.Paper = None,
    preview: opt.Preview = False,
    pixel: opt.Pixel = None,
    seed: Annotated[int | None, typer.Option(help="draw every shot from other seeds", min=0)] = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip from a film.toml; only what changed is drawn again."""
    from sakuga import studio
    from sakuga.cli.show import report_clip, watch

    settings = opt.settings(
        fps=fps, model=model, style=style, negative=negative, steps=steps, guidance=guidance, strength=strength, sampler=sampler,
        precision=precision, size=size,
        follow=follow, hold_on=hold_on, wander=wander, drawn_rate=drawn_rate, control=control_weight, depth=depth, between=between, on=on,
        grain=grain, paper=paper, pixel=pixel,
    )  # fmt: skip
    changed = studio.directed(studio.read_film(film), settings, seed)
    work = studio.render(changed, out, store=store, recipe=recipe, max_size=opt.most_bytes(max_size), preview=preview)
    report_clip(watch(work, quiet=quiet or json), as_json=json, quiet=quiet)


@app.command(rich_help_panel=DRAW, cls=Quoted)
def storyboard(
    idea: Idea,
    out: Annotated[Path, typer.Option("--out", "-o", help="the film to write")] = Path("film.toml"),
    shots: opt.Shots = 5,
    seconds: opt.Seconds = 6.0,
    llm: opt.Llm = None,
    seed: opt.Seed = 0,
    model: opt.Model = "sketchbook",
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Plan a film, to read and change before it is drawn."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    planned = watch(
        studio.storyboard(idea, out, shots=shots, seconds=seconds, seed=seed, model=model, planner=_planner(llm)), quiet=quiet or json
    )
    lines = [f"{number}. {prompt}" for number, prompt in enumerate(planned.prompts, 1)]
    values = {"film": str(out), "shots": len(planned.prompts), "prompts": planned.prompts, "notes": planned.notes}
    report(values, as_json=json, words="\n".join([*lines, *planned.notes, f"wrote {out}"]), quiet=quiet)


@app.command(rich_help_panel=DRAW, cls=Quoted)
def draw(
    prompt: Annotated[str | None, typer.Argument(help="what the picture shows")] = None,
    prompts: Annotated[Path | None, typer.Option(help="a text file with one prompt a line; # begins a comment")] = None,
    each: Annotated[int, typer.Option("-n", help="pictures of each prompt")] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder for the pictures; those that it holds stay")] = Path("pictures"),
    start: Annotated[Path | None, typer.Option("--from", help="start from this picture (img2img)")] = None,
    steps_gif: Annotated[Path | None, typer.Option(help="write a clip of one picture's denoising, decoded after each step")] = None,
    control: opt.Control = None,
    control_weight: opt.ControlWeight = None,
    depth: opt.Depth = None,
    model: opt.Model = "sketchbook",
    style: opt.Style = None,
    negative: opt.Negative = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    seed: opt.Seed = 0,
    size: opt.Size = None,
    grain: opt.Grain = None,
    paper: opt.Paper = None,
    pixel: opt.Pixel = None,
    preview: opt.Preview = False,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Draw single pictures."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = opt.settings(
        model=model, style=style, negative=negative, steps=steps, guidance=guidance, strength=strength, sampler=sampler,
        precision=precision, size=size,
        grain=grain, paper=paper, pixel=pixel,
    )  # fmt: skip
    said = ([prompt] if prompt is not None else []) + (studio.read_prompts(prompts) if prompts else [])
    leading = studio.control_picture(control, control_weight, depth)
    work = studio.draw(
        said,
        out,
        each=each,
        seed=seed,
        settings=settings,
        start=start,
        control=leading,
        store=store,
        recipe=recipe,
        steps_gif=steps_gif,
        preview=preview,
    )
    made = watch(work, quiet=quiet or json)
    values = {"pictures": [str(path) for path in made.pictures], "drawn": made.count.drawn, "reused": made.count.reused}
    report(values, as_json=json, words=f"{counted(len(made.pictures), 'picture')} in {out}: {_named(made.pictures)}", quiet=quiet)


def _named(paths: Sequence[Path]) -> str:
    """Name the first and the last of pictures, or the only one."""
    return " to ".join(dict.fromkeys((paths[0].name, paths[-1].name)))


def _planner(llm: str | None) -> Any:
    from sakuga import studio

    return studio.planner(llm)


for name, command, panel in (
    ("morph", morph, DRAW),
    ("vary", vary, DRAW),
    ("video", video, FILES),
    ("pixelate", pixelate, FILES),
    ("recipe", show_recipe, FILES),
    ("remake", remake, FILES),
    ("sheet", sheet, FILES),
    ("evaluate", evaluate, LEARN),
    ("study", study, LEARN),
):
    app.command(name, rich_help_panel=panel)(command)
for name, group, panel in (
    ("style", style, LEARN),
    ("train", train, LEARN),
    ("data", data, LEARN),
    ("sketchbook", sketchbook, KEEP),
    ("store", frames, KEEP),
):
    app.add_typer(group, name=name, rich_help_panel=panel)
