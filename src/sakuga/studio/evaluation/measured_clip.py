"""The scorecard of a clip: how it moves, whether it shows what it was to show, and which frames to look at."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.clips import read_clip
from sakuga.evaluation.bad_frames import BadFrames, bad_frames
from sakuga.evaluation.clip import Embeddings, unit
from sakuga.evaluation.collapse import WINDOW, chain_variance
from sakuga.evaluation.figure import Outcome, Refused, along, figure
from sakuga.evaluation.interval import Values
from sakuga.evaluation.motion_smoothness import loop_gap, steps, variation
from sakuga.evaluation.temporal import course, drift, flicker, judder
from sakuga.export import read_recipe
from sakuga.finishing.color_match import lab_difference
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.animate.remake import parse_recipe
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError
from sakuga.studio.evaluation.judges import Judges
from sakuga.studio.evaluation.shown import Part, Shown, Words, shown_by

SURE = 0.9
"""The share of a frame's words from which on it can be blamed for not showing them; on the way to others it shows neither whole."""
PARTS = 4
"""What is measured along a clip, one after the other."""
NO_LOOP = "not made as a loop"
"""What is said of the gap of a clip that goes on from its last frame to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watched:
    """A clip and what was measured along it; every row has one value for each picture of the file, NaN where there is none."""

    path: Path
    pictures: tuple[Picture, ...]
    starts: tuple[float, ...]
    """When each picture appears, in seconds."""
    seconds: float
    recipe: Recipe | None
    parts: tuple[Part, ...]
    """Shots, their first frames counted in pictures of this file."""
    steps: Values
    """How much each differs from the one before, in Lab."""
    flicker: Values
    """How much of that motion does not explain, in grey levels."""
    drift: Values
    """How far its mean colour is from that of its shot's first picture, in Lab."""
    words: Values
    """100 x cosine to the words that it was to show."""
    outcomes: tuple[Outcome, ...]
    bad: tuple[BadFrames, ...]
    judge: str
    notes: tuple[str, ...]

    def part(self, frame: int) -> Part | None:
        """Return the shot that a frame belongs to."""
        return next((part for part in reversed(self.parts) if part.first <= frame), None)


def watch_clip(path: Path, judges: Judges, text: str | None) -> Generator[Step, None, Watched]:
    """Measure a clip; its words are those of its own recipe, or `text` for every frame."""
    outside = read_clip(path)
    pictures, notes = outside.pictures, list(outside.notes)
    if len(pictures) < 3:
        raise InputError(f"{path} holds {len(pictures)}, and a clip is 3 pictures or more: to score pictures, give their folder")
    starts = list(accumulate(outside.seconds, initial=Fraction(0)))
    recipe, shown = told(path, judges.source)
    if isinstance(shown, str):
        notes.append(shown)
        yield Step(stage="story", note=shown)
        shown = None
    words, parts = _by_picture(shown, [(start + stop) / 2 for start, stop in pairwise(starts)])
    words = [((text, 1.0),)] * len(pictures) if text else words
    rows = yield from _measure(pictures, words, parts, judges)
    cuts = [part.first for part in parts if part.cut]
    sure = np.where([any(share >= SURE for _, share in said) for said in words], rows.words, np.nan)
    unasked = np.where(_same_words(words, parts), rows.drift, np.nan)
    return Watched(
        path=path,
        pictures=pictures,
        starts=tuple(float(start) for start in starts[:-1]),
        seconds=float(starts[-1]),
        recipe=recipe,
        parts=parts,
        steps=rows.steps,
        flicker=rows.flicker,
        drift=rows.drift,
        words=rows.words,
        outcomes=tuple(_outcomes(pictures, rows, cuts, judges, closed=bool(shown and shown.closed))),
        bad=tuple(bad_frames(pictures, rows.steps, sure, unasked, cuts)),
        judge=judges.clip.name if judges.clip else "",
        notes=tuple(notes),
    )


def told(path: Path, source: Source | None) -> tuple[Recipe | None, Shown | str | None]:
    """Return what a clip says of itself, and what its frames were to show, or in words why that is not known."""
    text = read_recipe(path)
    try:
        recipe = parse_recipe(text, str(path)) if text else None
        return recipe, shown_by(recipe, source or find_checkpoint(recipe.model or SKETCHBOOK)) if recipe else None
    except (RecipeError, CheckpointError, InputError) as error:
        return None, f"{error}: its frames are not compared with their words"


