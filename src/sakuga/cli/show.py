"""Progress of a Work, and its results, in a terminal."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from sakuga.cli.lanes import Lanes, TimeColumn
from sakuga.event_log import is_on, log_event
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.text import counted, finite

Result = TypeVar("Result")
Item = TypeVar("Item")

STAGES = {
    "story": "planning",
    "loading": "loading",
    "inspecting": "checking",
    "rendering": "rendering",
    "finishing": "finishing",
    "export": "writing",
    "running": "running",
    "encoding": "encoding",
    "training": "training",
}

console = Console(stderr=True, highlight=False)


class RemainingColumn(ProgressColumn):
    """The remaining time of a stage."""

    def render(self, task: Task) -> Text:
        """Return "0:12 left", or nothing while it is unknown and for devices."""
        estimate = task.fields.get("seconds_left")
        left = task.time_remaining if estimate is None else estimate
        unknown = left is None or task.finished or "last" in task.fields
        return Text("" if unknown or left is None else f"{timedelta(seconds=round(left))} left")


def watch(work: Work[Step, Result], *, quiet: bool) -> Result:
    """Run a work to its end, with a bar for each stage and a line for each device; close it if that is interrupted.

    Where events are logged there is an event for each unit and note instead.
    """
    with closing(work):
        if is_on():
            return _logged(work)
        return work.result() if quiet else _shown(work)


def _logged(work: Work[Step, Result]) -> Result:
    for step in work:
        if step.note or (step.total and not step.denoising):
            left = None if step.seconds_left is None else round(step.seconds_left, 1)
            fields = {"frame": step.frame, "device": step.device or None, "note": step.note or None, "seconds_left": left}
            log_event("stage.progress", stage=step.stage, done=step.done, total=step.total, **fields)
    return work.result()


def _shown(work: Work[Step, Result]) -> Result:
    columns = (
        TextColumn("{task.description:>9}"),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[units]}"),
        TimeColumn(),
        RemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}
        lanes = Lanes(bars)
        for step in work:
            if step.note:
                console.print(step.note, markup=False, soft_wrap=True)
            if step.total:
                if step.stage not in tasks:
                    tasks[step.stage] = bars.add_task(STAGES[step.stage], total=1.0, done=0, units=step.total, seconds_left=None)
                if step.device:
                    lanes.landed(step.device, step.total)
                    bars.update(tasks[step.stage], description=f"{STAGES[step.stage]} on {counted(lanes.devices, 'device')}")
                bars.update(tasks[step.stage], completed=step.fraction, done=step.done, units=step.total, seconds_left=step.seconds_left)
    return work.result()


def now_and_then(steps: Iterable[Item], seconds: float) -> Iterator[Item]:
    """Consume all steps, and yield one every so many seconds.

    0 yields none.
    """
    last = monotonic()
    for step in steps:
        if seconds and monotonic() - last > seconds:
            last = monotonic()
            yield step


def report(values: Mapping[str, Any], *, as_json: bool, words: str, quiet: bool = False) -> None:
    """Print the result of a command: one JSON object, or a sentence."""
    if as_json:
        json.dump(finite(values), sys.stdout, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf"))
        sys.stdout.write("\n")
    elif not quiet:
        print(words)


def report_clip(made: Any, *, as_json: bool, quiet: bool, values: Mapping[str, Any] | None = None, words: Iterable[str] = ()) -> None:
    """Print the result of generating a clip."""
    counts = {"frames": made.frames, "generated": made.count.generated, "reused": made.count.reused}
    seconds = {key: round(value, 3) for key, value in asdict(made.seconds).items()}
    where = f"{made.count.generated} generated and {made.count.reused} from the store"
    first = f"wrote {made.clip}: {counted(made.frames, 'frame')}, {where}, in {made.seconds.total:.0f} s"
    everything = {"clip": str(made.clip), **counts, "seconds": seconds, **(values or {}), "notes": list(made.notes)}
    report(everything, as_json=as_json, words="\n".join([first, *words]), quiet=quiet)


def safe(values: Mapping[str, Any]) -> str:
    """Return values from outside as JSON, with control characters escaped."""
    return visible(json.dumps(values, indent=2, ensure_ascii=False))


def visible(text: str) -> str:
    """Escape every control character of a text from outside."""
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
