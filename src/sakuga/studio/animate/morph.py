"""Morphs: clips that interpolate from prompt to prompt, every frame generated."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sakuga import InputError
from sakuga.evaluation.motion_smoothness import loop_gap, variation
from sakuga.export import FrameStream, check_frames
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_model
from sakuga.rendering.store import FrameStore
from sakuga.story.keys import Ease
from sakuga.story.options import SEED, Number
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.animate import with_style
from sakuga.studio.animate.draw import image_spec
from sakuga.studio.animate.morph_timing import VISIBLE, MorphTake, close_up, even_out, render_take
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.controlnets import FoundControlNets, find_controlnets, given_specs, refuse_keyed_weights, refuse_open_images
from sakuga.studio.core.finish import add_textures, stream_images, with_pixel_art
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.output import Output, Seconds, check_store, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.prompt_style_names import named_styles, with_named_styles
from sakuga.studio.core.recipe import EditedRecipe, LaidOut, Remade, SettingsRecipe, check_amount, portable_style, recipe_settings
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.studio.core.settings import (
    ResolvedSettings,
    parse_ease,
    resolve_settings,
    size_notes,
    style_digests,
    with_style_finishing,
)
from sakuga.studio.core.styles import StyleFinder, StyleUse, named_style_note, relocated, with_triggers
from sakuga.studio.core.work import Work
from sakuga.timeline.edits import speed_of
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.lazy import LazySequence
from sakuga.timeline.morph import MorphKey, MorphPath, morph_positions, morph_specs
from sakuga.timeline.spec import Generated, digest
from sakuga.timeline.timing import ping_pong as play_both_ways

FRAMES_PER_SEGMENT = 20
"""Frames from one prompt to the next by default."""
MAX_FRAMES = 10_000
MORPH_FRAMES = Number(
    help="Frames of the clip", default_help=f"{FRAMES_PER_SEGMENT} from prompt to prompt", least=2, most=MAX_FRAMES, whole=True
)
UNUSED = (
    "strength",
    "between",
    "on",
    "init_from",
    "shot_strength",
    "noise_drift",
    "keyframe_rate",
    "control_weight",
    "depth",
)
"""Film settings that a morph has no use for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphResult:
    """A written morph, and how evenly it moves.

    Steps are differences of generated frames, in mean Lab distance.
    """

    clip: Path
    frames: int
    """Frames of the clip."""
    count: RenderCount
    seconds: Seconds
    step_variation: float
    """The coefficient of variation of the differences between neighbors: 0.0 is perfectly even."""
    step_variation_before: float | None
    """The same before an even morph was retimed."""
    loop_gap: float | None
    """In a loop, the step from the last frame to the first over the median step."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MorphRequest:
    """Prompts to morph between, and how."""

    prompts: tuple[str, ...]
    output: Output
    frames: int | None
    ease: Ease | None
    loop: bool
    ping_pong: bool
    even: bool
    seed: int
    same_seed: bool
    styles: tuple[str, ...]
    """Those of each prompt beside the settings' style, or none at all."""
    settings: FilmSettings
    store: Path | None

    def __post_init__(self) -> None:
        """Check what needs no checkpoint; raises InputError."""
        if blank := next((number for number, prompt in enumerate(self.prompts, 1) if not prompt.strip()), None):
            raise InputError(f"prompt {blank} is empty: describe the image in a few words")
        SEED.check("seed", self.seed)
        if not self.seed < 2**62:
            raise InputError(f"seed {self.seed} is out of range: choose 0 to 2^62 - 1")
        if self.loop and self.ping_pong:
            raise InputError("loop and ping_pong exclude each other: choose one")
        if self.ease is not None and self.even:
            raise InputError("even and ease exclude each other, as an even morph is timed by its images: choose one")
        if unused := [name for name in UNUSED if getattr(self.settings, name) is not None]:
            raise InputError(f"a morph has no use for {unused[0]}: leave it out")
        if self.styles and len(self.styles) != len(self.prompts):
            raise InputError(f"there are styles for {len(self.styles)} prompts, and {len(self.prompts)} prompts: give one for each")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMorph:
    """A morph with everything resolved."""

    files: CheckpointFiles
    styles: StyleFinder
    settings: ResolvedSettings
    path: MorphPath
    """Keys with trigger words and styles."""
    uses: tuple[StyleUse, ...]
    controlnets: FoundControlNets
    recipe: "MorphRecipe"
    output: Output
    store: Path | None
    notes: tuple[str, ...]


