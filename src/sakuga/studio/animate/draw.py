"""Single pictures from prompts."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from sakuga import InputError
from sakuga.datasets.image_reading import read_picture
from sakuga.export import Album, check_target, write
from sakuga.models.checkpoint_files import Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.control import ControlPicture, Leading, check_parts, doubts, read_control
from sakuga.studio.core.finish import alone, finished, in_cells, on_paper
from sakuga.studio.core.output import deliver
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Remade, SettledRecipe, check_amount, dressed
from sakuga.studio.core.render_session import Bench, Count, Drawing
from sakuga.studio.core.settings import direction, previewed, settled
from sakuga.studio.core.styles import find_styles, named_note, named_style, worded
from sakuga.studio.core.work import Work
from sakuga.text import counted
from sakuga.timeline import spec as specs
from sakuga.timeline.clip import Clip

STEPS_RATE, STEPS_HELD = Fraction(10), 10
"""Denoising steps shown a second, and for how many the finished picture stands."""
BATCH = 8
"""The width of a batch of pictures that do not lean on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Pictures that were written, in the order of prompts and seeds."""

    pictures: tuple[Path, ...]
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    count: Count


def draw(
    prompts: Sequence[str],
    out: Path | str,
    *,
    each: int = 1,
    seed: int = 0,
    settings: FilmSettings | None = None,
    start: Path | None = None,
    control: ControlPicture | None = None,
    store: Path | None = None,
    recipe: bool = True,
    preview: bool = False,
    steps_gif: Path | None = None,
) -> Work[Step, Drawn]:
    """Draw `each` pictures of every prompt into a folder, with the seeds seed, seed + 1, ...; with `start`, from that picture on.

    They are numbered on from those that the folder holds; one that it holds already, to the byte, keeps its place.
    What is where follows the depth of a `control` picture. `steps_gif` is a file for a clip of a single picture's denoising: what the
    decoder sees after each step; a preview is drawn in few steps. Raises SakugaError with one sentence where something is wrong.
    """
    return Work(_draw(tuple(prompts), Path(out), each, seed, settings or FilmSettings(), start, control, store, recipe, preview, steps_gif))


class DrawRecipe(SettledRecipe):
    """One picture: its prompt, seed and settings; a picture that it starts from is the first of `given`, one that leads it the last."""

    kind: Literal["draw"] = "draw"
    prompt: str
    seed: int = Field(ge=0, lt=2**63)
    control: Leading | None = None
    steps_shown: bool = False
    """Whether the file shows the denoising, and not the picture alone."""

    @model_validator(mode="after")
    def _led_by_a_picture(self) -> "DrawRecipe":
        if len(self.given) not in ((1, 2) if self.control else (0, 1)):
            raise ValueError(f"{len(self.given)} pictures are given: one that it starts from, one that leads it, and no other")
        return self

    def remake(self, out: Path, source: Source, store: Path | None) -> Generator[Step, None, Remade]:
        """Draw the picture to `out`."""
        settings = settled(replace(self.settings.settings(), model=source.name), source)
        check_amount(1, settings.size)
        starts = self.given[:-1] if self.control else self.given
        begin = specs.Start(frame=starts[0], strength=settings.strength or 1.0) if starts else None
        if self.control:
            check_parts(source, self.control.depth)
        led = self.control.control(self.given[-1]) if self.control else None
        spec = drawn_spec(self.prompt, self.seed, settings, source, begin, led)
        bench = Bench(source, store, find_styles(settings.style, source), settings.precision)
        said = self.followed(source, **dressed(settings, source))
        asked = _Asked(spec=spec, seed=self.seed, settings=settings, recipe=said)
        if not self.steps_shown:
            count = (yield from _to_files([asked], bench, lambda clip: write(clip, out).path))[0].count
            return Remade(path=out, frames=1, drawn=count.drawn, reused=count.reused, notes=count.notes)
        name = specs.digest(spec)
        drawing = yield from bench.draw(_leaned([spec], bench) | {name: spec}, [name])
        frames = yield from _show_steps(drawing, out, asked, bench)
        return Remade(path=out, frames=frames, drawn=drawing.count.drawn, reused=drawing.count.reused, notes=drawing.count.notes)


def _draw(
    prompts: tuple[str, ...],
    out: Path,
    each: int,
    seed: int,
    settings: FilmSettings,
    start: Path | None,
    control: ControlPicture | None,
    store: Path | None,
    recipe: bool,
    preview: bool,
    steps_gif: Path | None,
) -> Generator[Step, None, Drawn]:
    _check(prompts, each)
    if steps_gif:
        check_target(steps_gif)
        if len(prompts) * each > 1:
            raise InputError(f"the steps of one picture can be shown, and {len(prompts) * each} are asked for: draw one")
    if settings.strength is not None and start is None:
        raise InputError("strength is the share of a start picture that is drawn anew: give a start picture with it")
    source = find_checkpoint(settings.model or "sketchbook")
    settings = settled(settings, source)
    settings, notes = previewed(settings, source) if preview else (settings, [])
    worn = {prompt: _styled(settings, prompt, source) for prompt in prompts}
    styles = {prompt: find_styles(how.style, source) for prompt, how in worn.items()}
    given = read_picture(start) if start else None
    leading, layout = read_control(control, source) if control else (None, None)
    album = Album(out)
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(source, store, [style for found in styles.values() for style in found], settings.precision)
    named = [named_note(how.style, f"'{prompt}': ") for prompt, how in worn.items() if how.style and settings.style is None]
    odd = (*(given.notes if given else ()), *(doubts(layout) if layout else ()))
    unread = [note for prompt in prompts for note in bench.unread(worded(prompt, styles[prompt]))]
    full = [f"{out} holds {counted(album.held, 'numbered picture')}: what is new begins at {album.first}"] if album.held else []
    for note in (*notes, *named, *unread, *odd, *full):
        yield Step(stage="story", note=note)
    led = leading.control(specs.digest(bench.store.given(layout.picture))) if leading and layout else None
    begin = specs.Start(frame=specs.digest(bench.store.given(given.picture)), strength=settings.strength or 1.0) if given else None
    seeds = [(prompt, seed + number) for prompt in prompts for number in range(each)]
    pictures = [leaned.frame for leaned in (begin, led) if leaned]
    said: dict[str, Any] = {"control": leading} if leading else {}

    def told(prompt: str, its: int) -> DrawRecipe | None:
        return DrawRecipe.of(source, given=pictures, prompt=prompt, seed=its, **said, **dressed(worn[prompt], source)) if recipe else None

    asked = [
        _Asked(spec=drawn_spec(prompt, its, worn[prompt], source, begin, led), seed=its, settings=worn[prompt], recipe=told(prompt, its))
        for prompt, its in seeds
    ]
    drawing, paths = yield from _to_files(asked, bench, album.add)
    if steps_gif:
        yield from _show_steps(drawing, steps_gif, asked[0], bench)
    said_prompts, their_seeds = zip(*seeds, strict=True)
    return Drawn(pictures=tuple(paths), prompts=said_prompts, seeds=their_seeds, count=drawing.count)


def _styled(settings: FilmSettings, prompt: str, source: Source) -> FilmSettings:
    """Let a picture for which no style is asked wear the one that its prompt names, finished as its style wants it."""
    style = named_style([prompt], source) if settings.style is None else settings.style
    return finished(replace(settings, style=style), source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A picture that is to be written."""

    spec: specs.Drawn
    seed: int
    settings: FilmSettings
    recipe: DrawRecipe | None


