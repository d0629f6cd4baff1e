"""Run the benchmarks of speed, memory and trainings, and write docs/benchmarks.md.

    python benchmarks/report.py [NAME ...] [--page]

Each benchmark is a process of its own on one thread; what it measured stands in `results/NAME.json` with date and load, and replaces what
stood there. All of them take about an hour on a quiet machine; with names only these are run. The page is made of all stored results;
`--page` runs nothing.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

Row = dict[str, Any]
Line = tuple[str, ...]

LOOK = "watercolor"
DETAILS = ("--set", "details", "--word", LOOK, "--steps", "160", "--prompts", "48")
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "unet": ("speed.py", "--rows", "unet"),
    "image": ("speed.py", "--rows", "image"),
    "chain": ("speed.py", "--rows", "chain"),
    "chain-bf16": ("speed.py", "--rows", "chain-bf16", "--frames", "8"),
    "morph": ("speed.py", "--rows", "morph"),
    "morph-bf16": ("speed.py", "--rows", "morph-bf16"),
    "half-unet": ("large_unet.py", "--channels", "160", "320", "640", "640"),
    "large-unet": ("large_unet.py",),
    "commands": ("commands.py",),
    "workers": ("workers.py",),
    "approximations": ("approximations.py",),
    "memory": ("memory.py", "--frames", "64", "1000", "2000", "10000"),
    "long-film": ("long_film.py", "--formats", ".mp4"),
    "switches-torch": ("style_switches.py", "--engine", "torch"),
    "switches-openvino": ("style_switches.py", "--engine", "openvino"),
    "small-set": ("lora_variants.py", *DETAILS, "--only", "plain,preserve,slow-down-blocks"),
    "unknown-word": ("lora_variants.py", "--set", "details", "--only", "plain", "--steps", "160", "--prompts", "24"),
    "equal-size": ("lora_variants.py", "--only", "rank-8,dora-rank-8,lokr-factor-2", "--steps", "100", "--prompts", "32"),
    "set-sizes": ("set_sizes.py",),
    "masked-loss": ("masked_loss.py", "--steps", "150"),
    "tag-captions": ("tag_captions.py", "--prompts", "32"),
    "tag-captions-again": ("tag_captions.py", "--prompts", "32", "--seed", "1"),
    "motion-lora": ("motion_lora.py",),
    "slider": ("slider.py", "--steps", "100", "--prompts", "24"),
}
"""Script and options by name."""
LARGE = "large-unet"
"""Needs 12 GB, so it is run only by name."""
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

Written by `make bench` on {days}, {processors}, one thread. Seconds are CPU seconds, since wall-clock time depends on what else runs;
`load` is how many processes wanted to run on two cores meanwhile: on a busy machine seconds are longer, and ratios waver.
`python benchmarks/report.py NAME` measures one table or row anew.
"""
RATIOS = """Plain diffusers and sakuga run in one process with the same weights, seeds, steps and inputs, in the order A B B A; the ratio is
the median, with its range (both ends are equal for a single round, or where rounds agree). Frames are compared first, and a row in fp32
counts only where they agree to one grey level; in a chain each frame starts from the same predecessor. Plain diffusers computes in fp32
in all rows. Loading, conversion and compiling are not counted. The core's best is the fastest of eight fp32 matrix products in torch,
which convolutions of OpenVINO can exceed. The UNet of Stable Diffusion 1.5 has random weights, as only its time counts.
"""
COMMANDS = """Each command is a process of its own with an empty store; interpreter, imports, loading and compiling are counted. Graphs of
OpenVINO are kept from an earlier run. The median, with its range.
"""
WORKERS = """A film from cold with `--workers 2`, and without: CPU seconds are those of all processes, each of which loads and compiles the
networks. Independent frames: warm workers, pinned to a core each; 1.8 is the target. Seconds by the clock depend on how much of both
cores is free.
"""
LOSSES = """Named options, never the default and never counted above. Loss is against the exact image of the same seed (fp32, 20 steps),
on eight prompts.
"""
FILES = """Peak of resident memory in MB, of frames of 64 px by number of frames; libraries take the first column. Up to 16 MB of frames
stay in memory, the rest lie in a temporary file.
"""
FILMS = """A film with keyed guidance, every frame of 64 px generated, is planned and written. What grows is the plan, about 3 KB a frame.
"""
SWITCHES = """One frame in each LoRA style, resident memory of the process. Prompts, of which the last 256 stay encoded, are new each time.
"""
VARIANTS = """LoRAs of rank 16 after 160 steps of 4 on 34 details of watercolor images, captioned by "watercolor" alone,
which the model knows: the word by itself, without a style, loses 0.237 of what 32 prompts state. *Lost* is the share of what prompts state
that the base model shows without the word and the style does not, *look* the share of images read as watercolor; *more* are the paired
differences from the first row of the same weight. Intervals are 95%, over prompts; each row is one training.
"""
UNKNOWN = """The same training on the same details, captioned by a word alone that the model does not know.
"""
EQUAL = """The same measures after 100 steps of 4 on 34 watercolor images with full captions and a trigger word that the model does not
know, at about the same size of the file.
"""
SIZES = """LoRAs of watercolor scenes with full captions and a trigger word that the model does not know, with the trainer's own defaults
(steps of 8, rate 1e-3) but rank and steps, by the number of images; weight 1. *Look* is the share of images read as watercolor, *lost* the
share of what prompts state that the base model shows and the style does not. Each row is one training.
"""
MASKED = """A character in a village at sunset in all of sixteen images, captioned by her description alone; 150 steps of 4 at a learning
rate of 2e-3. The description is then prompted in other places at other times: *place* and *time* are the shares that show what the prompt
states, *village* and *sunset* those that show the background of the training, *hers* those with her hair, dress and person; *alone* is
the share with both where the prompt states no background (12 images). *More* are paired differences from whole images.
"""
TAGS = """24 watercolor scenes captioned by tags in one order: a trigger word that the model does not know, what the image shows, and "best
quality" last in all of them; and as many others in the model's own look, without these two. 150 steps of 8 at a learning rate of 2e-3. The
tags after the first stay *as they are*, are *shuffled*, or are *half dropped*. *In order*, *reversed*, *no quality* (without that tag),
*no trigger* (without the trigger word) and *alone* (the trigger word by itself) are the shares of images read as watercolor, by how tags of
further scenes are prompted; *kept* is the share of what these state that images in order show. *More* are paired differences from captions
as they are, by the same seed.
"""
SLIDERS = """A slider with "at night" as more and "at noon" as less; 100 steps of 4. Prompts name no time of day. *Kept* is the share of
subject, place, portrait, person, hair and weather that is read as at weight 0, *steady* that of prompts whose time never goes back towards
day, and whose brightness never rises, over all weights.
"""
MOTIONS = """A camera that goes to the right, learnt from 24 clips of 16 frames in 200 steps, each clip forwards and backwards. Images of
held-out prompts are continued as clips of 16 frames with the same seeds. *Moved* is how many pixels of 128 the last frame lies to the right
of the second, where both fit best, and *fit* their correlation there; *left* is the share of clips that go to the left by four pixels or
more, *shown* the share of what prompts state that the last frame shows. *More* is the paired difference of *moved* from weight 0, the
motion adapter alone.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of the page, of the rows of some benchmarks."""

    title: str
    benchmarks: tuple[str, ...]
    text: str
    table: Callable[[Sequence[Row]], str]

    def page(self) -> str:
        """Return the section; what was not measured is named."""
        stored = {name: read(name) for name in self.benchmarks}
        rows = [row for found in stored.values() for row in found]
        missing = ", ".join(f"`{name}`" for name, found in stored.items() if not found)
        parts = [self.text, self.table(rows) if rows else "", f"Not measured: {missing}.\n" if missing else ""]
        return "\n".join([f"## {self.title}\n", *filter(None, parts)])


