"""Single pictures from prompts."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sakuga import InputError
from sakuga.datasets.reading import read_picture
from sakuga.export import check_folder, write
from sakuga.models.sources import Source, find_checkpoint
from sakuga.story.film import FilmSettings, SettingsTable
from sakuga.studio.control import ControlPicture, Leading, check_parts, doubts, read_control
from sakuga.studio.drawing import Bench, Count
from sakuga.studio.progress import Step
from sakuga.studio.recipe import Portable, Recipe, Remade, check_amount, portable_settings
from sakuga.studio.settings import direction, previewed, settled, worn_digests
from sakuga.studio.styles import find_styles, shared_names, worded
from sakuga.studio.work import Work
from sakuga.timeline import spec as specs
from sakuga.timeline.clip import Clip, Frame

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
) -> Work[Step, Drawn]:
    """Draw `each` pictures of every prompt into a folder, with the seeds seed, seed + 1, ...; with `start`, from that picture on.

    What is where follows the depth of a `control` picture; a preview is drawn in few steps.

    Raises SakugaError with one sentence where something is wrong.
    """
    return Work(_draw(tuple(prompts), Path(out), each, seed, settings or FilmSettings(), start, control, store, recipe, preview))


class DrawRecipe(Recipe):
    """One picture: its prompt, seed and settings; a picture that it starts from is the first of `given`, one that leads it the last."""

    kind: Literal["draw"] = "draw"
    prompt: str
    seed: int = Field(ge=0, lt=2**63)
    settings: Annotated[SettingsTable, Portable]
    control: Leading | None = None

    @model_validator(mode="after")
    def _led_by_a_picture(self) -> "DrawRecipe":
        if len(self.given) not in ((1, 2) if self.control else (0, 1)):
            raise ValueError(f"{len(self.given)} pictures are given: one that it starts from, one that leads it, and no other")
        return self

    def worn(self, source: Source) -> tuple[str, ...]:
        return worn_digests(self.settings.settings(), source)

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
        count = yield from _to_files([spec], [out], [self.text()], settings, Bench(source, store))
        return Remade(path=out, frames=1, drawn=count.drawn, reused=count.reused, notes=count.notes)


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
) -> Generator[Step, None, Drawn]:
    _check(prompts, each)
    if settings.strength is not None and start is None:
        raise InputError("strength is the share of a start picture that is drawn anew: give a start picture with it")
    source = find_checkpoint(settings.model or "sketchbook")
    settings = settled(settings, source)
    settings, notes = previewed(settings, source) if preview else (settings, [])
    styles = find_styles(settings.style, source)
    given = read_picture(start) if start else None
    leading, layout = read_control(control, source) if control else (None, None)
    out.mkdir(parents=True, exist_ok=True)
    check_folder(out)
    bench = Bench(source, store, styles)
    odd = (*(given.notes if given else ()), *(doubts(layout) if layout else ()))
    unread = [note for prompt in prompts for note in bench.unread(worded(prompt, styles))]
    for note in (*notes, *unread, *odd):
        yield Step(stage="story", note=note)
    led = leading.control(specs.digest(bench.store.given(layout.picture))) if leading and layout else None
    begin = specs.Start(frame=specs.digest(bench.store.given(given.picture)), strength=settings.strength or 1.0) if given else None
    seeds = [(prompt, seed + number) for prompt in prompts for number in range(each)]
    wanted = [drawn_spec(prompt, its, settings, source, begin, led) for prompt, its in seeds]
    paths = [out / f"{place:04d}.png" for place in range(1, len(wanted) + 1)]
    pictures = [leaned.frame for leaned in (begin, led) if leaned]
    said: dict[str, Any] = {"control": leading} if leading else {}
    said["settings"] = portable_settings(replace(settings, style=shared_names(styles)))
    told = DrawRecipe.of(source, given=pictures, styles=worn_digests(settings, source), prompt="", seed=0, **said)
    recipes = [told.model_copy(update={"prompt": prompt, "seed": its}).text() if recipe else "" for prompt, its in seeds]
    count = yield from _to_files(wanted, paths, recipes, settings, bench)
    return Drawn(pictures=tuple(paths), prompts=tuple(prompt for prompt, _ in seeds), seeds=tuple(its for _, its in seeds), count=count)


def _to_files(
    wanted: Sequence[specs.Drawn], paths: Sequence[Path], recipes: Sequence[str], settings: FilmSettings, bench: Bench
) -> Generator[Step, None, Count]:
    """Draw pictures, bring them to the size that was asked for, and write each to its file."""
    names = [specs.digest(spec) for spec in wanted]
    given = {name: bench.store.spec(name) for spec in wanted for name in specs.needs(spec)}
    drawing = yield from bench.draw(given | dict(zip(names, wanted, strict=True)), names)
    assert settings.size
    enlarged = bench.enlarger(*settings.size)
    shown = bench.develop(drawing, names, lambda _, picture: enlarged(picture))
    for place, (spec, path, recipe, picture) in enumerate(zip(wanted, paths, recipes, shown, strict=True), 1):
        write(Clip(frames=(Frame(picture=picture, spec=spec),), rate=Fraction(1), recipe=recipe), path)
        yield Step(stage="export", done=place, total=len(wanted))
    return drawing.count


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
    return specs.Drawn(
        checkpoint=how.checkpoint,
        conditioning=specs.Text(prompt=worded(prompt, find_styles(settings.style, source))),
        negative=specs.Text(prompt=how.negative),
        noise=specs.Seeded(seed=seed),
        width=how.width,
        height=how.height,
        sampler=how.sampler,
        steps=how.steps,
        guidance=how.guidance,
        styles=how.styles,
        start=start,
        control=control,
        batch=BATCH,
    )


def _check(prompts: tuple[str, ...], each: int) -> None:
    if not prompts:
        raise InputError("there is no prompt: say what to draw")
    if not all(prompt.strip() for prompt in prompts):
        raise InputError("a prompt is empty: say what to draw")
    if not 1 <= each <= 10_000:
        raise InputError(f"{each} pictures of a prompt cannot be drawn: choose 1 to 10000")