def _to_files(asked: Sequence[_Asked], bench: Bench, put: Callable[[Clip], Path]) -> Generator[Step, None, tuple[Drawing, list[Path]]]:
    """Draw pictures of one size, bring them to the size that was asked for, finish each and put it into its file."""
    wanted = [one.spec for one in asked]
    names = [specs.digest(spec) for spec in wanted]
    drawing = yield from bench.draw(_leaned(wanted, bench) | dict(zip(names, wanted, strict=True)), names)
    assert asked[0].settings.size
    enlarged = bench.enlarger(*asked[0].settings.size)
    shown = bench.develop(drawing, names, lambda _, picture: enlarged(picture))
    paths: list[Path] = []
    for one, picture in zip(asked, shown, strict=True):
        clip = yield from alone(picture, one.spec, one.settings, one.seed)
        paths.append(put(replace(clip, recipe=one.recipe.text() if one.recipe else "")))
        yield Step(stage="export", done=len(paths), total=len(asked))
    return drawing, paths


def _leaned(wanted: Sequence[specs.Drawn], bench: Bench) -> dict[specs.Digest, specs.FrameSpec]:
    """The pictures from outside that drawings lean on."""
    return {name: bench.store.spec(name) for spec in wanted for name in specs.needs(spec)}


def _show_steps(drawing: Drawing, out: Path, asked: _Asked, bench: Bench) -> Generator[Step, None, int]:
    """Write a clip of a picture's denoising, finished as the picture is, which stands still at its end; returns its frames."""
    assert asked.settings.size
    assert asked.settings.steps
    enlarged = bench.enlarger(*asked.settings.size)
    shown = ((asked.spec, enlarged(picture)) for picture in bench.watch(drawing, specs.digest(asked.spec)))
    steady = replace(asked.settings, on=asked.settings.steps)  # one grain for all steps, as the last is the picture
    frames = yield from on_paper(shown, asked.settings.steps, steady, asked.seed)
    clip = yield from in_cells(Clip(frames=(*frames, *frames[-1:] * STEPS_HELD), rate=STEPS_RATE), asked.settings)
    recipe = asked.recipe
    yield from deliver(clip, out, recipe.model_copy(update={"steps_shown": True}) if recipe else None)
    return len(clip.frames)


def drawn_spec(
    prompt: str,
    seed: int,
    settings: FilmSettings,
    source: Source,
    start: specs.Start | None = None,
    control: specs.Control | None = None,
) -> specs.Drawn:
    """Say by settled settings what decides one picture."""
    how = direction(settings, source)
    shown = specs.Text(prompt=worded(prompt, find_styles(settings.style, source)))
    negative, noise = specs.Text(prompt=how.negative), specs.Seeded(seed=seed)
    return how.drawn(shown, negative=negative, noise=noise, start=start, control=control, batch=BATCH)


def _check(prompts: tuple[str, ...], each: int) -> None:
    if not prompts:
        raise InputError("there is no prompt: say what to draw")
    if not all(prompt.strip() for prompt in prompts):
        raise InputError("a prompt is empty: say what to draw")
    if not 1 <= each <= 10_000:
        raise InputError(f"{each} pictures of a prompt cannot be drawn: choose 1 to 10000")
