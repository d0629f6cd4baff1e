"""The command `sakuga study`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt


def study(
    name: Annotated[str, typer.Argument(help="styles, ablation, methods, interpolation, curation or prompting")],
    model: opt.Model = "sketchbook",
    out: Annotated[Path | None, opt.described("Folder of the study", "--out", "-o", default="studies/NAME", panel=opt.OUTPUT)] = None,
    quick: Annotated[bool, opt.described("Small edition that tests the setup; too small for conclusions", "--quick")] = False,
    jobs: Annotated[int, opt.described("Parallel runs, 1 or more; a cluster runs as many as it has room for", default="1", min=1)] = 1,
    prompts: Annotated[Path | None, opt.described("File of prompts, one a line", default="held-out captions")] = None,
    sets: Annotated[list[Path] | None, opt.described("Your own training set; repeatable", "--set", default="rendered sets")] = None,
    vary: Annotated[
        list[str] | None, opt.described("Training setting of an ablation, such as rank=4,8,16; repeatable", default="rank, steps, rate")
    ] = None,
    search: Annotated[int, opt.described("Search this many points of an ablation's grid with optuna", default="run all")] = 0,
    executor: opt.Executor = None,
    address: opt.Address = None,
    plan: Annotated[bool, opt.described("Print the runs and a time estimate, and stop", "--plan")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Compare trainings in a table of runs, and write one report."""
    from sakuga import studio
    from sakuga.cli.show import report, watch
    from sakuga.studies import service
    from sakuga.studies.ablation import parse_grid

    opt.use_executor(executor, address)
    texts = studio.read_prompts(prompts) if prompts else ()
    settings = service.study_settings(model, quick=quick, prompts=texts, sets=sets or (), grid=parse_grid(vary or ()), search=search)
    folder = out or Path("studies") / name
    if plan:
        lines = service.study_plan(name, settings, folder, jobs)
        report({"plan": lines}, as_json=json, words="\n".join(lines), quiet=quiet)
        return
    made = watch(service.run_study(name, settings, folder, jobs=jobs), quiet=quiet or json)
    words = f"{made.conclusion}\nwrote {made.report}: {made.runs} runs, {made.executed} of them new"
    report(studio.to_json(made.metrics), as_json=json, words=words, quiet=quiet)
