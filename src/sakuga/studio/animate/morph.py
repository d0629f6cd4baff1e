"""Prompts that flow into each other: every frame is drawn for itself, on the way from one prompt and one noise to the next."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sakuga import InputError
from sakuga.evaluation.motion_smoothness import loop_gap, variation
from sakuga.export import check_frames, check_target
from sakuga.models.checkpoint_files import Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.story.storyboard import Ease
from sakuga.studio.animate.film import Seconds
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.animate.morph_timing import WIDE, Take, close_up, draw_at, even_out
from sakuga.studio.core.finish import finished, in_cells, on_paper
from sakuga.studio.core.output import deliver
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Remade, SettledRecipe, check_amount, dressed, portable_style, restyled_settings
from sakuga.studio.core.render_session import Bench, Count
from sakuga.studio.core.settings import direction, settled, wearing, worn_digests
from sakuga.studio.core.styles import Found, find_styles, found_at, named_note, named_style, shared_names, worded
from sakuga.studio.core.work import Work
from sakuga.text import counted
from sakuga.timeline.clip import Clip
from sakuga.timeline.morph import Course, Key, places
from sakuga.timeline.timing import there_and_back

FRAMES = 20
"""Frames from one prompt to the next, unless said."""
MOST = 10_000
"""Frames of a morph."""
UNREAD = ("strength", "between", "on", "follow", "hold_on", "wander", "drawn_rate", "control", "depth")
"""Settings of films that mean nothing here."""


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
    same_seed: bool = False
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
        """Return its keys; each has the next seed, or all the same."""
        keys = tuple(Key(prompt=prompt, seed=self.seed + (0 if self.same_seed else number)) for number, prompt in enumerate(self.prompts))
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
    same_seed: bool = False,
    styles: Sequence[str] = (),
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Morphed]:
    """Flow from prompt to prompt in `frames` frames (20 for each way): noise and text embeddings are slerped.

    The prompts have the seeds seed, seed + 1, ... or, with `same_seed`, all the same, so that prompts and styles alone move; what `draw`
    makes of a prompt with its seed is the very frame shown there. With `loop` it goes on from the last prompt to the first, and one
    prompt alone goes round in its noise; `ping_pong` plays forth and back. `ease` bends each way (smooth; linear for one prompt alone);
    `even` times the frames so that neighbours differ equally. A loop whose last step would be seen is timed anew until it is not.
    `styles` are what each prompt wears beside the settings' style, one for each prompt ("" is none): between prompts their weights travel.
    A `max_size` in bytes is kept by GIFs. Raises SakugaError with one sentence where something is wrong.
    """
    said = tuple(prompts), Path(out), frames, ease, loop, ping_pong, even, seed, same_seed, tuple(styles)
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
    same_seed: bool,
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
        raise InputError(f"{counted(many, 'frame is', 'frames are')} no morph: choose 2 to {MOST}")
    check_frames(out, 2 * many - 2 if ping_pong else many)
    ease = ease or ("linear" if even or len(prompts) == 1 else "smooth")
    places(course, many, ease)
    if styles and len(styles) != len(prompts):
        raise InputError(f"there are styles for {len(styles)} prompts, and {len(prompts)} prompts: give one for each")
    source = find_checkpoint(settings.model or "sketchbook")
    settings, styles, named = _styled(settled(settings, source), styles, prompts, source)
    for note in named:
        yield Step(stage="story", note=note)
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
        same_seed=same_seed,
    )
    made = yield from _film(said, styles, settings, out, source, store, recipe, max_size)
    return replace(made, notes=(*named, *made.notes))


def _styled(
    settings: FilmSettings, styles: tuple[str, ...], prompts: Sequence[str], source: Source
) -> tuple[FilmSettings, tuple[str, ...], list[str]]:
    """Let prompts for which no style is asked wear those that they name; returns settings, each prompt's styles, and what to tell."""
    if settings.style is not None or any(styles):
        return finished(settings, source), styles, []
    named = [named_style([prompt], source) or "" for prompt in prompts]
    if len(set(named)) == 1:
        settings = replace(settings, style=named[0] or None)
        return finished(settings, source), styles, [named_note(named[0])] if named[0] else []
    return settings, tuple(named), [named_note(name, f"prompt {number}: ") for number, name in enumerate(named, 1) if name]


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
    bench = Bench(source, store, styles, settings.precision)
    notes = _doubts(course, bench)
    for note in notes:
        yield Step(stage="story", note=note)
    takes = [(yield from draw_at(course, said.places or places(course, said.frames, said.ease), like, bench))]
    if said.even and not said.places:
        yield from even_out(course, like, bench, takes)
    if said.loop and not said.places:
        notes += yield from close_up(course, like, bench, takes)
    if len(takes) > 1:
        said = said.model_copy(update={"places": takes[-1].places})
    drawn = perf_counter()
    shown = yield from _finish(said, takes[-1], settings, source, bench)
    finished = perf_counter()
    written = yield from deliver(shown, out, said if recipe else None, max_size)
    seconds = Seconds.since(begun, drawn, finished)
    count, gap = _counted(takes), _gap(said, takes[-1])
    wide = [f"the loop closes with {gap:.1f} usual steps, which may show: {_remedy(said)}"] if gap and gap > WIDE else []
    return Morphed(
        clip=out,
        frames=len(shown.frames),
        count=count,
        seconds=seconds,
        step_variation=variation(takes[-1].steps),
        step_variation_before=variation(takes[0].steps) if said.even else None,
        loop_gap=gap,
        notes=(*notes, *count.notes, *wide, *written.notes),
    )