class MorphRecipe(EditedRecipe, SettingsRecipe):
    """The recipe of a morph.

    An even one holds the positions that were found, so that they are not searched again.
    """

    kind: Literal["morph"] = "morph"
    prompts: tuple[str, ...] = Field(min_length=1, max_length=MAX_FRAMES)
    seed: int = Field(ge=0, lt=2**62)
    frames: int = Field(ge=2, le=MAX_FRAMES)
    ease: Ease
    loop: bool = False
    ping_pong: bool = False
    even: bool = False
    same_seed: bool = False
    places: tuple[float, ...] | None = None
    prompt_styles: tuple[Annotated[str, AfterValidator(portable_style)], ...] = ()
    """Styles of each prompt beside those of all."""

    @model_validator(mode="after")
    def _is_a_morph(self) -> Self:
        segments = self.path().segments
        if self.prompt_styles and len(self.prompt_styles) != len(self.prompts):
            raise ValueError(f"there are styles for {len(self.prompt_styles)} prompts, and {len(self.prompts)} prompts")
        if self.places and (len(self.places) != self.frames or not all(0 <= place <= segments for place in self.places)):
            raise ValueError("`places` are not those of its frames: set places=null, and they are searched again")
        return self

    def path(self) -> MorphPath:
        """Return the path of its prompts.

        Each has the next seed, or all the same.
        """
        keys = tuple(
            MorphKey(prompt=prompt, seed=self.seed + (0 if self.same_seed else number)) for number, prompt in enumerate(self.prompts)
        )
        return MorphPath(keys=keys, closed=self.loop)

    def style_digests(self, styles: StyleFinder) -> tuple[str, ...]:
        """Return the digests of the styles that it would apply here."""
        return style_digests((self.settings.style, *self.prompt_styles), self.settings.sampler or "", styles)

    def restyled(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside styles at their places here."""
        own = tuple(relocated(text, places) or "" for text in self.prompt_styles)
        return super().restyled(places).model_copy(update={"prompt_styles": own})

    def laid_out(self, files: CheckpointFiles, store: FrameStore) -> LaidOut:
        """Return the morph's frames without its edits; one that is played both ways forward only."""
        styles = StyleFinder(files)
        settings = self.resolved(files, styles)
        resolved = _resolve(self, self.prompt_styles, settings, styles, Output(path=Path("morph.gif")), store.root, [])
        positions = self.places or morph_positions(resolved.path, self.frames, self.ease)
        sheet, applied = _sheet(morph_specs(resolved.path, positions, _like(resolved)), settings), resolved.uses
        uses = styles.uses(settings.style)
        return LaidOut(sheet=sheet, settings=settings, uses=uses, applied=applied, controlnets=resolved.controlnets)

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Generate the morph again."""
        styles = StyleFinder(files)
        settings = self.resolved(files, styles)
        check_amount(2 * self.frames, settings.size)
        recipe = self.followed(files, **_recipe_keys(self.prompt_styles, settings, styles))
        output = Output(path=out, max_size=self.budget(out)).check()
        made = yield from _morph(_resolve(recipe, self.prompt_styles, settings, styles, output, store, []))
        return Remade(path=out, frames=made.frames, generated=made.count.generated, reused=made.count.reused, notes=made.notes)


@checked(frames=MORPH_FRAMES, seed=SEED)
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
    style: str | None = None,
    styles: Sequence[str] = (),
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, MorphResult]:
    """Generate a clip that morphs from prompt to prompt.

    It has `frames` frames; noise and prompt embeddings are slerped. The prompts have the seeds seed, seed + 1, ... or, with `same_seed`,
    all the same; what `draw` generates for a prompt with its seed is exactly its frame. `loop` goes on from the last prompt to the first,
    and one prompt alone moves in its noise; `ping_pong` plays forward and back. `ease` times each segment (smooth; linear for one prompt
    alone); `even` times the frames so that neighbors differ equally. A loop whose last step would show is retimed. `style` is applied to
    all prompts, `styles` to one each ("" is none): between prompts their weights are interpolated. A GIF stays under `max_size` bytes.
    Raises SakugaError.
    """
    request = MorphRequest(
        prompts=(prompts,) if isinstance(prompts, str) else tuple(prompts),
        output=Output(path=Path(out), recipe=recipe, max_size=max_size).check(),
        frames=frames,
        ease=parse_ease(ease) if ease else None,
        loop=loop,
        ping_pong=ping_pong,
        even=even,
        seed=seed,
        same_seed=same_seed,
        styles=tuple(styles),
        settings=with_style(settings, style),
        store=store,
    )
    return Work(_morph(resolve_morph(request)))


def resolve_morph(request: MorphRequest) -> ResolvedMorph:
    """Resolve checkpoint, settings, styles and positions of a morph; raises InputError."""
    prompts, ease = request.prompts, request.ease
    path = MorphPath(keys=tuple(MorphKey(prompt=prompt, seed=request.seed) for prompt in prompts), closed=request.loop)
    frames = MORPH_FRAMES.check("frames", FRAMES_PER_SEGMENT * path.segments if request.frames is None else request.frames)
    check_frames(request.output.path, 2 * frames - 2 if request.ping_pong else frames)
    ease = ease or ("linear" if request.even or len(prompts) == 1 else "smooth")
    morph_positions(path, frames, ease)
    check_store(request.store)
    files = find_model(request.settings)
    styles = StyleFinder(files)
    request = _with_named_styles(request, styles)
    wanted, own_styles, notes = _named_styles(request, styles)
    settings = resolve_settings(with_style_finishing(wanted, styles.uses(wanted.style)), files, styles)
    refuse_open_images(settings.controlnet, "name one with image=FILE")
    refuse_keyed_weights(settings.controlnet, "a morph")
    recipe = MorphRecipe.of(
        files,
        given=find_controlnets(settings.controlnet, files).given,
        **_recipe_keys(own_styles, settings, styles),
        prompts=request.prompts,
        seed=request.seed,
        frames=frames,
        ease=ease,
        loop=request.loop,
        ping_pong=request.ping_pong,
        even=request.even,
        same_seed=request.same_seed,
    )
    return _resolve(recipe, own_styles, settings, styles, request.output, request.store, notes)


def _resolve(
    recipe: MorphRecipe,
    own_styles: Sequence[str],
    settings: ResolvedSettings,
    styles: StyleFinder,
    output: Output,
    store: Path | None,
    notes: Sequence[str],
) -> ResolvedMorph:
    """Resolve a morph whose recipe is known: each key gets its styles and their trigger words."""
    path, keys, uses = recipe.path(), list[MorphKey](), list[StyleUse]()
    for key, own in zip(path.keys, own_styles or ("",) * len(path.keys), strict=True):
        both = ", ".join(filter(None, (settings.style, own)))
        found = styles.uses(both)
        keys.append(replace(key, prompt=with_triggers(key.prompt, found), styles=styles.applied(both, settings.sampler)))
        uses += found
    controlnets = find_controlnets(settings.controlnet, styles.files)
    return ResolvedMorph(
        files=styles.files,
        styles=styles,
        settings=settings,
        path=replace(path, keys=tuple(keys), weighting=settings.weighting),
        uses=tuple(uses),
        controlnets=controlnets,
        recipe=recipe,
        output=output,
        store=store,
        notes=(*notes, *controlnets.notes, *size_notes(settings.size, styles.files)),
    )


def _with_named_styles(request: MorphRequest, styles: StyleFinder) -> MorphRequest:
    """Take the styles out of the prompts, into those of each prompt."""
    away = named_styles(request.settings.negative or "", styles, negative=True)
    found = [named_styles(prompt, styles) for prompt in request.prompts]
    if not any((*away.styles, *(style for one in found for style in one.styles))):
        return request
    given = request.styles or ("",) * len(found)
    own = tuple(with_named_styles(style, (*one.styles, *away.styles)) or "" for style, one in zip(given, found, strict=True))
    settings = replace(request.settings, negative=away.prompt) if away.styles else request.settings
    return replace(request, prompts=tuple(one.prompt for one in found), styles=own, settings=settings)


def _named_styles(request: MorphRequest, styles: StyleFinder) -> tuple[FilmSettings, tuple[str, ...], list[str]]:
    """Apply the styles that prompts name, where none is requested.

    Returns settings, each prompt's styles, and notes.
    """
    settings = request.settings
    if settings.style is not None or any(request.styles):
        return settings, request.styles, []
    named = [styles.named_by([prompt]) or "" for prompt in request.prompts]
    if len(set(named)) == 1:
        return replace(settings, style=named[0] or None), request.styles, [named_style_note(named[0])] if named[0] else []
    return settings, tuple(named), [named_style_note(name, f"prompt {number}: ") for number, name in enumerate(named, 1) if name]


def _recipe_keys(own_styles: Sequence[str], settings: ResolvedSettings, styles: StyleFinder) -> dict[str, Any]:
    """Return the keys of the recipe for settings and styles."""
    own = {"prompt_styles": tuple(styles.shared_names(one) for one in own_styles)} if any(own_styles) else {}
    return {**recipe_settings(settings, styles, own_styles), **own}


def _morph(resolved: ResolvedMorph) -> Generator[Step, None, MorphResult]:
    started = perf_counter()
    recipe, settings, path = resolved.recipe, resolved.settings, resolved.path
    networks = resolved.controlnets.networks
    session = RenderSession(resolved.files, resolved.store, resolved.uses, settings.precision, controlnets=networks)
    resolved.controlnets.keep_images(session.store)
    notes = [*resolved.notes, *_warnings(path, session), *session.negative_warnings(settings.negative)]
    for note in notes:
        yield Step(stage="story", note=note)
    like = _like(resolved)
    takes = [(yield from render_take(path, recipe.places or morph_positions(path, recipe.frames, recipe.ease), like, session))]
    if recipe.even and not recipe.places:
        yield from even_out(path, like, session, takes)
    if recipe.loop and not recipe.places:
        notes += yield from close_up(path, like, session, takes)
    if len(takes) > 1:
        recipe = recipe.model_copy(update={"places": takes[-1].positions})
    sheet, rendering = _sheet(takes[-1].specs, settings), takes[-1].rendering
    if recipe.edits:
        sheet = recipe.edited(sheet, resolved.styles.uses(settings.style), settings.weighting)
        rendering = yield from session.render(sheet.specs, sheet.exposures)
    generated = perf_counter()
    with ImageSpool(session.store.root) as spool:
        clip = yield from _finish(recipe, sheet, rendering, settings, session, spool)
        finished = perf_counter()
        written = yield from write_clip(replace(clip, rate=clip.rate * speed_of(recipe.edits)), resolved.output, recipe)
    count, gap = _count(takes), _loop_gap(recipe, takes[-1])
    wide = [f"The loop closes with {gap:.1f} normal steps, which may show: {_remedy(recipe)}."] if gap and gap > VISIBLE else []
    return MorphResult(
        clip=resolved.output.path,
        frames=clip.count,
        count=count,
        seconds=Seconds.since(started, generated, finished),
        step_variation=variation(takes[-1].steps),
        step_variation_before=variation(takes[0].steps) if recipe.even else None,
        loop_gap=gap,
        notes=(*notes, *count.notes, *wide, *written.notes),
    )


def _like(resolved: ResolvedMorph) -> Generated:
    """Return the spec that all frames of a morph are like."""
    recipe = resolved.recipe
    return image_spec(recipe.prompts[0], recipe.seed, resolved.settings, resolved.files, styles=resolved.styles)


def _sheet(specs: Sequence[Generated], settings: ResolvedSettings) -> ExposureSheet:
    names = tuple(map(digest, specs))
    every = given_specs(settings.controlnet) | dict(zip(names, specs, strict=True))
    return ExposureSheet(exposures=names, specs=every, color_references={}, color_corrections={})


def _warnings(path: MorphPath, session: RenderSession) -> list[str]:
    """Return warnings about prompts, and where nothing but noise moves."""
    prompts = [key.prompt for key in path.keys]
    warnings = [f"prompt {number}: {note}" for number, prompt in enumerate(prompts, 1) for note in session.prompt_warnings(prompt)]
    same = [
        f"prompts {number} and {number + 1} are the same: between them {'nothing' if one.seed == other.seed else 'only the noise'} moves"
        for number, (one, other) in enumerate(pairwise(path.keys), 1)
        if (one.prompt, one.styles) == (other.prompt, other.styles)
    ]
    return warnings + same


def _finish(
    recipe: MorphRecipe, sheet: ExposureSheet, rendering: Rendering, settings: ResolvedSettings, session: RenderSession, spool: ImageSpool
) -> Generator[Step, None, FrameStream]:
    """Resize and finish every frame."""
    resized = session.enlarger(*settings.size, settings.upscaler)
    shown = session.read_frames(rendering, sheet.exposures, lambda _, image: resized(image))
    images = yield from add_textures(shown, len(sheet.exposures), settings, recipe.seed, spool)
    played = LazySequence(images.__getitem__, play_both_ways(range(len(images)))) if recipe.ping_pong else images
    return stream_images((yield from with_pixel_art(played, settings.pixel, spool)), settings.fps)


def _count(takes: Sequence[MorphTake]) -> RenderCount:
    """Count the frames of all takes.

    One that several takes show counts once.
    """
    generated = sum(take.rendering.count.generated for take in {id(take): take for take in takes}.values())
    names = {name for take in takes for name in take.names}
    notes = dict.fromkeys(note for take in takes for note in take.rendering.count.notes)
    return RenderCount(generated=generated, reused=max(0, len(names) - generated), notes=tuple(notes))


def _remedy(recipe: MorphRecipe) -> str:
    """Return what to do about a visible last step.

    Several prompts can also be played forward and back.
    """
    if recipe.ping_pong:
        return "time it with --even"
    return "give it more frames, or play it forward and back (--ping-pong)" if len(recipe.prompts) > 1 else "give it more frames"


def _loop_gap(recipe: MorphRecipe, take: MorphTake) -> float | None:
    if recipe.loop:
        return loop_gap(take.steps[:-1], take.steps[-1])
    return loop_gap(take.steps, take.steps[0]) if recipe.ping_pong else None
