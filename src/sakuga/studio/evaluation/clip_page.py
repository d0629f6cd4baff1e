"""The report on a clip, alone or beside another."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from sakuga.evaluation.bad_frames import BadFrames
from sakuga.evaluation.metric import Measurement, Metric
from sakuga.evaluation.report import Chart, Mark, Page, PageImage, Panel, Paragraph, Section, Strip, Table, Tile, curves
from sakuga.evaluation.report.curves import Curve
from sakuga.evaluation.report.metrics import metrics_table, tile
from sakuga.evaluation.report.svg import number
from sakuga.finishing.resize import fit_within
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.evaluation.comparison_table import ComparisonRow, comparison_table
from sakuga.studio.evaluation.measured_clip import NO_LOOP, MeasuredClip
from sakuga.text import counted

NAMES = {
    "motion.flicker": "flicker",
    "motion.judder": "judder",
    "motion.step": "frame-to-frame change",
    "motion.unevenness": "unevenness of motion",
    "motion.loop_gap": "loop gap",
    "colour.drift": "color drift",
    "words.clip": "CLIP score to its prompts",
    "variety.left": "variety left at the end",
}
STRIP_LENGTH, IMAGE_SIZE = 12, 160
"""Images of a film strip, and their longer side in pixels."""


def clip_page(clip: MeasuredClip, against: MeasuredClip | None = None) -> Page:
    """Build the report."""
    title = f"Clip {clip.name}" + (f" against {against.name}" if against else "")
    length = f"{len(clip.images)} images in {clip.seconds:.2f} s"
    bad = f"{counted(len(clip.bad), 'range')} of frames to check" if clip.bad else "no bad frames found"
    beside = [_beside(clip, against)] if against else []
    sections = [_strips(clip, against), _along(clip, against), *beside, _bad(clip), _metrics(clip)]
    return Page(title=title, lede=f"{length}; {bad}.", sections=tuple(sections), tiles=_tiles(clip, against), facts=_facts(clip, against))


def _tiles(clip: MeasuredClip, against: MeasuredClip | None) -> tuple[Tile, ...]:
    """Build the tiles.

    The loop gap for a loop, else the color drift.
    """
    by_key = {metric.key: metric for metric in clip.metrics}
    others = {metric.key: metric for metric in against.metrics} if against else {}
    last = "colour.drift" if NO_LOOP in getattr(by_key.get("motion.loop_gap"), "note", "") else "motion.loop_gap"
    tiles = [
        tile(NAMES[key], by_key[key], beside=_against(against, others.get(key)))
        for key in ("words.clip", "motion.flicker", last)
        if key in by_key
    ]
    return (*tiles, Tile(name="frames to check", value=str(len(clip.bad)), note="listed below" if clip.bad else "none found"))


def _against(clip: MeasuredClip | None, other: Measurement | None) -> str:
    return f"{clip.name} {number(other.value)}" if clip and isinstance(other, Metric) else ""


def _beside(clip: MeasuredClip, against: MeasuredClip) -> Section:
    """Build the table of both clips' metrics."""
    others = {metric.key: metric for metric in against.metrics}
    changes = {metric.key: metric for metric in clip_differences(clip, against)}
    rows = [
        ComparisonRow(name=NAMES[one.key], sides=(one, others.get(one.key)), difference=changes.get(f"more.{one.key}"))
        for one in clip.metrics
    ]
    caption = "In brackets 95% intervals. Clips of different content differ for that reason alone."
    return Section(title="Side by side", blocks=(comparison_table(rows, (clip.name, against.name), caption),))


def _strips(clip: MeasuredClip, against: MeasuredClip | None) -> Section:
    strips = tuple(_strip(one) for one in (clip, against) if one)
    return Section(title="The clip", blocks=strips)


