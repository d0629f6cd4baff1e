"""From a picture to a chain of its variations."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from math import isfinite, sqrt
from pathlib import Path
from time import perf_counter
from typing import ClassVar, Literal, cast, get_args

import numpy as np
from pydantic import Field

from sakuga import InputError
from sakuga.datasets.image_reading import read_picture
from sakuga.evaluation.collapse import Growth, Variance, chain_growth, chain_variance
from sakuga.export import check_frames, check_target
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.quality import BAD, GOOD, OWN_LOOK
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.film import Seconds
from sakuga.studio.animate.images import BATCH
from sakuga.studio.core.finish import finished, in_cells, on_paper
from sakuga.studio.core.output import deliver
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import DigestText, Remade, SettledRecipe, check_amount, dressed
from sakuga.studio.core.render_session import Bench, Count, Drawing
from sakuga.studio.core.settings import direction, seen_guidance, settled
from sakuga.studio.core.styles import Found, find_styles, triggers
from sakuga.studio.core.work import Work
from sakuga.timeline.chain import Sheet
from sakuga.timeline.clip import Clip
from sakuga.timeline.spec import Fit, Given, Way, digest
from sakuga.timeline.variations import Mode, Texts, Variations
from sakuga.timeline.variations import vary as lay_out

RATE = Fraction(20)
"""Frames a second where nobody says otherwise."""
NARROWEST = 4
READ = ("fps", "size", "model", "style", "sampler", "precision", "steps", "guidance", "grain", "paper", "pixel")
"""The settings of a film that a chain is drawn by."""
MODES: tuple[Mode, ...] = ("lerp", *get_args(Way))
LIMITS: dict[str, tuple[float, float]] = {
    "variants": (1, 10_000), "between": (1, 1000), "noise_shift": (0, 1), "positive": (0, 1000), "negative": (0, 1000), "repeats": (0, 1000)
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A clip that was written, how much its variants differ along the chain, and what it took."""

    clip: Path
    frames: int
    variance: Variance
    growth: Growth
    count: Count
    seconds: Seconds
    notes: tuple[str, ...]


def vary(
    picture: Path | str,
    out: Path | str = "clip.gif",
    *,
    variants: int = 20,
    between: int = 8,
    noise_shift: float = 0.4,
    mode: str = "lerp",
    fit: str = "crop",
    good: Sequence[str] | None = None,
    bad: Sequence[str] | None = None,
    positive: float = 30.0,
    negative: float = 30.0,
    repeats: int = 10,
    seed: int = 0,
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Varied]:
    """Make a clip of a picture's variations: each is drawn from what the model sees in the one before.

    Between two of them stand `between` - 1 frames, drawn from embeddings and noise on the way ("lerp") or made of the pictures ("flow",
    "latent", "crossfade"). In CLIP's space each variant is drawn towards `good` texts and away from `bad` ones, by default the styles'
    trigger words (with no style the Sketchbook's own look) and words for quality; with 0 repeats it is not, and the chain fades. The
    picture is followed half as firmly as a model's words usually are, where the settings name no guidance. Of pictures that are no
    squares the model looks at the middle ("crop") or at the whole, filled up at the edges ("pad"). Raises SakugaError with one sentence
    where something is wrong.
    """
    texts = Texts(
        good=GOOD if good is None else tuple(good), bad=BAD if bad is None else tuple(bad),
        positive=positive, negative=negative, repeats=repeats,
    )  # fmt: skip
    how = Variations(
        texts=texts, seed=seed, variants=variants, between=between, noise_shift=noise_shift, mode=cast(Mode, mode), fit=cast(Fit, fit)
    )
    usual = good is None, bad is None
    return Work(_vary(Path(picture), Path(out), how, usual, settings or FilmSettings(), store, recipe, max_size))


