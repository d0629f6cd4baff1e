"""The scorecard of a clip as a page, alone or beside another clip."""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from sakuga.evaluation.bad_frames import BadFrames
from sakuga.evaluation.figure import Figure, Outcome
from sakuga.evaluation.report import Chart, Mark, Page, Panel, Picture, Prose, Section, Strip, Table, Tile, curves
from sakuga.evaluation.report.curves import Line as Curve
from sakuga.evaluation.report.figures import figures_table, tile
from sakuga.evaluation.report.svg import number
from sakuga.finishing.resize import within
from sakuga.studio.animate.film import FilmRecipe
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.evaluation.clips import NO_LOOP, Watched
from sakuga.studio.evaluation.side_by_side import Line, side_by_side
from sakuga.text import counted

NAMES = {
    "motion.flicker": "flicker",
    "motion.judder": "judder",
    "motion.step": "step from frame to frame",
    "motion.unevenness": "unevenness of the steps",
    "motion.loop_gap": "loop gap",
    "colour.drift": "colour drift",
    "words.clip": "CLIP score to its words",
    "variety.left": "variety left at the end",
}
SHOWN, SIDE = 12, 160
"""Pictures of a film strip, and the pixels of their longer side."""


def clip_page(clip: Watched, against: Watched | None = None) -> Page:
    """Lay a scorecard out."""
    title = f"Scorecard of {clip.path.name}" + (f" against {against.path.name}" if against else "")
    pictures = f"{len(clip.pictures)} pictures in {clip.seconds:.2f} s"
    bad = f"{counted(len(clip.bad), 'place')} to look at" if clip.bad else "none stands out as bad"
    beside = [_beside(clip, against)] if against else []
    sections = [_strips(clip, against), _along(clip, against), *beside, _bad(clip), _figures(clip)]
    return Page(title=title, lede=f"{pictures}; {bad}.", sections=tuple(sections), tiles=_tiles(clip, against), facts=_facts(clip, against))


def _tiles(clip: Watched, against: Watched | None) -> tuple[Tile, ...]:
    """Show what is read first: of a clip that was not made as a loop its drift in place of the gap."""
    found = {outcome.key: outcome for outcome in clip.outcomes}
    others = {outcome.key: outcome for outcome in against.outcomes} if against else {}
    last = "colour.drift" if NO_LOOP in getattr(found.get("motion.loop_gap"), "note", "") else "motion.loop_gap"
    shown = [
        tile(NAMES[key], found[key], beside=_against(against, others.get(key)))
        for key in ("words.clip", "motion.flicker", last)
        if key in found
    ]
    return (*shown, Tile(name="places to look at", value=str(len(clip.bad)), note="frames named below" if clip.bad else "none found"))


def _against(clip: Watched | None, other: Outcome | None) -> str:
    return f"{clip.path.name} {number(other.value)}" if clip and isinstance(other, Figure) else ""


def _beside(clip: Watched, against: Watched) -> Section:
    """Hold the figures of both clips against each other, line by line."""
    others = {outcome.key: outcome for outcome in against.outcomes}
    more = {outcome.key: outcome for outcome in clip_differences(clip, against)}
    lines = [Line(name=NAMES[one.key], sides=(one, others.get(one.key)), difference=more.get(f"more.{one.key}")) for one in clip.outcomes]
    caption = "In brackets 95% intervals. Clips that show other things differ for that alone: more of a measure is then not worse."
    return Section(title="Side by side", blocks=(side_by_side(lines, (clip.path.name, against.path.name), caption),))


def _strips(clip: Watched, against: Watched | None) -> Section:
    strips = tuple(_strip(one) for one in (clip, against) if one)
    return Section(title="The clip", blocks=strips)


def _strip(clip: Watched) -> Strip:
    chosen = sorted({round(place) for place in np.linspace(0, len(clip.pictures) - 1, SHOWN)})
    return Strip(
        title=clip.path.name,
        rows=(("", tuple(_picture(clip, place) for place in chosen)),),
        caption=f"{len(chosen)} of {len(clip.pictures)} pictures, evenly chosen, with their number and second.",
    )


def _picture(clip: Watched, place: int, below: str = "") -> Picture:
    said = f"{place + 1} · {clip.starts[place]:.2f} s"
    return Picture(pixels=within(clip.pictures[place], SIDE), about=f"frame {place + 1}", below=f"{said} · {below}" if below else said)


def _along(clip: Watched, against: Watched | None) -> Section:
    both = [one for one in (clip, against) if one]
    rows = [
        ("Step from frame to frame (Lab)", "steps", True),
        ("Flicker: what motion does not explain (grey levels)", "flicker", True),
        ("Drift of colour within its shot (Lab)", "drift", True),
    ]
    if np.isfinite(clip.words).any():
        rows.append(("CLIP score to its own words", "words", False))
    along = clip.starts
    panels = [
        Panel(
            title=title,
            lines=tuple(
                Curve(values=tuple(_on(one, getattr(one, row), along)), series=kind + 1 if len(both) == 1 else kind)
                for kind, one in enumerate(both)
            ),
            from_zero=from_zero,
        )
        for title, row, from_zero in rows
    ]
    marks = [Mark(place=clip.starts[bad.first], to=clip.starts[bad.last], name=_frames(bad)) for bad in clip.bad]
    marks += [Mark(place=clip.starts[part.first], name=part.name, plain=True) for part in clip.parts if part.first]
    names = [one.path.name for one in both]
    caption = f"Every picture of the file (n {len(clip.pictures)}). Red: frames to look at, by number; dotted: where a shot begins."
    drawn = curves(panels, along, "seconds", "measures along the clip", marks, names)
    return Section(title="Along the clip", blocks=(Chart(title="Measures by time", drawing=drawn, caption=caption),))


