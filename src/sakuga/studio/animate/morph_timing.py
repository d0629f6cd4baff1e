"""Retiming of morphs that move unevenly or whose loop shows."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from sakuga.evaluation.motion_smoothness import loop_gap, steps, variation
from sakuga.finishing.image import Image
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Rendering, RenderSession
from sakuga.timeline.morph import ChangeCurve, MorphPath, change_curve, close_loop, even_positions, morph_specs
from sakuga.timeline.spec import Digest, FrameSpec, Generated, dependencies, digest

VISIBLE, TARGET = 1.2, 1.15
"""The last step of a loop, in normal steps, above which it shows; and the target if it does."""
FAR = 2.5
"""Normal steps that the last frames of a loop cannot absorb, so that all frames must move."""
EVEN = 0.35
"""The coefficient of variation under which a retimed loop is even but for its end."""
MAX_LOOP_FRAMES, MAX_LOOP_TAKES = 4, 16
"""Limits of closing a loop: frames generated, in lengths of the loop, and takes."""
MAX_EVEN_TAKES, SMOOTH = 4, 0.1
"""Limits of an even morph: takes, and the variation that is even enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphTake:
    """The frames of a path at some positions, and how much neighbors differ."""

    positions: tuple[float, ...]
    specs: tuple[Generated, ...]
    rendering: Rendering
    steps: tuple[float, ...]
    """One for each pair of neighbors, and on a closed path the one back to the first."""

    @property
    def names(self) -> tuple[Digest, ...]:
        """The frames' names."""
        return tuple(map(digest, self.specs))


def render_take(path: MorphPath, positions: tuple[float, ...], like: Generated, session: RenderSession) -> Generator[Step, None, MorphTake]:
    """Render a path's frames and measure the steps between them."""
    specs = morph_specs(path, positions, like)
    names = [digest(spec) for spec in specs]
    given: dict[Digest, FrameSpec] = {name: session.store.spec(name) for name in dependencies(like)}
    rendering = yield from session.render(given | dict(zip(names, specs, strict=True)), names)
    around = [*names, names[0]] if path.closed else names
    measured = steps((session.store.read(rendering.renamed[name]) for name in around), image_difference)
    return MorphTake(positions=positions, specs=specs, rendering=rendering, steps=tuple(measured))


def even_out(path: MorphPath, like: Generated, session: RenderSession, takes: list[MorphTake]) -> Generator[Step, None, None]:
    """Retime the frames until neighbors differ equally.

    The most even take comes last.
    """
    tried = takes[-1:]
    while variation(tried[-1].steps) > SMOOTH and len(tried) <= MAX_EVEN_TAKES:
        positions = even_positions(path, len(tried[-1].positions), measure_change(path, tried, session))
        tried.append((yield from render_take(path, positions, like, session)))
    takes += [*tried[1:], min(tried, key=lambda take: variation(take.steps))] if len(tried) > 1 else []


def close_up(path: MorphPath, like: Generated, session: RenderSession, takes: list[MorphTake]) -> Generator[Step, None, list[str]]:
    """Retime a loop whose last step shows.

    Its end only is retimed, or all frames if that is not enough. The take with the smallest last step comes last. Returns notes.
    """
    tried, notes, tried_positions = takes[-1:], list[str](), set(takes[-1].positions)
    while (
        seam(tried[0], tried[-1]) > VISIBLE
        and len(tried_positions) <= MAX_LOOP_FRAMES * len(tried[0].positions)
        and len(tried) <= MAX_LOOP_TAKES
    ):
        if not notes:
            notes.append(f"The loop would close with {last_step(tried[-1]):.1f} normal steps: its frames are retimed.")
            yield Step(stage="rendering", note=notes[0])
        last, curve = tried[-1], measure_change(path, [*takes, *tried[1:]], session)
        end_only = last_step(last) <= FAR and (len(tried) == 1 or variation(last.steps) < EVEN)
        positions = close_loop(path, last.positions, curve, TARGET) if end_only else even_positions(path, len(last.positions), curve)
        tried.append((yield from render_take(path, positions, like, session)))
        tried_positions |= set(positions)
    takes += [*tried[1:], min(tried, key=partial(seam, tried[0]))] if len(tried) > 1 else []
    return notes


def seam(first: MorphTake, take: MorphTake) -> float:
    """Return how much a loop's end shows, in normal steps.

    It is the last step, or half the largest step from frames moved since the first take. So a large step is not pushed from a loop's end
    to just before it.
    """
    moved = [step for now, before, step in zip(take.positions, first.positions, take.steps, strict=True) if now != before]
    return max(last_step(take), 0.5 * (loop_gap(take.steps[:-1], max(moved)) or 0.0) if moved else 0.0)


def measure_change(path: MorphPath, takes: Sequence[MorphTake], session: RenderSession) -> ChangeCurve:
    """Build the cumulative visual-change curve of a path from all frames rendered so far.

    The last take sets the size of its steps; all takes set where in a step the change is.
    """
    frames = {place: take.rendering.renamed[name] for take in takes for place, name in zip(take.positions, take.names, strict=True)}
    if path.closed:
        frames[float(path.segments)] = frames[0.0]
    known = sorted(frames)
    parts = steps((session.store.read(frames[place]) for place in known), image_difference)
    return change_curve(path, takes[-1].positions, takes[-1].steps, zip(known[1:], parts, strict=True))


def last_step(take: MorphTake) -> float:
    """Return a closed path's last step, in normal steps."""
    return loop_gap(take.steps[:-1], take.steps[-1]) or 0.0


def image_difference(first: Image, second: Image) -> float:
    """Return how much two images differ, in Lab."""
    from sakuga.finishing.color_match import lab_difference

    return lab_difference(first, second)
