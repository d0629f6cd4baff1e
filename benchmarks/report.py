"""Run the benchmarks of speed and write docs/benchmarks.md.

    python benchmarks/report.py [--measured FILE] [--out docs/benchmarks.md]

Each benchmark is a process of its own on one thread. Its lines, one JSON object for a row, are printed as they come. `--measured` writes
the page from lines measured before. Takes about half an hour on a quiet machine.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sakuga.models.machine import processor

ROOT = Path(__file__).parent.parent
COMMANDS = (
    ("speed.py", "--rows", "unet", "image", "chain", "morph", "chain-bf16", "morph-bf16"),
    ("large_unet.py",),
    ("commands.py",),
    ("approximations.py",),
    ("memory.py",),
    ("long_film.py",),
    ("style_switches.py",),
)
TARGETS = {
    "UNet forward, 2 rows": 0.75,
    "UNet forward, 16 rows": 0.80,
    "chain, img2img + ControlNet": 1.7,
    "morph": 1.8,
    "morph, bf16": 2.5,
    "UNet of Stable Diffusion 1.5, 512 px, one row, fp32": 1.25,
    "UNet of Stable Diffusion 1.5, 512 px, one row, bf16": 1.4,
    '`draw "a castle" -n 1`': 3.0,
    "`animate --motion none`, 5 shots, 6 s, 256 px": 16.0,
    "`--help`": 0.3,
    "`store show`": 0.6,
    "`storyboard`": 1.2,
}
"""What was aimed at, by row without its number of frames: a ratio, a share of the core's best, or CPU seconds."""
HEAD = """# Benchmarks

Written by `make bench` on {date}, {processor}, one thread. Seconds are CPU seconds, since wall-clock time depends on what else runs.
Plain diffusers and sakuga run in one process with the same weights, seeds, steps and inputs, in the order A B B A; the ratio is the
median, with its range. Frames are compared first, and a row in fp32 counts only where they agree to one grey level; in a chain each frame
starts from the same predecessor. Plain diffusers computes in fp32 in all rows. Loading, conversion and compiling are not counted in the
ratios; they are in the seconds of commands. The core's best is the fastest of eight fp32 matrix products in torch, which convolutions of
OpenVINO can exceed.
"""