def _on(clip: Watched, values: Sequence[float], along: Sequence[float]) -> list[float]:
    """Read one clip's row at the times of another's pictures."""
    places = np.searchsorted(np.array(clip.starts), np.array(along), side="right") - 1
    return [float(values[place]) if time < clip.seconds else float("nan") for place, time in zip(places, along, strict=True)]


def _bad(clip: Watched) -> Section:
    if not clip.bad:
        fine = Prose(text="No frame is blank, jumps, leaves its words, or drifts in colour while its words stay.")
        return Section(title="Frames to look at", blocks=(fine,))
    rows = tuple((_frames(bad), f"{clip.starts[bad.first]:.2f}\u00a0s", _why(clip, bad), _remedy(clip, bad)) for bad in clip.bad)
    strip = Strip(
        title="The worst of each, beside the last good frame",
        columns=("last good frame", "worst frame"),
        rows=tuple((f"frame {bad.worst + 1}: {bad.why}", _pair(clip, bad)) for bad in clip.bad),
        caption="Found by rule: blank pictures, steps far above the clip's median, scores far below it, colours far from the shot's first.",
    )
    table = Table(head=("frames", "from", "what is wrong", "what to do"), rows=rows, words=4)
    return Section(title="Frames to look at", blocks=(table, strip))


def _frames(bad: BadFrames) -> str:
    return f"{bad.first + 1}" if bad.first == bad.last else f"{bad.first + 1}–{bad.last + 1}"


def _pair(clip: Watched, bad: BadFrames) -> tuple[Picture, Picture]:
    return _picture(clip, max(0, bad.first - 1)), _picture(clip, bad.worst)


def _why(clip: Watched, bad: BadFrames) -> str:
    place = bad.worst
    match bad.why:
        case "blank":
            return "shows a single colour"
        case "jump":
            usual = float(np.nanmedian(clip.steps))
            cut = "" if clip.recipe else ", or a cut"
            return f"a jump{cut}: {clip.steps[place]:.1f} in Lab from the frame before, where {usual:.1f} is usual"
        case "off its words":
            return f"shows its words less: {clip.words[place]:.1f}, where {np.nanmedian(clip.words):.1f} is usual"
        case "drifted":
            return f"its colours are {clip.drift[place]:.1f} in Lab from the first frame of its shot"


def _remedy(clip: Watched, bad: BadFrames) -> str:
    """Say what to do, as a command where the clip carries its recipe."""
    again = f"sakuga remake {clip.path.name} --set"
    part = clip.part(bad.first)
    match clip.recipe:
        case FilmRecipe() as film if part:
            number = int(part.name.split()[-1])
            shot = film.shots[number - 1]
            other = f"draw {part.name} with another seed: {again} shots.{number}.seed={shot.seed + 1}"
            match bad.why:
                case "jump":
                    return f"redraw less of each frame: {again} film.hold_on={0.7 * (film.film.hold_on or 0.4):.2g}; or {other}"
                case "drifted":
                    return f"start every frame from the shot's keyframe: {again} film.follow=key; or {other}"
                case _:
                    return f"{other}; or say it in plainer words: {again} shots.{number}.prompt='...'"
        case MorphRecipe() as morph:
            if bad.why == "jump":
                return f"take more frames, evenly timed: {again} frames={2 * morph.frames} --set even=true --set places=null"
            return f"draw it with another seed: {again} seed={morph.seed + 1}"
        case None:
            return "the clip carries no recipe: draw it again with another seed"
    return f"draw it again with another seed, or look at it with: sakuga recipe {clip.path.name}"


def _figures(clip: Watched) -> Section:
    return Section(title="All figures", blocks=(figures_table(clip.outcomes, NAMES, _how(clip)),))


def _how(clip: Watched) -> str:
    seen = f" Words and variety are seen by {clip.judge}." if clip.judge else ""
    return f"Intervals by resampling runs of frames, as neighbours are not independent (n counts pictures or steps).{seen}"


def _facts(clip: Watched, against: Watched | None) -> tuple[tuple[str, str], ...]:
    height, width = clip.pictures[0].shape[:2]
    told = [("clip", f"{clip.path.name}, {width}x{height}, {clip.seconds:.2f} s")]
    if clip.recipe:
        told.append(("drawn with", f"{clip.recipe.model or 'a model of its own'} {clip.recipe.checkpoint[:12]}, as its recipe says"))
    if against:
        told.append(("against", against.path.name))
    return (*told, *(("note", note) for note in clip.notes))


def clip_differences(clip: Watched, against: Watched) -> list[Outcome]:
    """Return the figures of the other clip under `against.`, and how much more this clip has under `more.`."""
    found = {outcome.key: outcome for outcome in against.outcomes}
    made: list[Outcome] = []
    for outcome in clip.outcomes:
        other = found.get(outcome.key)
        if isinstance(outcome, Figure) and isinstance(other, Figure) and isfinite(other.value):
            made.append(Figure(key=f"against.{other.key}", value=other.value, n=other.n, low=other.low, high=other.high, note=other.note))
            made.append(Figure(key=f"more.{outcome.key}", value=outcome.value - other.value, n=min(outcome.n, other.n)))
    return made