class VaryRecipe(SettledRecipe):
    """A chain of variations of the one picture in `given`."""

    wordless: ClassVar[bool] = True
    kind: Literal["vary"] = "vary"
    given: tuple[DigestText, ...] = Field(min_length=1, max_length=1)
    seed: int = Field(ge=0, lt=2**63)
    variants: int
    between: int
    noise_shift: float
    mode: str
    fit: Fit = "crop"
    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float
    negative: float
    repeats: int

    def remake(self, out: Path, source: Source, store: Path | None) -> Generator[Step, None, Remade]:
        """Draw the chain again."""
        texts = Texts(good=self.good, bad=self.bad, positive=self.positive, negative=self.negative, repeats=self.repeats)
        how = Variations(
            texts=texts, seed=self.seed, variants=self.variants, between=self.between, noise_shift=self.noise_shift,
            mode=cast(Mode, self.mode), fit=self.fit,
        )  # fmt: skip
        settings = settled(replace(self.settings.settings(), model=source.name), source)
        check_amount(self.variants * self.between, settings.size)
        _check(how, source)
        bench = Bench(source, store, find_styles(settings.style, source), settings.precision)
        given = bench.store.spec(self.given[0])
        if not isinstance(given, Given):
            raise InputError(f"the recipe starts from {self.given[0][:12]}, which is no picture from outside: it was tampered with")
        made = yield from _shown(given, out, how, settings, bench, True, self.budget(out))
        return Remade(path=made.clip, frames=made.frames, drawn=made.count.drawn, reused=made.count.reused, notes=made.notes)


def _vary(
    path: Path,
    out: Path,
    how: Variations,
    usual: tuple[bool, bool],
    settings: FilmSettings,
    store: Path | None,
    recipe: bool,
    max_size: int | None,
) -> Generator[Step, None, Varied]:
    check_target(out, max_size)
    source = find_checkpoint(settings.model or "sketchbook", wordless=True)
    how, unguided = _without_words(how, all(usual), source)
    _check(how, source)
    _refuse_unread(settings)
    styles = find_styles(settings.style, source)
    outside = read_picture(path)
    guidance = seen_guidance(source, settings.sampler) if settings.guidance is None else settings.guidance
    size = settings.size or _size(outside.picture, path, source)
    settings = finished(settled(replace(settings, fps=settings.fps or RATE, size=size, guidance=guidance), source), source)
    if usual[0] and source.facts.reads_words:
        how = replace(how, texts=replace(how.texts, good=(*_look(styles, source), *how.texts.good)))
    bench = Bench(source, store, styles, settings.precision)
    notes = [*outside.notes, *unguided, *(note for text in (*how.texts.good, *how.texts.bad) for note in bench.unread(text))]
    for note in notes:
        yield Step(stage="story", note=note)
    made = yield from _shown(bench.store.given(outside.picture), out, how, settings, bench, recipe, max_size)
    return replace(made, notes=(*notes, *made.notes))


def _look(styles: Sequence[Found], source: Source) -> Sequence[str]:
    """Return the words of the look that variations are to keep: the styles', or the Sketchbook's own where none is worn."""
    return triggers(styles) if styles or source.name != SKETCHBOOK else OWN_LOOK


def _without_words(how: Variations, usual: bool, source: Source) -> tuple[Variations, list[str]]:
    """Leave the usual texts out where a model reads no words, and say so; raises InputError where texts were asked for."""
    if source.facts.reads_words:
        return how, []
    if not usual:
        raise InputError(f"{source.name!r} reads no words, so it cannot be guided by texts: leave good and bad out")
    notes = [] if how.texts.off else [f"{source.name!r} reads no words: its variations are guided by no texts, and may fade"]
    return replace(how, texts=replace(how.texts, good=(), bad=())), notes


def _shown(
    picture: Given, out: Path, how: Variations, settings: FilmSettings, bench: Bench, recipe: bool, max_size: int | None
) -> Generator[Step, None, Varied]:
    """Draw the chain, see whether it collapsed, and write it."""
    begun = perf_counter()
    directed = replace(direction(settings, bench.source), batch=BATCH)
    sheet = lay_out(picture, how, directed)
    told = _recipe(picture, how, settings, bench.source) if recipe else None
    check_frames(out, len(sheet.exposures), told.text() if told else "")
    drawing = yield from bench.draw(sheet.specs, sheet.exposures)
    variants = [bench.store.read(drawing.renamed[name]) for name in sheet.exposures[how.between - 1 :: how.between]]
    variance, growth = _variance(variants, how, bench), chain_growth(variants)
    remedy = _remedy(how.texts, bench.source)
    faded = f"the pictures fade: their variance fell from {variance.first:.2g} to {variance.last:.2g}: {remedy}"
    burnt = f"the pictures burn: {growth.colour:.1f} times the colour and {growth.detail:.1f} times the detail of the first: {remedy}"
    alarms = [note for note, rings in ((faded, variance.collapsed), (burnt, growth.burnt)) if rings]
    for note in alarms:
        yield Step(stage="drawing", note=note)
    drawn = perf_counter()
    clip = yield from _finish(sheet, settings, how.seed, drawing, bench)
    shown = perf_counter()
    written = yield from deliver(clip, out, told, max_size)
    seconds = Seconds.since(begun, drawn, shown)
    notes = (*drawing.count.notes, *alarms, *written.notes)
    return Varied(clip=out, frames=len(clip.frames), variance=variance, growth=growth, count=drawing.count, seconds=seconds, notes=notes)


