"""From an image to a chain of its variations."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Literal, Self, cast, get_args

import numpy as np
from pydantic import Field

from sakuga import InputError
from sakuga.datasets.image_reading import LoadedImage, read_image
from sakuga.evaluation.collapse import Growth, Variance, chain_growth, chain_variance
from sakuga.export import FrameStream, check_frames
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_model
from sakuga.rendering.store import FrameStore, given_spec
from sakuga.sketchbook.words import BAD, GOOD, OWN_LOOK
from sakuga.story.controls import MAX_CONTROLS
from sakuga.story.limits import MAX_SEED
from sakuga.story.options import SEED, Choice, Number
from sakuga.story.settings import FilmSettings, InBetweenMethod
from sakuga.studio.animate.animate import CLIP, with_style
from sakuga.studio.animate.draw import BATCH
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.controlnets import FoundControlNets, find_controlnets
from sakuga.studio.core.finish import finish_clip
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.output import Output, Seconds, check_store, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import DigestText, EditedRecipe, LaidOut, Remade, SettingsRecipe, check_amount, edits_key, recipe_settings
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.studio.core.settings import (
    ResolvedSettings,
    default_size,
    frame_settings,
    image_guidance,
    resolve_settings,
    size_notes,
    with_style_finishing,
)
from sakuga.studio.core.styles import StyleFinder, StyleUse, trigger_words
from sakuga.studio.core.work import Work
from sakuga.timeline.edits import Edit, speed_of
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.lazy import LazySequence
from sakuga.timeline.spec import Fit, Given, digest
from sakuga.timeline.variations import GuidanceTexts, Mode, VariationChain
from sakuga.timeline.variations import vary as lay_out

RATE = Fraction(20)
"""Default frames per second."""
MAX_RATIO = 4
USED = (
    "fps", "size", "model", "prediction", "vae", "style", "sampler", "schedule", "eta", "precision", "steps", "guidance",
    "guidance_start", "controlnet", "upscaler", "grain", "paper", "pixel", "tiled_vae",
)  # fmt: skip
"""The film settings that a chain has a use for."""
USED_BY_PROMPTS = ("clip_skip", "weighting")
"""Those that it has a use for where images may follow prompts."""
MODE = Choice(help="Frames between two variants", default="lerp", choices=("lerp", *get_args(InBetweenMethod)))
FIT = Choice(help="View of an image that is not square", default="crop", choices=get_args(Fit))
NUMBERS = {
    "variants": Number(help="Variants", default=20, least=1, most=10_000, whole=True),
    "between": Number(help="Frames per variant", default=8, least=1, most=1000, whole=True),
    "noise_shift": Number(help="Share of new noise per variant", default=0.4, least=0, most=1),
    "positive": Number(help="Scale of the good texts", default=30.0, least=0, most=1000),
    "negative": Number(help="Scale of the bad texts", default=30.0, least=0, most=1000),
    "repeats": Number(help="Guidance steps per variant; 0 disables it", default=10, least=0, most=1000, whole=True),
}
DEFAULT_TEXTS = frozenset((*GOOD, *BAD, *OWN_LOOK))
"""Texts that the user did not write, so that no warning is about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """A written chain, and how much its variants differ."""

    clip: Path
    frames: int
    variance: Variance
    growth: Growth
    count: RenderCount
    seconds: Seconds
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaryRequest:
    """An image to vary, and how."""

    image: Path
    output: Output
    chain: VariationChain
    default_texts: tuple[bool, bool]
    """Whether the good and the bad texts are the default ones."""
    settings: FilmSettings
    store: Path | None
    image_encoder_optional: bool = False
    """Whether its images may be made from prompts alone."""

    def __post_init__(self) -> None:
        """Check what needs no checkpoint; raises InputError."""
        check_chain(self.chain)
        used = (*USED, *USED_BY_PROMPTS) if self.image_encoder_optional else USED
        unused = [field.name for field in fields(FilmSettings) if field.name not in used and getattr(self.settings, field.name) is not None]
        if unused:
            raise InputError(f"a variation has no use for {unused[0]}: leave it out; `good` and `bad` texts guide it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedChain:
    """A chain with everything resolved."""

    files: CheckpointFiles
    styles: StyleFinder
    settings: ResolvedSettings
    chain: VariationChain
    uses: tuple[StyleUse, ...]
    output: Output
    store: Path | None
    notes: tuple[str, ...] = ()
    controlnets: FoundControlNets = FoundControlNets()  # noqa: RUF009 - frozen


@checked(seed=SEED, mode=MODE, fit=FIT, **NUMBERS)
def vary(
    image: Path | str,
    out: Path | str = CLIP,
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
    style: str | None = None,
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Variation]:
    """Generate a clip of an image's variations.

    Each is generated from the CLIP image embedding of the one before. Between two variants stand `between` - 1 frames, generated from
    interpolated embeddings and noise ("lerp") or interpolated ("flow", "latent", "crossfade"). In CLIP's space each variant is guided
    towards `good` texts and away from `bad` ones, by default the styles' trigger words (without a style the Sketchbook's own look) and
    words for quality; with 0 repeats it is not, and the chain fades. The default guidance scale is half that of prompts. CLIP gets the
    center crop of an image that is not square ("crop") or the whole image, padded ("pad"). Raises SakugaError.
    """
    texts = GuidanceTexts(
        good=GOOD if good is None else tuple(good),
        bad=BAD if bad is None else tuple(bad),
        positive=positive,
        negative=negative,
        repeats=repeats,
    )
    chain = VariationChain(
        texts=texts, seed=seed, variants=variants, between=between, noise_shift=noise_shift, mode=cast(Mode, mode), fit=cast(Fit, fit)
    )
    request = VaryRequest(
        image=Path(image),
        output=Output(path=Path(out), recipe=recipe, max_size=max_size).check(),
        chain=chain,
        default_texts=(good is None, bad is None),
        settings=with_style(settings, style),
        store=store,
    )
    return Work(_vary(*resolve_chain(request)))


def resolve_chain(request: VaryRequest) -> tuple[ResolvedChain, LoadedImage]:
    """Resolve a chain and read its image; raises InputError."""
    settings = request.settings
    check_store(request.store)
    files = find_model(settings, text_encoder_optional=True)
    if not request.image_encoder_optional:
        check_image_encoder(files)
    styles = StyleFinder(files)
    chain, notes = _without_text_encoder(request.chain, all(request.default_texts), files)
    uses = styles.uses(settings.style)
    loaded = read_image(request.image)
    wanted = replace(
        settings,
        fps=settings.fps or RATE,
        size=settings.size or image_size(loaded.image, request.image, files),
        guidance=image_guidance(files, settings.sampler) if settings.guidance is None else settings.guidance,
    )
    if request.default_texts[0] and files.info.has_text_encoder:
        look = trigger_words(uses) if uses or files.name != SKETCHBOOK else OWN_LOOK
        chain = replace(chain, texts=replace(chain.texts, good=(*look, *chain.texts.good)))
    pixels = given_spec(loaded.image).image
    controls = tuple(replace(one, image=one.image or pixels) for one in settings.controlnet or ())
    controlnets = find_controlnets(controls, files)
    wanted = replace(wanted, controlnet=controls)
    resolved = ResolvedChain(
        files=files,
        styles=styles,
        settings=resolve_settings(with_style_finishing(wanted, uses), files, styles),
        controlnets=controlnets,
        chain=chain,
        uses=uses,
        output=request.output,
        store=request.store,
        notes=(*loaded.notes, *notes, *controlnets.notes, *size_notes(settings.size, files)),
    )
    return resolved, loaded


class ChainRecipe(EditedRecipe, SettingsRecipe):
    """The keys of a chain of images that begins with the one in `given`."""

    text_encoder_optional: ClassVar[bool] = True
    given: tuple[DigestText, ...] = Field(min_length=1, max_length=1 + MAX_CONTROLS)
    """The first image, then those that ControlNets take their hints from."""
    seed: int = Field(ge=0, le=MAX_SEED)
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

    @classmethod
    def of_chain(cls, image: Given, resolved: ResolvedChain, **own: Any) -> Self:
        """Return the recipe of a resolved chain; `own` are keys of its kind."""
        chain, texts = resolved.chain, resolved.chain.texts
        return cls.of(
            resolved.files,
            **recipe_settings(resolved.settings, resolved.styles),
            given=tuple(dict.fromkeys((digest(image), *resolved.controlnets.given))),
            seed=chain.seed,
            variants=chain.variants,
            between=chain.between,
            noise_shift=chain.noise_shift,
            mode=chain.mode,
            good=texts.good,
            bad=texts.bad,
            positive=texts.positive,
            negative=texts.negative,
            repeats=texts.repeats,
            **({"fit": chain.fit} if chain.fit != "crop" else {}),
            **own,
        )

    def chain(self) -> VariationChain:
        """Return the chain."""
        texts = GuidanceTexts(good=self.good, bad=self.bad, positive=self.positive, negative=self.negative, repeats=self.repeats)
        return VariationChain(
            texts=texts,
            seed=self.seed,
            variants=self.variants,
            between=self.between,
            noise_shift=self.noise_shift,
            mode=cast(Mode, self.mode),
            fit=self.fit,
        )

    @property
    def images(self) -> int:
        """Return the number of chained images."""
        return self.variants

    def resolved_chain(self, out: Path, files: CheckpointFiles, store: Path | None) -> ResolvedChain:
        """Return the chain with everything resolved; raises InputError."""
        styles, chain = StyleFinder(files), self.chain()
        settings = self.resolved(files, styles)
        check_amount(self.images * self.between, settings.size)
        check_chain(chain)
        uses = styles.uses(settings.style)
        output = Output(path=out, max_size=self.budget(out)).check()
        controlnets = find_controlnets(settings.controlnet, files)
        return ResolvedChain(
            files=files, styles=styles, settings=settings, chain=chain, uses=uses, output=output, store=store, controlnets=controlnets
        )

    def image(self, store: FrameStore) -> Given:
        """Return the first image, which is in the store; raises InputError for any other frame."""
        given = store.spec(self.given[0])
        if not isinstance(given, Given):
            raise InputError(f"the recipe starts from {self.given[0][:12]}, which is no image from outside: it was tampered with")
        return given


class VaryRecipe(ChainRecipe):
    """The recipe of a chain of variations."""

    kind: Literal["vary"] = "vary"

    def laid_out(self, files: CheckpointFiles, store: FrameStore) -> LaidOut:
        """Return the chain's frames without its edits."""
        resolved = self.resolved_chain(Path("clip.gif"), files, store.root)
        sheet, uses = _sheet(self.image(store), resolved), resolved.uses
        return LaidOut(sheet=sheet, settings=resolved.settings, uses=uses, applied=uses, controlnets=resolved.controlnets)

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Generate the chain again."""
        check_image_encoder(files)
        resolved = self.resolved_chain(out, files, store)
        session = _session(resolved)
        made = yield from _render(self.image(session.store), resolved, session, self.edits)
        return Remade(path=made.clip, frames=made.frames, generated=made.count.generated, reused=made.count.reused, notes=made.notes)


def _vary(resolved: ResolvedChain, loaded: LoadedImage) -> Generator[Step, None, Variation]:
    session = _session(resolved)
    texts = resolved.chain.texts
    own = [text for text in (*texts.good, *texts.bad) if text not in DEFAULT_TEXTS]
    notes = [*resolved.notes, *(note for text in own for note in session.prompt_warnings(text))]
    for note in notes:
        yield Step(stage="story", note=note)
    made = yield from _render(session.store.write_given(loaded.image), resolved, session)
    return replace(made, notes=(*notes, *made.notes))


def _session(resolved: ResolvedChain) -> RenderSession:
    networks, precision = resolved.controlnets.networks, resolved.settings.precision
    session = RenderSession(resolved.files, resolved.store, resolved.uses, precision, controlnets=networks)
    resolved.controlnets.keep_images(session.store)
    return session


def _sheet(image: Given, resolved: ResolvedChain) -> ExposureSheet:
    frames = frame_settings(resolved.settings, resolved.files, resolved.styles)
    sheet = lay_out(image, resolved.chain, replace(frames, batch=BATCH))
    hints = {digest(one.image): one.image for one in frames.controls if one.image}
    return replace(sheet, specs=hints | dict(sheet.specs))


def _render(
    image: Given, resolved: ResolvedChain, session: RenderSession, edits: tuple[Edit, ...] = ()
) -> Generator[Step, None, Variation]:
    """Generate the chain, check whether it collapsed, and write it."""
    started = perf_counter()
    chain, output = resolved.chain, resolved.output
    recipe = VaryRecipe.of_chain(image, resolved, **edits_key(edits))
    plain = _sheet(image, resolved)
    sheet = recipe.edited(plain, resolved.uses, resolved.settings.weighting)
    check_frames(output.path, len(sheet.exposures), recipe.text() if output.recipe else "")
    names = plain.exposures[chain.between - 1 :: chain.between]
    rendering = yield from session.render(sheet.specs, (*sheet.exposures, *names))
    variants = LazySequence(lambda place: session.store.read(rendering.renamed[names[place]]), range(len(names)))
    variance, growth = _variance(variants, chain, session), chain_growth(variants)
    warnings = _collapse_warnings(variance, growth, _remedy(chain.texts, resolved.files))
    for note in warnings:
        yield Step(stage="rendering", note=note)
    generated = perf_counter()
    with ImageSpool(session.store.root) as spool:
        clip = yield from finish_chain(sheet, resolved, rendering, session, spool)
        finished = perf_counter()
        written = yield from write_clip(replace(clip, rate=clip.rate * speed_of(edits)), output, recipe)
    return Variation(
        clip=output.path,
        frames=clip.count,
        variance=variance,
        growth=growth,
        count=rendering.count,
        seconds=Seconds.since(started, generated, finished),
        notes=(*rendering.count.notes, *warnings, *written.notes),
    )


def _collapse_warnings(variance: Variance, growth: Growth, remedy: str) -> list[str]:
    faded = f"The images fade: their variance fell from {variance.first:.2g} to {variance.last:.2g}. {remedy}"
    oversaturated = f"The images burn: {growth.colour:.1f} times the color and {growth.detail:.1f} times the detail of the first. {remedy}"
    return [note for note, rings in ((faded, variance.collapsed), (oversaturated, growth.oversaturated)) if rings]


def _variance(variants: Sequence[Image], chain: VariationChain, session: RenderSession) -> Variance:
    """Measure the variants by the model's own CLIP image embeddings."""
    return chain_variance(
        np.concatenate([session.checkpoint.embed_image(variant, chain.fit)[0].float().cpu().numpy() for variant in variants])
    )


def _remedy(texts: GuidanceTexts, files: CheckpointFiles) -> str:
    if not files.info.has_text_encoder:
        return "End the chain sooner, or take a model with a text encoder."
    return "Enable guidance by texts." if texts.disabled else "Raise the scales of the guidance texts, or --repeats."


def finish_chain(
    sheet: ExposureSheet, resolved: ResolvedChain, rendering: Rendering, session: RenderSession, spool: ImageSpool
) -> Generator[Step, None, FrameStream]:
    """Resize and finish every frame."""
    resized = session.enlarger(*resolved.settings.size, resolved.settings.upscaler)
    shown = session.read_frames(rendering, sheet.exposures, lambda _, image: resized(image))
    return (yield from finish_clip(shown, len(sheet.exposures), resolved.settings, resolved.chain.seed, spool))


def image_size(image: Image, path: Path, files: CheckpointFiles) -> tuple[int, int]:
    """Return the image's shape at the model's default area, in even pixels.

    Raises InputError for a narrow strip.
    """
    height, width = image.shape[:2]
    if max(width, height) > MAX_RATIO * min(width, height):
        raise InputError(f"{path} is {width} x {height}, too narrow: crop it to {MAX_RATIO}:1 at most, or give a size")
    default = default_size(files)
    side = sqrt(default[0] * default[1])
    shape = sqrt(width / height)
    shaped = (2 * round(side * shape / 2), 2 * round(side / shape / 2))
    return shaped if max(shaped) <= MAX_RATIO * min(shaped) else (MAX_RATIO * min(shaped), min(shaped))


def _without_text_encoder(chain: VariationChain, defaults: bool, files: CheckpointFiles) -> tuple[VariationChain, list[str]]:
    """Leave the default texts out for a model without a text encoder.

    Raises InputError for texts that were given.
    """
    if files.info.has_text_encoder:
        return chain, []
    if not defaults:
        raise InputError(f"{files.name!r} has no text encoder, so texts cannot guide it: leave good and bad out")
    notes = [] if chain.texts.disabled else [f"{files.name!r} has no text encoder: no texts guide its variations, and they may fade"]
    return replace(chain, texts=replace(chain.texts, good=(), bad=())), notes


def check_chain(chain: VariationChain) -> None:
    """Refuse a chain with a value out of range; raises SettingsError, InputError."""
    MODE.check("mode", chain.mode)
    FIT.check("fit", chain.fit)
    SEED.check("seed", chain.seed)
    for name, number in NUMBERS.items():
        number.check(name, getattr(chain if hasattr(chain, name) else chain.texts, name))
    if not all(text.strip() for text in (*chain.texts.good, *chain.texts.bad)):
        raise InputError("a good or bad text is empty: describe what to guide the images towards or away from")


def check_image_encoder(files: CheckpointFiles) -> None:
    """Refuse a model that cannot vary an image; raises InputError."""
    if not files.info.has_image_encoder:
        raise InputError(f"{files.name!r} has no image encoder, so it cannot vary an image: take sketchbook, or a model with one")