def read(name: str) -> list[Row]:
    """Return the stored rows of a benchmark, each with date, processor and load; none where it was not run."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return []
    stored = json.loads(path.read_text(encoding="utf-8"))
    rows = stored.pop("rows")
    return [{**stored, **row} for row in rows]


def run(name: str) -> None:
    """Run a benchmark and store its rows, which are printed as they come."""
    script, *options = BENCHMARKS[name]
    command = [sys.executable, str(ROOT / "benchmarks" / script), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before = os.getloadavg()[0]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        rows = [json.loads(line) for line in printed(process.stdout)]
    if process.returncode:
        sys.exit(f"{script} failed")
    store(name, rows, (before + os.getloadavg()[0]) / 2)


def printed(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        print(line, end="", flush=True)
        yield line


def store(name: str, rows: list[Row], load: float) -> None:
    """Replace the stored rows of a benchmark."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    stored = {"date": day, "processor": processor_model(), "load": round(load, 1), "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def processor_model() -> str:
    """Return the processor's model, and nothing else of the machine."""
    from sakuga.models.machine import processor

    names = [part.split(":", 1)[1].strip() for part in processor().split("; ") if part.startswith("model name")]
    return names[0] if names else processor()


def ratios(rows: Sequence[Row]) -> str:
    head = ("", "engine", "plain, s", "ours, s", "plain / ours", "difference", "target", "", "load")
    return table(head, map(ratio_line, rows))


