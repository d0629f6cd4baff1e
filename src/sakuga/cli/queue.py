"""The command `sakuga queue`, and jobs that other commands hand over."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sakuga import InputError, SakugaError
from sakuga.cli import options as opt

if TYPE_CHECKING:
    from sakuga.studio import Film

NO_SERVER = "no studio runs: the job waits until `sakuga studio` starts"


def hand_over(film: "Film", out: Path, *, preview: bool, as_json: bool, quiet: bool) -> None:
    """Queue the clip of a film, and say how to watch it."""
    from sakuga.cli.show import report
    from sakuga.paths import home
    from sakuga.web.hand_over import is_served, queue_film

    job = queue_film(home(), film, out, preview=preview)
    words = [f"queued as {job.id}: `sakuga queue {job.id}` watches it", *([] if is_served(home()) else [NO_SERVER])]
    report({"job": job.id}, as_json=as_json, words="\n".join(words), quiet=quiet)


def queue(
    job: Annotated[str | None, typer.Argument(help="Job to watch until it has ended", show_default="list all")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """List the studio's jobs, or watch one."""
    from sakuga.cli.show import report
    from sakuga.paths import home
    from sakuga.web.hand_over import is_served, list_jobs

    if job is not None:
        _watch(job, as_json=json, quiet=quiet)
        return
    jobs = list_jobs(home())
    lines = [f"{one.id}  {one.state:9}  {one.kind:8}  {one.title}{_progress(one)}" for one in jobs] or ["there is no job"]
    waiting = any(one.state == "queued" for one in jobs) and not is_served(home())
    values = {"jobs": [one.model_dump(mode="json") for one in jobs]}
    report(values, as_json=json, words="\n".join([*lines, *([NO_SERVER] if waiting else [])]), quiet=quiet)


def _watch(name: str, *, as_json: bool, quiet: bool) -> None:
    """Show a job until it has ended; Ctrl-C leaves it to the studio. Raises SakugaError for one that failed."""
    from sakuga.cli.show import console, report
    from sakuga.paths import home
    from sakuga.web.hand_over import is_served, watch_job

    if not is_served(home()):
        raise InputError("no studio runs, so nothing would happen: start one with `sakuga studio`")
    for job in watch_job(home(), name):
        if not (quiet or as_json):
            console.print(f"{job.state}{_progress(job)}", markup=False)
    if job.state != "done":
        raise SakugaError(f"{job.title} {job.state}{': ' + job.error if job.error else ''}")
    words = f"done: {job.request.get('out') or job.title}"
    report(job.model_dump(mode="json"), as_json=as_json, words=words, quiet=quiet)


def _progress(job: Any) -> str:
    if job.state != "running" or not job.progress.total:
        return ""
    return f"  {job.progress.stage} {job.progress.done}/{job.progress.total}"
