"""Single images from prompts."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from sakuga import InputError, __version__
from sakuga.datasets.folders import is_image
from sakuga.datasets.image_reading import LoadedImage, read_image
from sakuga.export import ImageFolder, check_target, write
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_model
from sakuga.story.a1111 import write_infotext
from sakuga.story.foreign_recipe import ForeignRecipe, model_name
from sakuga.story.limits import MAX_IMAGES, MAX_SEED
from sakuga.story.options import IMAGES_PER_PROMPT, SEED, Text
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.animate import with_style
from sakuga.studio.animate.control import ControlInput, ControlSettings, check_networks, control_notes, read_control
from sakuga.studio.animate.still_options import Hires, ReferenceInput, ReferenceSettings
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.controlnets import FoundControlNets, find_controlnets, given_image, refuse_open_images
from sakuga.studio.core.finish import add_textures, finish_image, stream_images, with_pixel_art
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.output import Output, check_store, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.prompt_style_names import named_styles, with_named_styles
from sakuga.studio.core.recipe import Remade, SettingsRecipe, check_amount, recipe_settings
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.studio.core.settings import (
    ResolvedSettings,
    check_settings,
    frame_settings,
    preview_settings,
    resolve_settings,
    size_notes,
    with_style_finishing,
)
from sakuga.studio.core.styles import StyleFinder, StyleUse, named_style_note, with_triggers
from sakuga.studio.core.work import Work
from sakuga.text import counted
from sakuga.timeline.clip import Clip
from sakuga.timeline.lazy import LazySequence
from sakuga.timeline.prompts import prompt_of
from sakuga.timeline.spec import ControlImage, Digest, FrameSpec, Generated, InitImage, Precision, Prompt, SeedNoise, dependencies, digest

PROMPT = Text(help="What the image shows")
STEPS_RATE, STEPS_HELD = Fraction(10), 10
"""Denoising steps shown per second, and frames that the finished image is held."""
BATCH = 8
"""Batch width of images that are independent of each other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratedImages:
    """Generated images, in the order of prompts and seeds."""

    paths: tuple[Path, ...]
    """Their files; empty if they were kept in memory."""
    images: tuple[Image, ...]
    """(height, width, 3) uint8 arrays; empty if they were written to files."""
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    count: RenderCount


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRequest:
    """Prompts to generate images of, and how."""

    prompts: tuple[str, ...]
    out: Path | None
    images_per_prompt: int
    seed: int
    settings: FilmSettings
    init_image: Path | None
    control: ControlInput | None
    store: Path | None
    recipe: bool
    preview: bool
    steps_gif: Path | None
    a1111: bool = False
    """Whether the files also carry their settings as A1111 writes them."""
    hires: Hires | None = None
    reference: ReferenceInput | None = None

    def __post_init__(self) -> None:
        """Check what needs no checkpoint; raises InputError."""
        if not self.prompts:
            raise InputError("there is no prompt: describe the image in a few words")
        if not all(PROMPT.check("prompt", prompt).strip() for prompt in self.prompts):
            raise InputError("a prompt is empty: describe the image in a few words")
        IMAGES_PER_PROMPT.check("images_per_prompt", self.images_per_prompt)
        SEED.check("seed", self.seed)
        SEED.check("seed of the last image", self.seed + self.images_per_prompt - 1)
        if self.out and is_image(self.out) and not self.out.is_dir():
            raise InputError(f"images go into a folder, as 0001.png and on, and {self.out} is one image: name a folder, such as images")
        many = len(self.prompts) * self.images_per_prompt
        if self.steps_gif:
            check_target(self.steps_gif)
            if many > 1:
                raise InputError(f"steps_gif shows the denoising of one image, and these are {many}: generate one")
        if self.settings.strength is not None and self.init_image is None:
            raise InputError("strength is the denoising strength of an init image: give one with it (--init-image)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedDraw:
    """Image requests with everything resolved: checkpoint, settings and styles of each prompt, input images."""

    request: DrawRequest
    styles: StyleFinder
    settings: dict[str, ResolvedSettings]
    """By prompt."""
    uses: dict[str, tuple[StyleUse, ...]]
    """By prompt."""
    init: LoadedImage | None
    control: LoadedImage | None
    reference: LoadedImage | None
    controlnets: FoundControlNets
    folder: ImageFolder | None
    notes: tuple[str, ...]

    @property
    def networks(self) -> tuple[Digest, Precision]:
        """Checkpoint and precision; requests with the same share a session."""
        return self.styles.files.digest, next(iter(self.settings.values())).precision


@checked(seed=SEED, images_per_prompt=IMAGES_PER_PROMPT)
def draw(
    prompts: str | Sequence[str],
    out: Path | str | None = None,
    *,
    images_per_prompt: int = 1,
    seed: int = 0,
    style: str | None = None,
    settings: FilmSettings | None = None,
    init_image: Path | None = None,
    control: ControlInput | None = None,
    store: Path | None = None,
    recipe: bool = True,
    preview: bool = False,
    steps_gif: Path | None = None,
    a1111: bool = False,
    hires: Hires | None = None,
    reference: ReferenceInput | None = None,
) -> Work[Step, GeneratedImages]:
    """Generate images of one prompt or several.

    The seeds are seed, seed + 1, ... They are written to the folder `out`, numbered on from those it holds (one that is there to the byte
    keeps its place); without `out` the result holds them as arrays. `init_image` is where denoising starts (img2img); the depth of a
    `control` image places things, and images attend to a `reference`, whose look they take over. `hires` generates each image once more,
    larger. `steps_gif` is a clip of one image's denoising steps. `a1111` writes the settings in A1111's
    form, too, for programs that read it. Raises SakugaError.
    """
    request = DrawRequest(
        prompts=(prompts,) if isinstance(prompts, str) else tuple(prompts),
        out=None if out is None else Path(out),
        images_per_prompt=images_per_prompt,
        seed=seed,
        settings=with_style(settings, style),
        init_image=init_image,
        control=control,
        store=store,
        recipe=recipe,
        preview=preview,
        steps_gif=steps_gif,
        a1111=a1111,
        hires=hires,
        reference=reference,
    )
    return Work(_draw(resolve_draw(request)))


def resolve_draw(request: DrawRequest) -> ResolvedDraw:
    """Resolve checkpoint, settings and styles of each prompt, and read input images.

    Raises InputError.
    """
    settings = request.settings
    if (count := len(request.prompts) * request.images_per_prompt) > MAX_IMAGES:
        raise InputError(f"{count} images cannot be generated at once: {MAX_IMAGES} are the most")
    check_store(request.store)
    files = find_model(settings)
    styles = StyleFinder(files)
    check_settings(settings, styles)
    request, settings, wanted = _with_named_styles(request, styles)
    named = {prompt: styles.named_by([prompt]) if wanted[prompt] is None else wanted[prompt] for prompt in request.prompts}
    uses = {prompt: styles.uses(style) for prompt, style in named.items()}
    notes = dict.fromkeys(named_style_note(style, f"'{prompt}': ") for prompt, style in named.items() if style and wanted[prompt] is None)
    resolved, preview_notes = {}, list[str]()
    for prompt, style in named.items():
        own = resolve_settings(with_style_finishing(replace(settings, style=style), uses[prompt]), files, styles)
        resolved[prompt], preview_notes = preview_settings(own, styles) if request.preview else (own, [])
    init = read_image(request.init_image) if request.init_image is not None else None
    control = read_control(request.control, files) if request.control else None
    if init is None:
        refuse_open_images(settings.controlnet or (), "name one with image=FILE, or start from one with --init-image")
    controlnets = find_controlnets(settings.controlnet or (), files)
    reference = read_image(request.reference.path) if request.reference else None
    if request.hires:
        request.hires.size(next(iter(resolved.values())))
    folder = ImageFolder(request.out) if request.out else None
    loaded_notes = (*(init.notes if init else ()), *(control_notes(control) if control else ()))
    return ResolvedDraw(
        request=request,
        styles=styles,
        settings=resolved,
        uses=uses,
        init=init,
        control=control,
        reference=reference,
        controlnets=controlnets,
        folder=folder,
        notes=(*preview_notes, *notes, *loaded_notes, *controlnets.notes, *size_notes(settings.size, files)),
    )


def _with_named_styles(request: DrawRequest, styles: StyleFinder) -> tuple[DrawRequest, FilmSettings, dict[str, str | None]]:
    """Take the styles out of the prompts; returns the request without them, its settings, and the styles of each prompt."""
    away = named_styles(request.settings.negative or "", styles, negative=True)
    found = [named_styles(prompt, styles) for prompt in request.prompts]
    settings = replace(request.settings, negative=away.prompt) if away.styles else request.settings
    own: dict[str, str | None] = {}
    for one in found:
        style = with_named_styles(settings.style, (*one.styles, *away.styles))
        if own.setdefault(one.prompt, style) != style:
            raise InputError(f"'{one.prompt}' is given twice with other styles: draw them one after the other")
    return replace(request, prompts=tuple(one.prompt for one in found), settings=settings), settings, own


class DrawRecipe(SettingsRecipe):
    """The recipe of one image.

    Of its `given` images the init image is the first, then the control image, then the reference; those of ControlNets are the last.
    """

    kind: Literal["draw"] = "draw"
    prompt: str
    seed: int = Field(ge=0, le=MAX_SEED)
    control: ControlSettings | None = None
    hires: Hires | None = None
    reference: ReferenceSettings | None = None
    steps_shown: bool = False
    """Whether the file shows the denoising steps."""

    @model_validator(mode="after")
    def _has_its_images(self) -> "DrawRecipe":
        if len(self._own_images) not in ((1, 2) if self.control else (0, 1)):
            raise ValueError(
                f"{len(self.given)} images are given: one init image, one control image, a reference, those of ControlNets, and no other"
            )
        return self

    @property
    def _own_images(self) -> tuple[str, ...]:
        """The init image and the control image."""
        return self.given[: len(self.given) - self._hints - (self.reference is not None)]

    @property
    def _hints(self) -> int:
        """The number of images that ControlNets take their hints from."""
        return len({image for one in self.settings.controlnet or () if (image := given_image(one))})

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Generate the image to `out`."""
        styles = StyleFinder(files)
        settings = self.resolved(files, styles)
        check_amount(1, settings.size)
        own = self._own_images
        starts = own[:-1] if self.control else own
        init = InitImage(frame=starts[0], strength=settings.strength) if starts else None
        if self.control:
            check_networks(files, self.control.depth)
        control = self.control.spec(own[-1]) if self.control else None
        networks = find_controlnets(settings.controlnet, files).networks
        session = RenderSession(files, store, styles.uses(settings.style), settings.precision, controlnets=networks)
        first = image_spec(self.prompt, self.seed, settings, files, init, control, styles)
        if self.reference:
            first = self.reference.applied(first, self.given[len(own)], self.seed)
        image = _Image.of(
            first,
            self.hires,
            files,
            seed=self.seed,
            settings=settings,
            recipe=self.followed(files, **recipe_settings(settings, styles)),
        )
        rendering = yield from session.render(_with_inputs([image], session), [digest(image.spec)])
        frames = 1
        if self.steps_shown:
            frames = yield from _show_steps(rendering, out, image, session)
        else:
            yield from _finish_images([image], rendering, session, lambda clip: write(clip, out))
        count = rendering.count
        return Remade(path=out, frames=frames, generated=count.generated, reused=count.reused, notes=count.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image to generate: its spec, finishing and recipe."""

    spec: Generated
    first: Generated | None
    """The first pass, of an image that has two."""
    size: tuple[int, int]
    seed: int
    settings: ResolvedSettings
    recipe: DrawRecipe | None

    @classmethod
    def of(cls, first: Generated, hires: Hires | None, files: CheckpointFiles, *, settings: ResolvedSettings, **others: Any) -> "_Image":
        """Return an image of its first pass, and maybe a second."""
        if hires is None:
            return cls(spec=first, first=None, size=settings.size, settings=settings, **others)
        second = hires.spec(first, frame_settings(settings, files).controls, files)
        return cls(spec=second, first=first, size=hires.size(settings), settings=settings, **others)


def _draw(resolved: ResolvedDraw) -> Generator[Step, None, GeneratedImages]:
    return (yield from generate_images(resolved, draw_session([resolved])))


def draw_session(requests: Sequence[ResolvedDraw]) -> RenderSession:
    """Return one session for requests of the same checkpoint, precision and store, with the styles and ControlNets of all."""
    first = requests[0]
    _, precision = first.networks
    uses = [use for resolved in requests for used in resolved.uses.values() for use in used]
    networks = [network for resolved in requests for network in resolved.controlnets.networks]
    return RenderSession(first.styles.files, first.request.store, uses, precision, controlnets=networks)


def generate_images(resolved: ResolvedDraw, session: RenderSession) -> Generator[Step, None, GeneratedImages]:
    """Generate the images of a request by a session that has its styles and ControlNets."""
    request = resolved.request
    resolved.controlnets.keep_images(session.store)
    yield from _notes(resolved, session)
    wanted = list(_images(resolved, session))
    names = [digest(image.spec) for image in wanted]
    rendering = yield from session.render(_with_inputs(wanted, session), names)
    paths, images = list[Path](), list[Image]()

    def keep(clip: Clip) -> None:
        if resolved.folder:
            paths.append(resolved.folder.add(clip, _infotext(wanted[len(paths)], resolved) if request.a1111 else ""))
        else:
            images.append(clip.frames[0].image)

    yield from _finish_images(wanted, rendering, session, keep)
    if request.steps_gif:
        yield from _show_steps(rendering, request.steps_gif, wanted[0], session)
    prompts, seeds = zip(*_prompts_and_seeds(request), strict=True)
    return GeneratedImages(paths=tuple(paths), images=tuple(images), prompts=prompts, seeds=seeds, count=rendering.count)


def _infotext(image: _Image, resolved: ResolvedDraw) -> str:
    """Write an image's settings as A1111 does, its styles as tags."""
    settings, conditioning = image.settings, image.spec.conditioning
    prompt = conditioning.prompt if isinstance(conditioning, Prompt) else ""
    tags = [f"<lora:{Path(use.style.name).stem}:{use.weight:g}>" for use in resolved.styles.uses(settings.style)]
    return write_infotext(
        ForeignRecipe(
            program=f"sakuga {__version__}",
            prompt=" ".join([prompt, *tags]),
            negative=settings.negative,
            steps=settings.steps,
            sampler=settings.sampler,
            schedule=None if settings.schedule == "model" else settings.schedule,
            clip_skip=None if settings.clip_skip == 1 else settings.clip_skip,
            guidance=settings.guidance,
            guidance_start=settings.guidance_start or None,
            seed=image.seed,
            size=settings.size,
            model=model_name(settings.model),
        )
    )


def _prompts_and_seeds(request: DrawRequest) -> list[tuple[str, int]]:
    return [(prompt, request.seed + number) for prompt in request.prompts for number in range(request.images_per_prompt)]


def _notes(resolved: ResolvedDraw, session: RenderSession) -> Generator[Step, None, None]:
    prompts = [with_triggers(prompt, resolved.uses[prompt]) for prompt in resolved.request.prompts]
    folder = resolved.folder
    full = (
        [f"{resolved.request.out} holds {counted(folder.existing, 'numbered image')}: new ones begin at {folder.first}"]
        if folder and folder.existing
        else []
    )
    unread = [note for prompt in prompts for note in session.prompt_warnings(prompt)]
    negatives = dict.fromkeys(settings.negative for settings in resolved.settings.values())
    unread += [note for negative in negatives for note in session.negative_warnings(negative)]
    for note in (*resolved.notes, *unread, *full):
        yield Step(stage="story", note=note)


def _images(resolved: ResolvedDraw, session: RenderSession) -> Generator[_Image, None, None]:
    """Yield every image to generate; input images are written to the store."""
    request, styles = resolved.request, resolved.styles
    control = None
    if resolved.control and request.control:
        control = request.control.settings.spec(digest(session.store.write_given(resolved.control.image)))
    init = None
    if resolved.init:
        init = InitImage(
            frame=digest(session.store.write_given(resolved.init.image)), strength=resolved.settings[request.prompts[0]].strength
        )
    reference = [digest(session.store.write_given(resolved.reference.image))] if resolved.reference else []
    given = [*(image.frame for image in (init, control) if image), *reference, *resolved.controlnets.given]
    keys: dict[str, Any] = {"control": request.control.settings} if request.control else {}
    keys |= {"hires": request.hires} if request.hires else {}
    keys |= {"reference": request.reference.settings} if request.reference else {}
    known = {prompt: recipe_settings(settings, styles) for prompt, settings in resolved.settings.items()} if request.recipe else {}
    for prompt, seed in _prompts_and_seeds(request):
        settings = resolved.settings[prompt]
        first = image_spec(prompt, seed, settings, styles.files, init, control, styles)
        if request.reference:
            first = request.reference.settings.applied(first, reference[0], seed)
        yield _Image.of(
            first,
            request.hires,
            styles.files,
            seed=seed,
            settings=settings,
            recipe=DrawRecipe.of(styles.files, given=given, prompt=prompt, seed=seed, **keys, **known[prompt]) if known else None,
        )


def _finish_images(
    wanted: Sequence[_Image], rendering: Rendering, session: RenderSession, keep: Callable[[Clip], object]
) -> Generator[Step, None, None]:
    """Resize and finish generated images of one size, and keep each."""
    resized = session.enlarger(*wanted[0].size, wanted[0].settings.upscaler)
    images = session.read_frames(rendering, [digest(one.spec) for one in wanted], lambda _, image: resized(image))
    for done, (one, image) in enumerate(zip(wanted, images, strict=True), 1):
        clip = yield from finish_image(image, one.spec, one.settings, one.seed)
        keep(replace(clip, recipe=one.recipe.text() if one.recipe else ""))
        yield Step(stage="export", done=done, total=len(wanted))


def _with_inputs(images: Sequence[_Image], session: RenderSession) -> dict[Digest, FrameSpec]:
    """Return the specs of images by name, after those of their input images and first passes."""
    firsts = {digest(image.first): image.first for image in images if image.first}
    specs = [*firsts.values(), *(image.spec for image in images)]
    needed = {name for spec in specs for name in dependencies(spec)} - firsts.keys()
    inputs: dict[Digest, FrameSpec] = {name: session.store.spec(name) for name in sorted(needed)}
    return inputs | firsts | {digest(image.spec): image.spec for image in images}


def _show_steps(rendering: Rendering, out: Path, image: _Image, session: RenderSession) -> Generator[Step, None, int]:
    """Write a clip of an image's denoising steps, finished as the image is and held at its end.

    Returns its frames.
    """
    resized = session.enlarger(*image.size, image.settings.upscaler)
    shown = map(resized, session.preview(rendering, digest(image.spec)))
    steady = replace(image.settings, on=2 * image.settings.steps)  # one grain for all steps, as the last is the image
    recipe = image.recipe.model_copy(update={"steps_shown": True}) if image.recipe else None
    with ImageSpool(session.store.root) as spool:
        images = yield from add_textures(shown, image.settings.steps, steady, image.seed, spool)
        held = LazySequence(images.__getitem__, [*range(len(images)), *[len(images) - 1] * STEPS_HELD])
        clip = stream_images((yield from with_pixel_art(held, image.settings.pixel, spool)), STEPS_RATE)
        yield from write_clip(clip, Output(path=out), recipe)
    return clip.count


def image_spec(
    prompt: str,
    seed: int,
    settings: ResolvedSettings,
    files: CheckpointFiles,
    init: InitImage | None = None,
    control: ControlImage | None = None,
    styles: StyleFinder | None = None,
) -> Generated:
    """Return the spec of one image with resolved settings."""
    styles = styles or StyleFinder(files)
    how = frame_settings(settings, files, styles)
    conditioning = prompt_of(with_triggers(prompt, styles.uses(settings.style)))
    negative, noise = prompt_of(how.negative), SeedNoise(seed=seed)
    return how.spec(conditioning, negative=negative, noise=noise, init=init, control=control, batch=BATCH)