def measured(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of all benchmarks."""
    if arguments.measured:
        yield from (json.loads(line) for line in arguments.measured.read_text().splitlines() if line.startswith("{"))
        return
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    for script, *options in COMMANDS:
        command = [sys.executable, str(ROOT / "benchmarks" / script), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout
            for line in process.stdout:
                print(line, end="", flush=True)
                yield json.loads(line)
        if process.returncode:
            sys.exit(f"{script} failed")


def page(rows: list[dict[str, Any]]) -> str:
    """Return the page of these rows."""
    ratios = [row for row in rows if "plain_cpu_s" in row]
    commands = [row for row in rows if "cpu_s" in row and "row" in row]
    losses = [row for row in rows if "grey_levels" in row]
    files = [row for row in rows if "start_mb" in row and "peak_mb" in row]
    films = [row for row in rows if "planned_mb" in row]
    switches = [row for row in rows if "every_tenth_mb" in row]
    parts = [HEAD.format(date=f"{datetime.now(UTC):%Y-%m-%d}", processor=_processor())]
    parts.append("## Against plain diffusers\n\n" + _table(RATIO_HEAD, [_ratio_row(row) for row in ratios]))
    if commands:
        parts.append("## Commands, from cold\n\n" + _table(COMMAND_HEAD, [_command_row(row) for row in commands]))
    if losses:
        parts.append("## Approximations\n\n" + LOSSES + _table(LOSS_HEAD, [_loss_row(row) for row in losses]))
    if files:
        parts.append("## Memory of writing a clip\n\n" + FILES + _files_table(files))
    if films:
        parts.append("## Long films, all frames stored\n\n" + FILMS + _table(FILM_HEAD, [_film_row(row) for row in films]))
    if switches:
        parts.append("## Memory over style switches\n\n" + SWITCHES + _table(SWITCH_HEAD, [_switch_row(row) for row in switches]))
    return "\n".join(parts)


RATIO_HEAD = ("", "engine", "plain, s", "ours, s", "plain / ours", "difference", "target", "")
COMMAND_HEAD = ("", "engine", "CPU s", "target", "")
LOSS_HEAD = ("", "faster by", "mean difference, grey levels", "pixels off by more than 8")
LOSSES = """Named options, never the default and never counted above. Loss is against the exact image of the same seed (fp32, 20 steps).

"""


def _ratio_row(row: dict[str, Any]) -> tuple[str, ...]:
    target, share = _target(row["row"]), row.get("utilisation")
    low, high = row["range"]
    ratio = f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})" + (f"; {share:.0%} of the core's best" if share is not None else "")
    aim = "" if target is None else f"{target:g}" if share is None else f"{target:.0%} of the best"
    seconds = f"{row['plain_cpu_s']:g}", f"{row['ours_cpu_s']:g}"
    reached = row["ratio"] if share is None else share
    return (row["row"], row["engine"], *seconds, ratio, _difference(row), aim, _verdict(target, reached, row))


def _difference(row: dict[str, Any]) -> str:
    """Say how far both sides are apart."""
    if "relative_difference" in row:
        return f"{row['relative_difference']:g} of the deviation"
    largest, mean = row["difference"]
    unit = "hundredths of the deviation" if row["row"].startswith("UNet") else "grey levels"
    return f"{largest:g} {unit}, {mean:g} on average"


def _target(row: str) -> float | None:
    return TARGETS.get(re.sub(r" of \d+", "", row))


def _verdict(target: float | None, reached: float, row: dict[str, Any]) -> str:
    if not row.get("valid", True):
        return "**void**"
    return "" if target is None else "reached" if reached >= target else "**missed**"


def _command_row(row: dict[str, Any]) -> tuple[str, ...]:
    target = _target(row["row"])
    verdict = "" if target is None else "reached" if row["cpu_s"] <= target else "**missed**"
    return (row["row"], row.get("engine", ""), f"{row['cpu_s']:.2f}", "" if target is None else f"{target:g}", verdict)


def _loss_row(row: dict[str, Any]) -> tuple[str, ...]:
    low, high = row["range"]
    return (row["row"], f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})", f"{row['grey_levels']:g}", f"{row['pixels_off_by_8']:.1%}")


FILM_HEAD = ("frames", "format", "planning, CPU s", "MB after planning", "peak, MB", "render, CPU s")
SWITCH_HEAD = ("", "MB at the first frame", "MB after each tenth style")
FILES = """Peak of resident memory in MB, of frames of 64 px by number of frames; libraries take the first column. Up to 16 MB of frames
stay in memory, the rest lie in a temporary file.

"""
FILMS = """A film with keyed guidance, every frame of 64 px generated, is planned and written. What grows is the plan, about 3 KB a frame.

"""
SWITCHES = """One frame in each LoRA style, resident memory of the process. Prompts, of which the last 256 stay encoded, are new each time.

"""


def _files_table(rows: list[dict[str, Any]]) -> str:
    """Return a table of peaks, a line for each format and a column for each number of frames."""
    counts = sorted({row["frames"] for row in rows})
    peaks = {(row["format"], row["frames"]): row["peak_mb"] for row in rows}
    starts = {row["format"]: row["start_mb"] for row in rows}
    lines = [(name, f"{start}", *(f"{peaks.get((name, count), '')}" for count in counts)) for name, start in starts.items()]
    return _table(("", "start", *(f"{count:,}" for count in counts)), lines)


def _film_row(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{row[key]}" for key in ("frames", "format", "plan_cpu_s", "planned_mb", "peak_mb", "cpu_s"))


def _switch_row(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["row"], f"{row['start_mb']}", ", ".join(map(str, row["every_tenth_mb"])))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _processor() -> str:
    """Return the processor's model, and nothing else of the machine."""
    names = [part.split(":", 1)[1].strip() for part in processor().split("; ") if part.startswith("model name")]
    return names[0] if names else processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, help="file of lines measured before")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    text = page(list(measured(arguments)))
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
