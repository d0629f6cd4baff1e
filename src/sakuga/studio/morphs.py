"""Prompts that flow into each other: every frame is drawn for itself, on the way from one prompt and one noise to the next."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sakuga import InputError
from sakuga.evaluation.smoothness import loop_gap, steps, variation
from sakuga.export import check_target
from sakuga.finishing.colour import lab_difference
from sakuga.models.sources import Source, find_checkpoint
from sakuga.models.styles import Style
from sakuga.story.film import FilmSettings
from sakuga.story.storyboard import Ease
from sakuga.studio.delivery import deliver
from sakuga.studio.drawing import Bench, Count, Drawing
from sakuga.studio.films import Seconds
from sakuga.studio.pictures import drawn_spec
from sakuga.studio.progress import Step
from sakuga.studio.recipe import Remade, SettledRecipe, check_amount, dressed, portable_style, restyled_settings
from sakuga.studio.settings import direction, settled, wearing, worn_digests
from sakuga.studio.styles import find_styles, found_at, shared_names, worded
from sakuga.studio.work import Work
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.morph import Course, Key, closed_up, evened, frames_at, places
from sakuga.timeline.spec import Digest, Drawn, digest
from sakuga.timeline.timing import there_and_back

FRAMES = 20
"""Frames from one prompt to the next, unless said."""
MOST = 10_000
"""Frames of a morph."""
WIDE, AIM = 1.2, 1.15
"""Usual steps from a loop's last frame to its first that are not seen, and what is aimed at where it is wider."""
CLOSINGS = 3
"""How often a loop is timed anew for its end, at most; each time the frames that move are drawn again."""
UNREAD = ("strength", "between", "on", "grain", "paper", "pixel", "follow", "hold_on", "wander", "drawn_rate", "control", "depth")
"""Settings of films that mean nothing here."""
EVENINGS = 2
"""How often an even morph is timed anew, at most; each time its frames are drawn again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Morphed:
    """A clip that was written, and how it moves: differences of frames as drawn, in mean Lab distance."""

    clip: Path
    frames: int
    """Frames of the clip."""
    count: Count
    seconds: Seconds
    step_variation: float
    """The coefficient of variation of neighbours' differences: 0.0 is perfectly even."""
    step_variation_before: float | None
    """The same before an even morph was timed anew."""
    loop_gap: float | None
    """In a loop, the step from the last frame to the first against the median step."""
    notes: tuple[str, ...]


