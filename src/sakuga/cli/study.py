"""The command `sakuga study`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt


def study(
    name: Annotated[str, typer.Argument(help="styles, ablation, methods, interpolation, curation or prompting")],
    model: opt.Model = "sketchbook",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the study's folder", show_default="studies/NAME")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="a small edition, to see that all works; nothing can be concluded from it")
    ] = False,
    jobs: Annotated[int, typer.Option(help="runs at a time", min=1)] = 1,
    prompts: Annotated[Path | None, typer.Option(help="what to draw, one prompt a line", show_default="held-out captions")] = None,
    sets: Annotated[list[Path] | None, typer.Option("--set", help="a training set of your own; repeatable")] = None,
    vary: Annotated[
        list[str] | None, typer.Option(help="a field of an ablation, such as rank=4,8,16; repeatable", show_default="rank, steps, rate")
    ] = None,
    search: Annotated[
        int, typer.Option(help="of an ablation's grid run only so many places, each chosen by what was seen before", show_default="all")
    ] = 0,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be run and about how long it takes, and stop")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Compare trainings by a table of runs, and write one report over all."""
    from sakuga import studio
    from sakuga.cli.show import report, watch
    from sakuga.studies import service
    from sakuga.studies.ablation import parse_grid

    said = studio.read_prompts(prompts) if prompts else ()
    setting = service.settle(model, quick=quick, prompts=said, sets=sets or (), grid=parse_grid(vary or ()), search=search)
    folder = out or Path("studies") / name
    if plan:
        lines = service.planned(name, setting, folder, jobs)
        report({"plan": lines}, as_json=json, words="\n".join(lines), quiet=quiet)
        return
    made = watch(service.study(name, setting, folder, jobs=jobs), quiet=quiet or json)
    words = f"{made.found}\nwrote {made.report}: {made.runs} runs, {made.performed} of them now"
    report(studio.to_json(made.figures), as_json=json, words=words, quiet=quiet)