def ratio_line(row: Row) -> Line:
    aim, share = target(row["row"]), row.get("utilisation")
    best = "" if share is None else f"; {share:.0%} of the core's best"
    wanted = "" if aim is None else f"{aim:g}" if share is None else f"{aim:.0%} of the best"
    seconds = f"{row['plain_cpu_s']:g}", f"{row['ours_cpu_s']:g}"
    reached = aim is None or (row["ratio"] if share is None else share) >= aim
    verdict = "**void**" if not row.get("valid", True) else judged(aim, reached=reached)
    return (row["row"], row["engine"], *seconds, f"{ranged(row, 'ratio')}{best}", difference(row), wanted, verdict, loaded(row))


def difference(row: Row) -> str:
    """Say how far both sides are apart."""
    if "relative_difference" in row:
        return f"{row['relative_difference']:g} of the deviation"
    largest, mean = row["difference"]
    unit = "hundredths of the deviation" if row["row"].startswith("UNet") else "grey levels"
    return f"{largest:g} {unit}, {mean:g} on average"


def commands(rows: Sequence[Row]) -> str:
    return table(("", "engine", "CPU s", "target", "", "load"), map(command_line, rows))


def command_line(row: Row) -> Line:
    aim = target(row["row"])
    verdict = judged(aim, reached=aim is None or row["cpu_s"] <= aim)
    return (row["row"], row["engine"], ranged(row, "cpu_s"), "" if aim is None else f"{aim:g}", verdict, loaded(row))


def workers(rows: Sequence[Row]) -> str:
    head = ("", "one process, s", "two, s", "one / two", "CPU s of one", "CPU s of two", "load")
    keys = ("row", "one_s", "two_s", "ratio", "one_cpu_s", "two_cpu_s")
    lines = [[ranged(row, key) if key == "ratio" else f"{row[key]}" for key in keys] for row in rows]
    return table(head, [(*line, loaded(row)) for line, row in zip(lines, rows, strict=True)])


def losses(rows: Sequence[Row]) -> str:
    head = ("", "faster by", "mean difference, grey levels", "pixels off by more than 8", "load")
    return table(
        head, [(row["row"], ranged(row, "ratio"), f"{row['grey_levels']:g}", f"{row['pixels_off_by_8']:.1%}", loaded(row)) for row in rows]
    )


def files(rows: Sequence[Row]) -> str:
    """Return a table of peaks, a line for each format and a column for each number of frames."""
    counts = sorted({row["frames"] for row in rows})
    peaks = {(row["format"], row["frames"]): row["peak_mb"] for row in rows}
    starts = {row["format"]: row["start_mb"] for row in rows}
    lines = [(name, f"{start}", *(f"{peaks.get((name, count), '')}" for count in counts)) for name, start in starts.items()]
    return table(("", "start", *(f"{count:,}" for count in counts)), lines)


def films(rows: Sequence[Row]) -> str:
    head = ("frames", "format", "planning, CPU s", "MB after planning", "peak, MB", "render, CPU s")
    return table(
        head, [tuple(f"{row[key]}" for key in ("frames", "format", "plan_cpu_s", "planned_mb", "peak_mb", "cpu_s")) for row in rows]
    )


def switches(rows: Sequence[Row]) -> str:
    head = ("", "MB at the first frame", "MB after each tenth style")
    return table(head, [(row["row"], f"{row['start_mb']}", ", ".join(map(str, row["every_tenth_mb"]))) for row in rows])