class MorphRecipe(SettledRecipe):
    """A morph, with every setting said; an even one holds the places that were found, so that they are not sought again."""

    kind: Literal["morph"] = "morph"
    prompts: tuple[str, ...] = Field(min_length=1, max_length=MOST)
    seed: int = Field(ge=0, lt=2**62)
    frames: int = Field(ge=2, le=MOST)
    ease: Ease
    loop: bool = False
    ping_pong: bool = False
    even: bool = False
    places: tuple[float, ...] | None = None
    prompt_styles: tuple[Annotated[str, AfterValidator(portable_style)], ...] = ()
    """What each prompt wears beside what all of them do."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        legs = self.course().legs
        if self.prompt_styles and len(self.prompt_styles) != len(self.prompts):
            raise ValueError(f"there are styles for {len(self.prompt_styles)} prompts, and {len(self.prompts)} prompts")
        if self.places and (len(self.places) != self.frames or not all(0 <= place <= legs for place in self.places)):
            raise ValueError("`places` are not those of its frames: set places=null, and they are found anew")
        return self

    def course(self) -> Course:
        """Return its keys; each has the next seed."""
        keys = tuple(Key(prompt=prompt, seed=self.seed + number) for number, prompt in enumerate(self.prompts))
        return Course(keys=keys, closed=self.loop)

    def worn(self, source: Source) -> tuple[str, ...]:
        settings = self.settings.settings()
        return worn_digests((settings.style, *self.prompt_styles), settings, source)

    def restyled(self, places: Mapping[str, str]) -> Self:
        worn = tuple(found_at(asked, places) or "" for asked in self.prompt_styles)
        return self.model_copy(update={"settings": restyled_settings(self.settings, places), "prompt_styles": worn})

    def remake(self, out: Path, source: Source, store: Path | None) -> Generator[Step, None, Remade]:
        """Draw the morph again."""
        settings = settled(replace(self.settings.settings(), model=source.name), source)
        check_amount(2 * self.frames, settings.size)
        said = self.followed(source, **_named(self.prompt_styles, settings, source))
        made = yield from _film(said, self.prompt_styles, settings, out, source, store, recipe=True, max_size=self.budget(out))
        return Remade(path=out, frames=made.frames, drawn=made.count.drawn, reused=made.count.reused, notes=made.notes)


def morph(
    prompts: Sequence[str],
    out: Path | str = "morph.gif",
    *,
    frames: int | None = None,
    ease: Ease | None = None,
    loop: bool = False,
    ping_pong: bool = False,
    even: bool = False,
    seed: int = 0,
    styles: Sequence[str] = (),
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Morphed]:
    """Flow from prompt to prompt in `frames` frames (20 for each way): noise and text embeddings are slerped.

    The prompts have the seeds seed, seed + 1, ...; what `draw` makes of a prompt with its seed is the very frame shown there. With
    `loop` it goes on from the last prompt to the first, and one prompt alone goes round in its noise; `ping_pong` plays forth and
    back. `ease` bends each way (smooth; linear for one prompt alone); `even` times the frames so that neighbours differ equally. A loop
    whose last step would be seen is timed anew until it is not. `styles` are what each prompt wears beside the settings' style, one for
    each prompt ("" is none): between prompts their weights travel.
    A `max_size` in bytes is kept by GIFs. Raises SakugaError with one sentence where something is wrong.
    """
    said = tuple(prompts), Path(out), frames, ease, loop, ping_pong, even, seed, tuple(styles)
    return Work(_morph(*said, settings or FilmSettings(), store, recipe, max_size))


def _morph(
    prompts: tuple[str, ...],
    out: Path,
    frames: int | None,
    ease: Ease | None,
    loop: bool,
    ping_pong: bool,
    even: bool,
    seed: int,
    styles: tuple[str, ...],
    settings: FilmSettings,
    store: Path | None,
    recipe: bool,
    max_size: int | None,
) -> Generator[Step, None, Morphed]:
    check_target(out, max_size)
    if blank := next((number for number, prompt in enumerate(prompts, 1) if not prompt.strip()), None):
        raise InputError(f"prompt {blank} is empty: say what to draw")
    course = Course(keys=tuple(Key(prompt=prompt, seed=seed) for prompt in prompts), closed=loop)
    _check(seed, settings, loop and ping_pong, ease is not None and even)
    many = FRAMES * course.legs if frames is None else frames
    if not 2 <= many <= MOST:
        raise InputError(f"{many} frames are no morph: choose 2 to {MOST}")
    ease = ease or ("linear" if even or len(prompts) == 1 else "smooth")
    places(course, many, ease)
    if styles and len(styles) != len(prompts):
        raise InputError(f"there are styles for {len(styles)} prompts, and {len(prompts)} prompts: give one for each")
    source = find_checkpoint(settings.model or "sketchbook")
    settings = settled(settings, source)
    said = MorphRecipe.of(
        source,
        **_named(styles, settings, source),
        prompts=prompts,
        seed=seed,
        frames=many,
        ease=ease,
        loop=loop,
        ping_pong=ping_pong,
        even=even,
    )
    return (yield from _film(said, styles, settings, out, source, store, recipe, max_size))


def _named(asked: Sequence[str], settings: FilmSettings, source: Source) -> dict[str, Any]:
    """Return what the recipe says of settings and styles."""
    own = {"prompt_styles": tuple(shared_names(one, source) or "" for one in asked)} if any(asked) else {}
    return {**dressed(settings, source, asked), **own}


def _check(seed: int, settings: FilmSettings, both_loops: bool, both_timings: bool) -> None:
    if both_loops:
        raise InputError("a morph goes round in a loop or forth and back, and not both: choose one")
    if both_timings:
        raise InputError("an even morph is timed by its pictures and not by an ease: choose one")
    if unread := [name for name in UNREAD if getattr(settings, name) is not None]:
        raise InputError(f"a morph draws every frame from its prompts, and reads no {unread[0]}: leave it out")
    if not 0 <= seed < 2**62:
        raise InputError(f"seed {seed} is out of range: choose 0 to 2^62 - 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """The frames of a course drawn at some places, and how much neighbours differ."""

    places: tuple[float, ...]
    specs: tuple[Drawn, ...]
    drawing: Drawing
    steps: tuple[float, ...]
    """One for each pair of neighbours, and on a closed course the one back to the first."""

    @property
    def names(self) -> tuple[Digest, ...]:
        return tuple(map(digest, self.specs))


def _film(
    said: MorphRecipe,
    asked: tuple[str, ...],
    settings: FilmSettings,
    out: Path,
    source: Source,
    store: Path | None,
    recipe: bool,
    max_size: int | None,
) -> Generator[Step, None, Morphed]:
    begun = perf_counter()
    check_target(out, max_size)
    like = drawn_spec(said.prompts[0], said.seed, settings, source)
    course, styles = _dressed(said.course(), asked or ("",) * len(said.prompts), settings, source)
    bench = Bench(source, store, styles)
    notes = _doubts(course, bench)
    for note in notes:
        yield Step(stage="story", note=note)
    takes = [(yield from _take(course, said.places or places(course, said.frames, said.ease), like, bench))]
    if said.even and not said.places:
        yield from _even(course, like, bench, takes)
    if said.loop and not said.places:
        notes += yield from _close(course, like, bench, takes)
    if len(takes) > 1:
        said = said.model_copy(update={"places": takes[-1].places})
    drawn = perf_counter()
    shown = yield from _finish(said, takes[-1], settings, source, bench)
    finished = perf_counter()
    written = yield from deliver(shown, out, said if recipe else None, max_size)
    done = perf_counter()
    count, gap = _counted(takes), _gap(said, takes[-1].steps)
    wide = [f"the loop closes with {gap:.1f} usual steps, which may show: give it more frames, or --even"] if gap and gap > WIDE else []
    return Morphed(
        clip=out,
        frames=len(shown.frames),
        count=count,
        seconds=Seconds(drawing=drawn - begun, finishing=finished - drawn, export=done - finished, total=done - begun),
        step_variation=variation(takes[-1].steps),
        step_variation_before=variation(takes[0].steps) if said.even else None,
        loop_gap=gap,
        notes=(*notes, *count.notes, *wide, *written.notes),
    )


def _dressed(course: Course, asked: Sequence[str], settings: FilmSettings, source: Source) -> tuple[Course, list[tuple[Style, float]]]:
    """Let every key wear the styles of all and its own, and say their trigger words; returns all that is worn, too."""
    keys, styles = [], list[tuple[Style, float]]()
    for key, own in zip(course.keys, asked, strict=True):
        both = ", ".join(filter(None, (settings.style, own)))
        found = find_styles(both, source)
        keys.append(replace(key, prompt=worded(key.prompt, found), styles=wearing(both, settings, source)))
        styles += found
    return replace(course, keys=tuple(keys)), styles


def _doubts(course: Course, bench: Bench) -> list[str]:
    """Say what of the prompts is not read, and where nothing but noise moves."""
    prompts = [key.prompt for key in course.keys]
    unread = [f"prompt {number}: {note}" for number, prompt in enumerate(prompts, 1) for note in bench.unread(prompt)]
    same = [number for number, (one, other) in enumerate(pairwise(prompts), 1) if one == other]
    return unread + [f"prompts {number} and {number + 1} are the same: between them only the noise moves" for number in same]


def _take(course: Course, at: tuple[float, ...], like: Drawn, bench: Bench) -> Generator[Step, None, _Take]:
    specs = frames_at(course, at, like)
    names = [digest(spec) for spec in specs]
    drawing = yield from bench.draw(dict(zip(names, specs, strict=True)), names)
    around = [*names, names[0]] if course.closed else names
    moved = steps((bench.store.read(drawing.renamed[name]) for name in around), lab_difference)
    return _Take(places=at, specs=specs, drawing=drawing, steps=tuple(moved))


def _even(course: Course, like: Drawn, bench: Bench, takes: list[_Take]) -> Generator[Step, None, None]:
    """Time the frames anew by how neighbours differ, for as long as that makes them more even; the best take comes last."""
    for _ in range(EVENINGS):
        best = takes[-1]
        takes.append((yield from _take(course, evened(course, best.places, best.steps), like, bench)))
        if variation(takes[-1].steps) >= variation(best.steps):
            takes.append(best)
            return


def _close(course: Course, like: Drawn, bench: Bench, takes: list[_Take]) -> Generator[Step, None, list[str]]:
    """Time a loop anew where its last step is seen: its end alone at first, and all of it where that is not enough.

    The take with the narrowest step comes last. Returns what a person must know of it.
    """
    tried, notes = takes[-1:], list[str]()
    while _back(tried[-1]) > WIDE and len(tried) <= CLOSINGS:
        if not notes:
            notes.append(f"the loop closes with {_back(tried[-1]):.1f} usual steps: its frames are timed anew")
            yield Step(stage="drawing", note=notes[0])
        before, evening = tried[-1], len(tried) > 1
        anew = evened(course, before.places, before.steps) if evening else closed_up(course, before.places, before.steps, AIM)
        tried.append((yield from _take(course, anew, like, bench)))
    takes += [*tried[1:], min(tried, key=_back)] if len(tried) > 1 else []
    return notes


def _back(take: _Take) -> float:
    """How many usual steps a closed course takes from its last frame to its first."""
    return loop_gap(take.steps[:-1], take.steps[-1]) or 0.0


def _finish(said: MorphRecipe, take: _Take, settings: FilmSettings, source: Source, bench: Bench) -> Generator[Step, None, Clip]:
    """Bring every frame to the size that was asked for."""
    assert settings.size
    enlarged = bench.enlarger(*settings.size)
    frames: list[Frame] = []
    for spec, picture in zip(take.specs, bench.develop(take.drawing, take.names, lambda _, picture: enlarged(picture)), strict=True):
        frames.append(Frame(picture=picture, spec=spec))
        yield Step(stage="finishing", done=len(frames), total=len(take.specs))
    played = there_and_back(frames) if said.ping_pong else frames
    return Clip(frames=tuple(played), rate=direction(settings, source).rate)


def _counted(takes: Sequence[_Take]) -> Count:
    """Count frames of all takes; one that several takes show counts once."""
    drawn = sum(take.drawing.count.drawn for take in {id(take): take for take in takes}.values())
    everything = {name for take in takes for name in take.names}
    notes = dict.fromkeys(note for take in takes for note in take.drawing.count.notes)
    return Count(drawn=drawn, reused=max(0, len(everything) - drawn), notes=tuple(notes))


def _gap(said: MorphRecipe, moved: Sequence[float]) -> float | None:
    if said.loop:
        return loop_gap(moved[:-1], moved[-1])
    return loop_gap(moved, moved[0]) if said.ping_pong else None