def _variance(variants: Sequence[Picture], how: Variations, bench: Bench) -> Variance:
    """Measure the variants by what the model's own CLIP sees in them."""
    return chain_variance(
        np.concatenate([bench.checkpoint.image_embedding(variant, how.fit)[0].float().cpu().numpy() for variant in variants])
    )


def _remedy(texts: Texts, source: Source) -> str:
    if not source.facts.reads_words:
        return "end the chain sooner, or take a model that reads words too"
    return "switch the guidance by texts on" if texts.off else "raise the scales of the guidance by texts, or its repeats"


def _finish(sheet: Sheet, settings: FilmSettings, seed: int, drawing: Drawing, bench: Bench) -> Generator[Step, None, Clip]:
    """Bring every frame to the size that was asked for, and finish it."""
    assert settings.size
    enlarged = bench.enlarger(*settings.size)
    shown = bench.exposed(drawing, sheet.exposures, lambda _, drawn: enlarged(drawn))
    frames = yield from on_paper(shown, len(sheet.exposures), settings, seed)
    return (yield from in_cells(Clip(frames=frames, rate=direction(settings, bench.source).rate), settings))


def _size(picture: Picture, path: Path, source: Source) -> tuple[int, int]:
    """Return the picture's shape at the model's usual area, in even pixels; raises InputError for a ribbon."""
    height, width = picture.shape[:2]
    if max(width, height) > NARROWEST * min(width, height):
        raise InputError(f"{path} is {width} x {height}, too narrow to vary: crop it to {NARROWEST}:1 at most, or give a size")
    usual = settled(FilmSettings(), source).size
    assert usual
    side = sqrt(usual[0] * usual[1])
    shape = sqrt(width / height)
    shaped = (2 * round(side * shape / 2), 2 * round(side / shape / 2))
    return shaped if max(shaped) <= NARROWEST * min(shaped) else (NARROWEST * min(shaped), min(shaped))


def _refuse_unread(settings: FilmSettings) -> None:
    """Refuse what a film can be given and a chain does not read."""
    unread = [field.name for field in fields(FilmSettings) if field.name not in READ and getattr(settings, field.name) is not None]
    if unread:
        raise InputError(f"a variation has no {unread[0]}: leave it out; what to draw towards and away from is said by texts")


def _check(how: Variations, source: Source) -> None:
    if not source.facts.sees_pictures:
        raise InputError(f"{source.name!r} has no image encoder, so it cannot vary a picture: take sketchbook, or a model with one")
    if how.mode not in MODES:
        raise InputError(f"no mode {how.mode!r}: there are {', '.join(MODES)}")
    if how.fit not in get_args(Fit):
        raise InputError(f"no fit {how.fit!r}: a picture that is no square is looked at by {' or '.join(get_args(Fit))}")
    for name, (least, most) in LIMITS.items():
        value = getattr(how if hasattr(how, name) else how.texts, name)
        if not (isfinite(value) and least <= value <= most):
            raise InputError(f"{name.replace('_', ' ')} {value:g} is out of range: choose {least:g} to {most:g}")
    if not all(text.strip() for text in (*how.texts.good, *how.texts.bad)):
        raise InputError("a good or bad text is empty: say what the pictures should be drawn towards or away from")


def _recipe(picture: Given, how: Variations, settings: FilmSettings, source: Source) -> VaryRecipe:
    texts = how.texts
    return VaryRecipe.of(
        source, **dressed(settings, source), given=(digest(picture),), seed=how.seed, variants=how.variants, between=how.between,
        noise_shift=how.noise_shift, mode=how.mode, good=texts.good, bad=texts.bad, positive=texts.positive, negative=texts.negative,
        repeats=texts.repeats, **({"fit": how.fit} if how.fit != "crop" else {}),
    )  # fmt: skip