def readings(rows: Sequence[Row]) -> str:
    """Return a table of means over prompts with their intervals, a column for each key of the rows."""
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if key not in ("row", "date", "processor", "load")]
    lines = [(row["row"], *(reading(row.get(key)) for key in keys), loaded(row)) for row in rows]
    return table(("", *(key.replace("_", " ") for key in keys), "load"), lines)


def variants(rows: Sequence[Row]) -> str:
    """Return a table of LoRA variants at each weight."""
    return readings([_variant(**row) for row in rows])


def _variant(*, variant: str, weight: float, lost: float, low: float, high: float, **more: Any) -> Row:
    name = "trigger word alone" if variant == "word" else f"{variant}, weight {weight:g}"
    return {"row": name, "lost": [lost, low, high], **more}


def sizes(rows: Sequence[Row]) -> str:
    """Return a table of trainings by size of set."""
    return readings([_size(**row) for row in rows])


def _size(*, images: int, rank: int, steps: int, **more: Any) -> Row:
    return {"row": f"{images} images, rank {rank}, {steps} steps", **more}


def reading(value: Any) -> str:
    """Return a value, or a mean with its interval."""
    if not isinstance(value, list):
        return "" if value is None else f"{value:g}"
    mean, low, high = value
    return f"{mean:.3g} [{low:.3g}, {high:.3g}]"


def table(head: Line, lines: Iterator[Line] | Sequence[Line]) -> str:
    whole = [head, tuple("---" for _ in head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in whole) + "\n"


def ranged(row: Row, key: str) -> str:
    """Return a median with its range."""
    low, high = row["range"]
    return f"{row[key]:.2f} ({low:.2f} to {high:.2f})"


def target(row: str) -> float | None:
    return TARGETS.get(re.sub(r" of \d+", "", row))


def judged(aim: float | None, *, reached: bool) -> str:
    return "" if aim is None else "reached" if reached else "**missed**"


def loaded(row: Row) -> str:
    return "" if row["load"] is None else f"{row['load']:g}"


SECTIONS = (
    Section(
        title="Against plain diffusers",
        benchmarks=("unet", "image", "chain", "chain-bf16", "morph", "morph-bf16", "half-unet", "large-unet"),
        text=RATIOS,
        table=ratios,
    ),
    Section(title="Commands, from cold", benchmarks=("commands",), text=COMMANDS, table=commands),
    Section(title="Several processes", benchmarks=("workers",), text=WORKERS, table=workers),
    Section(title="Approximations", benchmarks=("approximations",), text=LOSSES, table=losses),
    Section(title="Memory of writing a clip", benchmarks=("memory",), text=FILES, table=files),
    Section(title="Long films, all frames stored", benchmarks=("long-film",), text=FILMS, table=films),
    Section(title="Memory over style switches", benchmarks=("switches-torch", "switches-openvino"), text=SWITCHES, table=switches),
    Section(title="LoRA on a small set", benchmarks=("small-set",), text=VARIANTS, table=variants),
    Section(title="LoRA on a small set under an unknown word", benchmarks=("unknown-word",), text=UNKNOWN, table=variants),
    Section(title="Methods at equal size", benchmarks=("equal-size",), text=EQUAL, table=variants),
    Section(title="Rank and steps by size of set", benchmarks=("set-sizes",), text=SIZES, table=sizes),
    Section(title="Masked loss", benchmarks=("masked-loss",), text=MASKED, table=readings),
    Section(title="Tags shuffled and left out", benchmarks=("tag-captions", "tag-captions-again"), text=TAGS, table=readings),
    Section(title="A slider", benchmarks=("slider",), text=SLIDERS, table=readings),
    Section(title="A MotionLoRA", benchmarks=("motion-lora",), text=MOTIONS, table=readings),
)


def page() -> str:
    """Return the page of all stored results."""
    rows = [row for name in BENCHMARKS for row in read(name)]
    days, processors = (sorted({row[key] for row in rows}) for key in ("date", "processor"))
    head = HEAD.format(days=" to ".join(dict.fromkeys((days[0], days[-1]))), processors=", ".join(processors))
    return "\n".join([head, *(section.page() for section in SECTIONS)])


def write_page() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--page", action="store_true", help="write the page of what is stored, and run nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}")
    for name in [] if arguments.page else arguments.names or [one for one in BENCHMARKS if one != LARGE]:
        run(name)
        write_page()
    if arguments.page:
        write_page()


if __name__ == "__main__":
    main()