def _by_picture(shown: Shown | None, middles: Sequence[Fraction]) -> tuple[list[Words], tuple[Part, ...]]:
    """Bring words and parts from frames of the film to pictures of the file, which may hold several frames in one."""
    if shown is None or len(shown.words) < 2:
        return [()] * len(middles), ()
    frames = [min(int(middle * shown.rate), len(shown.words) - 1) for middle in middles]
    parts = [
        Part(name=part.name, first=next((place for place, frame in enumerate(frames) if frame >= part.first), len(frames)), cut=part.cut)
        for part in shown.parts
    ]
    return [shown.words[frame] for frame in frames], tuple(part for part in parts if part.first < len(frames))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    steps: Values
    flicker: Values
    judder: Values
    drift: Values
    words: Values
    embeddings: Embeddings | None


def _measure(pictures: Sequence[Picture], words: Sequence[Words], parts: Sequence[Part], judges: Judges) -> Generator[Step, None, _Rows]:
    moved = np.array([np.nan, *steps(pictures, lab_difference)])
    drifted = drift(pictures, _firsts(parts))
    yield Step(stage="finishing", done=1, total=PARTS)
    flickering = flicker(pictures)
    yield Step(stage="finishing", done=2, total=PARTS)
    juddering = judder(pictures)
    yield Step(stage="finishing", done=3, total=PARTS)
    embeddings = judges.clip.pictures(pictures) if judges.clip else None
    scores = np.full(len(pictures), np.nan)
    texts = list(dict.fromkeys(text for said in words for text, _ in said))
    if judges.clip and embeddings is not None and texts:
        cosines = 100.0 * unit(embeddings) @ unit(judges.clip.texts(texts)).T
        for place, said in enumerate(words):
            if said:
                scores[place] = sum(share * cosines[place, texts.index(text)] for text, share in said)
    yield Step(stage="finishing", done=PARTS, total=PARTS)
    return _Rows(steps=moved, flicker=flickering, judder=juddering, drift=drifted, words=scores, embeddings=embeddings)


def _firsts(parts: Sequence[Part]) -> list[int]:
    return sorted({0, *(part.first for part in parts)})


def _same_words(words: Sequence[Words], parts: Sequence[Part]) -> list[bool]:
    """Tell which pictures are to show what their shot's first one shows: there, no change of light was asked for."""
    firsts = _firsts(parts)
    return [bool(said) and said == words[max(first for first in firsts if first <= place)] for place, said in enumerate(words)]


def _outcomes(pictures: Sequence[Picture], rows: _Rows, cuts: Sequence[int], judges: Judges, *, closed: bool) -> list[Outcome]:
    moved = [float(step) for step in np.delete(rows.steps, [0, *cuts])]
    n = len(pictures)
    gap = loop_gap(moved, lab_difference(pictures[-1], pictures[0]))
    said = "made as a loop" if closed else NO_LOOP
    still = Refused(key="motion.loop_gap", reason="most frames stand still", instead="look at the last and the first frame")
    made: list[Outcome] = [
        course("motion.flicker", rows.flicker, note="grey levels that motion does not explain"),
        course("motion.judder", rows.judder, note="grey levels from the in-between of its neighbours"),
        along("motion.step", moved, note="mean Lab distance of neighbours, cuts left out"),
        figure("motion.unevenness", variation(moved), len(moved), None, note="deviation over mean of the steps: 0 is even"),
        still if gap is None else figure("motion.loop_gap", gap, n, None, note=f"step from last to first against the median step; {said}"),
        along("colour.drift", rows.drift, note="Lab distance of the mean colour from that of its shot's first frame"),
    ]
    if judges.clip is None:
        return [*made, Refused(key="words.clip", reason=judges.blind, instead="name a CLIP model with --clip")]
    heard = rows.words[np.isfinite(rows.words)]
    mute = Refused(key="words.clip", reason="the clip tells no words", instead="say what it is to show with --text")
    made.append(along("words.clip", heard, note=f"100 x cosine of each frame to its own words; {judges.caution}") if heard.size else mute)
    if n < 2 * WINDOW:
        few = f"{n} pictures are fewer than twice {WINDOW}"
        return [*made, Refused(key="variety.left", reason=few, instead="look at the strip")]
    assert rows.embeddings is not None
    spread = chain_variance(rows.embeddings)
    left = spread.last / spread.first if spread.first else 1.0
    alarm = "COLLAPSED: the last pictures are nearly alike" if spread.collapsed else "no collapse"
    return [*made, figure("variety.left", left, n, None, note=alarm)]