def _strip(clip: MeasuredClip) -> Strip:
    indices = sorted({round(index) for index in np.linspace(0, len(clip.images) - 1, STRIP_LENGTH)})
    return Strip(
        title=clip.name,
        rows=(("", tuple(_image(clip, index) for index in indices)),),
        caption=f"{len(indices)} of {len(clip.images)} images, evenly spaced, with their number and second.",
    )


def _image(clip: MeasuredClip, index: int) -> PageImage:
    caption = f"{index + 1} · {clip.starts[index]:.2f} s"
    return PageImage(pixels=fit_within(clip.images[index], IMAGE_SIZE), alt=f"frame {index + 1}", caption=caption)


def _along(clip: MeasuredClip, against: MeasuredClip | None) -> Section:
    both = [one for one in (clip, against) if one]
    rows = [
        ("Frame-to-frame change (Lab)", "steps", True),
        ("Flicker: change not explained by motion (grey levels)", "flicker", True),
        ("Color drift within the shot (Lab)", "drift", True),
    ]
    if np.isfinite(clip.prompt_scores).any():
        rows.append(("CLIP score to its prompt", "prompt_scores", False))
    along = clip.starts
    panels = [
        Panel(
            title=title,
            curves=tuple(
                Curve(values=tuple(_resample(one, getattr(one, row), along)), series=index + 1 if len(both) == 1 else index)
                for index, one in enumerate(both)
            ),
            from_zero=from_zero,
        )
        for title, row, from_zero in rows
    ]
    marks = [Mark(place=clip.starts[bad.first], to=clip.starts[bad.last], name=_frames(bad)) for bad in clip.bad]
    marks += [Mark(place=clip.starts[part.first], name=part.name, plain=True) for part in clip.parts if part.first]
    names = [one.name for one in both]
    caption = f"Every image of the file (n {len(clip.images)}). Red: frames to check, by number; dotted: the start of a shot."
    svg = curves(panels, along, "seconds", "metrics along the clip", marks, names)
    return Section(title="Along the clip", blocks=(Chart(title="Metrics over time", svg=svg, caption=caption),))


def _resample(clip: MeasuredClip, values: Sequence[float], along: Sequence[float]) -> list[float]:
    """Resample a clip's row at other times."""
    indices = np.searchsorted(np.array(clip.starts), np.array(along), side="right") - 1
    return [float(values[index]) if time < clip.seconds else float("nan") for index, time in zip(indices, along, strict=True)]


def _bad(clip: MeasuredClip) -> Section:
    if not clip.bad:
        fine = Paragraph(text="No frame is blank, jumps, misses its prompt, or drifts in color under a constant prompt.")
        return Section(title="Frames to check", blocks=(fine,))
    rows = tuple((_frames(bad), f"{clip.starts[bad.first]:.2f}\u00a0s", _explanation(clip, bad), _remedy(clip, bad)) for bad in clip.bad)
    strip = Strip(
        title="The worst frame of each range beside the last good one",
        columns=("last good frame", "worst frame"),
        rows=tuple((f"frame {bad.worst + 1}: {bad.fault}", _pair(clip, bad)) for bad in clip.bad),
        caption="Rules: blank images, changes far above the clip's median, scores far below it, colors far from the shot's first frame.",
    )
    table = Table(head=("frames", "from", "fault", "remedy"), rows=rows, words=4)
    return Section(title="Frames to check", blocks=(table, strip))


def _frames(bad: BadFrames) -> str:
    return f"{bad.first + 1}" if bad.first == bad.last else f"{bad.first + 1}–{bad.last + 1}"


def _pair(clip: MeasuredClip, bad: BadFrames) -> tuple[PageImage, PageImage]:
    return _image(clip, max(0, bad.first - 1)), _image(clip, bad.worst)