def _dressed(course: Course, asked: Sequence[str], settings: FilmSettings, source: Source) -> tuple[Course, list[Found]]:
    """Let every key wear the styles of all and its own, and say their trigger words; returns all that is worn, too."""
    keys, styles = [], list[Found]()
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
    same = [
        f"prompts {number} and {number + 1} are the same: between them {'nothing' if one.seed == other.seed else 'only the noise'} moves"
        for number, (one, other) in enumerate(pairwise(course.keys), 1)
        if (one.prompt, one.styles) == (other.prompt, other.styles)
    ]
    return unread + same


def _finish(said: MorphRecipe, take: Take, settings: FilmSettings, source: Source, bench: Bench) -> Generator[Step, None, Clip]:
    """Bring every frame to the size that was asked for, and finish it."""
    assert settings.size
    enlarged = bench.enlarger(*settings.size)
    shown = bench.exposed(take.drawing, take.names, lambda _, picture: enlarged(picture))
    frames = yield from on_paper(shown, len(take.specs), settings, said.seed)
    played = there_and_back(frames) if said.ping_pong else frames
    return (yield from in_cells(Clip(frames=tuple(played), rate=direction(settings, source).rate), settings))


def _counted(takes: Sequence[Take]) -> Count:
    """Count frames of all takes; one that several takes show counts once."""
    drawn = sum(take.drawing.count.drawn for take in {id(take): take for take in takes}.values())
    everything = {name for take in takes for name in take.names}
    notes = dict.fromkeys(note for take in takes for note in take.drawing.count.notes)
    return Count(drawn=drawn, reused=max(0, len(everything) - drawn), notes=tuple(notes))


def _remedy(said: MorphRecipe) -> str:
    """Say what to do about a wide step: a closed way of several prompts can be played forth and back instead."""
    if said.ping_pong:
        return "time it with --even"
    return "give it more frames, or play it forth and back (--ping-pong)" if len(said.prompts) > 1 else "give it more frames"


def _gap(said: MorphRecipe, take: Take) -> float | None:
    if said.loop:
        return loop_gap(take.steps[:-1], take.steps[-1])
    return loop_gap(take.steps, take.steps[0]) if said.ping_pong else None
