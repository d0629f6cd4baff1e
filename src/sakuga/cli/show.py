"""Show work under way, and what came of it."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from time import monotonic
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sakuga.studio import Step, Work
from sakuga.text import counted

Result = TypeVar("Result")
Item = TypeVar("Item")

WORDS = {
    "story": "planning",
    "loading": "opening",
    "inspecting": "looking",
    "drawing": "drawing",
    "finishing": "finishing",
    "export": "writing",
    "running": "running",
    "encoding": "encoding",
    "training": "training",
}

console = Console(stderr=True, highlight=False)


def watch(work: Work[Step, Result], *, quiet: bool) -> Result:
    """Drive a work to its end, with a bar for each stage on stderr; where it is interrupted, what was drawn is kept."""
    if quiet:
        return work.result()
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}
        for step in work:
            if step.note:
                console.print(step.note, markup=False, soft_wrap=True)
            if step.total:
                if step.stage not in tasks:
                    tasks[step.stage] = bars.add_task(WORDS[step.stage], total=step.total)
                bars.update(tasks[step.stage], completed=step.done, total=step.total)
    return work.result()


def now_and_then(steps: Iterable[Item], seconds: float) -> Iterator[Item]:
    """Go through all steps and pass on one every so many seconds; 0 passes on none."""
    told = monotonic()
    for step in steps:
        if seconds and monotonic() - told > seconds:
            told = monotonic()
            yield step


def report(values: Mapping[str, Any], *, as_json: bool, words: str, quiet: bool = False) -> None:
    """Print what came of a command: one JSON object, or a sentence."""
    if as_json:
        json.dump(values, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    elif not quiet:
        print(words)


def report_clip(made: Any, *, as_json: bool, quiet: bool, values: Mapping[str, Any] | None = None, words: Iterable[str] = ()) -> None:
    """Print what came of making a clip: its frames and times, then what else this command has to say."""
    counts = {"frames": made.frames, "drawn": made.count.drawn, "reused": made.count.reused}
    seconds = {key: round(value, 3) for key, value in asdict(made.seconds).items()}
    where = f"{made.count.drawn} drawn and {made.count.reused} from the store"
    first = f"wrote {made.clip}: {counted(made.frames, 'frame')}, {where}, in {made.seconds.total:.0f} s"
    everything = {"clip": str(made.clip), **counts, "seconds": seconds, **(values or {}), "notes": list(made.notes)}
    report(everything, as_json=as_json, words="\n".join([first, *words]), quiet=quiet)


def safe(values: Mapping[str, Any]) -> str:
    """Write values from outside for a terminal: as JSON, with every character that could steer the terminal escaped."""
    return visible(json.dumps(values, indent=2, ensure_ascii=False))


def visible(text: str) -> str:
    """Escape every character of a text from outside that could steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