def _explanation(clip: MeasuredClip, bad: BadFrames) -> str:
    index = bad.worst
    match bad.fault:
        case "blank":
            return "shows a single color"
        case "jump":
            median = float(np.nanmedian(clip.steps))
            cut = "" if clip.recipe else ", or a cut"
            return f"a jump{cut}: {clip.steps[index]:.1f} in Lab from the frame before (median {median:.1f})"
        case "off prompt":
            return f"a low CLIP score to its prompt: {clip.prompt_scores[index]:.1f} (median {np.nanmedian(clip.prompt_scores):.1f})"
        case "drifted":
            return f"its colors are {clip.drift[index]:.1f} in Lab from the first frame of its shot"


def _remedy(clip: MeasuredClip, bad: BadFrames) -> str:
    """Return a remedy, if possible as a command, or by the studio's buttons."""
    return _remedy_in_studio(bad) if clip.in_studio else _command(clip, bad)


def _remedy_in_studio(bad: BadFrames) -> str:
    again = "select them on the Timeline, press Redo (R)"
    match bad.fault:
        case "jump":
            return f"{again} and lower the strength, or choose among takes of other seeds"
        case "drifted":
            return f"{again} and choose a take in the colors of the others; or let the shot start each frame from its keyframe"
        case _:
            return f"{again} and choose among takes of other seeds, or use simpler words"


def _command(clip: MeasuredClip, bad: BadFrames) -> str:
    again = f"sakuga remake {clip.name} --set"
    part = clip.part(bad.first)
    match clip.recipe:
        case FilmRecipe() as film if part:
            number = int(part.name.split()[-1])
            shot = film.shots[number - 1]
            other = f"use another seed for {part.name}: {again} shots.{number}.seed={shot.seed + 1}"
            match bad.fault:
                case "jump":
                    return (
                        f"lower the denoising strength: {again} film.shot_strength={0.7 * (film.film.shot_strength or 0.4):.2g}; or {other}"
                    )
                case "drifted":
                    return f"start every frame from the shot's keyframe: {again} film.init_from=keyframe; or {other}"
                case _:
                    return f"{other}; or simplify the prompt: {again} shots.{number}.prompt='...'"
        case MorphRecipe() as morph:
            if bad.fault == "jump":
                return f"use more frames, evenly timed: {again} frames={2 * morph.frames} --set even=true --set places=null"
            return f"use another seed: {again} seed={morph.seed + 1}"
        case None:
            return "the clip carries no recipe: generate it again with another seed"
    return f"use another seed, or inspect the recipe: sakuga recipe {clip.name}"


def _metrics(clip: MeasuredClip) -> Section:
    return Section(title="All metrics", blocks=(metrics_table(clip.metrics, NAMES, _method(clip)),))


def _method(clip: MeasuredClip) -> str:
    scorer = f" Prompts and variety are scored by {clip.clip_model}." if clip.clip_model else ""
    return f"Intervals by resampling runs of frames, as neighbours are not independent (n counts images or steps).{scorer}"


def _facts(clip: MeasuredClip, against: MeasuredClip | None) -> tuple[tuple[str, str], ...]:
    height, width = clip.images[0].shape[:2]
    facts = [("clip", f"{clip.name}, {width}x{height}, {clip.seconds:.2f} s")]
    if clip.recipe:
        facts.append(("generated with", f"{clip.recipe.model or 'another model'} {clip.recipe.checkpoint[:12]}, by its recipe"))
    if against:
        facts.append(("against", against.name))
    return (*facts, *(("note", note) for note in clip.notes))


def clip_differences(clip: MeasuredClip, against: MeasuredClip) -> list[Measurement]:
    """Return the other clip's metrics and the differences.

    Under `against.` and `more.`.
    """
    others = {metric.key: metric for metric in against.metrics}
    differences: list[Measurement] = []
    for metric in clip.metrics:
        other = others.get(metric.key)
        if isinstance(metric, Metric) and isinstance(other, Metric) and isfinite(other.value):
            differences.append(
                Metric(key=f"against.{other.key}", value=other.value, n=other.n, low=other.low, high=other.high, note=other.note)
            )
            differences.append(Metric(key=f"more.{metric.key}", value=metric.value - other.value, n=min(metric.n, other.n)))
    return differences
