"""Single pictures from prompts."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.reading import read_picture
from sakuga.export import check_folder, write
from sakuga.models.sources import Source, find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.studio.drawing import Bench, Count
from sakuga.studio.progress import Step
from sakuga.studio.settings import direction, settled
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
    store: Path | None = None,
) -> Work[Step, Drawn]:
    """Draw `each` pictures of every prompt into a folder, with the seeds seed, seed + 1, ...; with `start`, from that picture on.

    Raises SakugaError with one sentence where something is wrong.
    """
    return Work(_draw(tuple(prompts), Path(out), each, seed, settings or FilmSettings(), start, store))


def _draw(
    prompts: tuple[str, ...], out: Path, each: int, seed: int, settings: FilmSettings, start: Path | None, store: Path | None
) -> Generator[Step, None, Drawn]:
    _check(prompts, each)
    if settings.strength is not None and start is None:
        raise InputError("strength is the share of a start picture that is drawn anew: give a start picture with it")
    source = find_checkpoint(settings.model or "sketchbook")
    settings = settled(settings, source)
    given = read_picture(start) if start else None
    out.mkdir(parents=True, exist_ok=True)
    check_folder(out)
    bench = Bench(source, store)
    for note in (*(note for prompt in prompts for note in bench.unread(prompt)), *(given.notes if given else ())):
        yield Step(stage="story", note=note)
    begin = specs.Start(frame=specs.digest(bench.store.given(given.picture)), strength=settings.strength or 1.0) if given else None
    wanted = [drawn_spec(prompt, seed + number, settings, source, begin) for prompt in prompts for number in range(each)]
    names = [specs.digest(spec) for spec in wanted]
    leaned: dict[str, specs.FrameSpec] = {begin.frame: bench.store.spec(begin.frame)} if begin else {}
    drawing = yield from bench.draw(leaned | dict(zip(names, wanted, strict=True)), names)
    assert settings.size
    enlarged = bench.enlarger(*settings.size)
    paths = []
    for place, (spec, picture) in enumerate(
        zip(wanted, bench.develop(drawing, names, lambda _, picture: enlarged(picture)), strict=True), 1
    ):
        paths.append(out / f"{place:04d}.png")
        frame = Frame(picture=picture, spec=spec)
        write(Clip(frames=(frame,), rate=Fraction(1), recipe=specs.to_json(spec)), paths[-1])
        yield Step(stage="export", done=place, total=len(wanted))
    said = tuple(prompt for prompt in prompts for _ in range(each))
    return Drawn(pictures=tuple(paths), prompts=said, seeds=tuple(range(seed, seed + each)) * len(prompts), count=drawing.count)


def drawn_spec(prompt: str, seed: int, settings: FilmSettings, source: Source, start: specs.Start | None = None) -> specs.Drawn:
    """Say by settled settings what decides one picture."""
    how = direction(settings, source)
    return specs.Drawn(
        checkpoint=how.checkpoint,
        conditioning=specs.Text(prompt=prompt),
        negative=specs.Text(prompt=how.negative),
        noise=specs.Seeded(seed=seed),
        width=how.width,
        height=how.height,
        sampler=how.sampler,
        steps=how.steps,
        guidance=how.guidance,
        start=start,
        batch=BATCH,
    )


def _check(prompts: tuple[str, ...], each: int) -> None:
    if not prompts:
        raise InputError("there is no prompt: say what to draw")
    if not all(prompt.strip() for prompt in prompts):
        raise InputError("a prompt is empty: say what to draw")
    if not 1 <= each <= 10_000:
        raise InputError(f"{each} pictures of a prompt cannot be drawn: choose 1 to 10000")
