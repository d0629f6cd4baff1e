"""Settings resolved for one checkpoint: nothing is left open."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial
from math import log, sqrt
from typing import Any, cast, get_args

from sakuga.finishing.console_palettes import PALETTES
from sakuga.models.checkpoint_files import CheckpointFiles, CheckpointInfo
from sakuga.models.families import default_settings_of
from sakuga.models.motion_files import CONTEXT, own_motion_adapter
from sakuga.models.upscaler_kinds import check_upscaler
from sakuga.paths import local_path
from sakuga.story.controls import ControlNet
from sakuga.story.film import Film
from sakuga.story.keys import Ease, Keys, map_key
from sakuga.story.options import SettingsError as SettingsError
from sakuga.story.prompt_grammar import prompt_parts
from sakuga.story.settings import (
    AUTO,
    NO_MOTION,
    OPTIONS,
    Between,
    DepthSource,
    FilmSettings,
    InitFrom,
    PixelArt,
    Precision,
    PredictionType,
    Sampler,
    Schedule,
    Weighting,
)
from sakuga.story.storyboard import Shot
from sakuga.studio.core.controlnets import planned_controls
from sakuga.studio.core.styles import StyleFinder, StyleUse, missing_triggers, styles_of
from sakuga.timeline.frame_settings import FrameSettings
from sakuga.timeline.prompts import prompts_in
from sakuga.timeline.rebatch import TILED_VAE
from sakuga.timeline.spec import CameraFrame, FrameSpec, Generated, MotionFrame, MotionWindow, Rendered, SamplingOptions
from sakuga.timeline.style_weights import StyleWeights

FEW_STEPS, FEW_UNDISTILLED = 4, 8
"""Denoising steps of a preview: with the few-step adapter, and without it."""
SHAPE_COUNTS = 4.0
"""How much an error in aspect ratio counts against one in area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSettings:
    """Film settings for one checkpoint, every default filled in."""

    fps: Fraction
    size: tuple[int, int]
    model: str
    style: str
    """Styles as requested; "" is none."""
    negative: str
    sampler: Sampler
    precision: Precision
    schedule: Schedule
    eta: float
    clip_skip: int
    weighting: Weighting
    prediction: PredictionType | None
    """None is what the model's file tells."""
    vae: str | None
    """None is the model's own."""
    tiled_vae: bool
    steps: int
    guidance: float
    guidance_start: float
    strength: float
    control_weight: float
    controlnet: tuple[ControlNet, ...]
    depth: DepthSource
    init_from: InitFrom
    shot_strength: float
    noise_drift: float
    reference_weight: float
    keyframe_rate: int
    between: Between
    motion: str
    motion_scale: float
    motion_window: int
    motion_overlap: int
    motion_smoothing: float
    motion_guidance: float
    motion_end: float
    motion_keyframe: float
    motion_fps: Fraction
    loop: bool
    on: int
    upscaler: str | None
    """A file; None is the model's own."""
    grain: float
    paper: float
    pixel: PixelArt | None
    """None is no pixel art."""

    def requested(self) -> FilmSettings:
        """Return the same as FilmSettings, for films and recipes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return FilmSettings(**{**values, "style": self.style or None, "controlnet": self.controlnet or None})


def resolve_settings(
    settings: FilmSettings, files: CheckpointFiles, styles: StyleFinder | None = None, *, film: bool = False
) -> ResolvedSettings:
    """Fill in every setting that is None; a `film` moves by default, and has other defaults where it does.

    Raises SettingsError, or StyleError for an unknown style.
    """
    moves = film and _moves(files, settings.motion)
    defaults = {name: option.default for name, option in OPTIONS.items()} | _model_defaults(files, settings, styles, moves=moves)
    defaults["motion"] = AUTO if moves else NO_MOTION
    given = {field.name: value for field in fields(settings) if (value := getattr(settings, field.name)) is not None}
    check_settings(settings, styles or StyleFinder(files))
    return ResolvedSettings(**{**defaults, **given})


def check_settings(settings: FilmSettings, styles: StyleFinder) -> None:
    """Refuse a style, palette or layer that does not exist; raises StyleError, SettingsError."""
    styles.uses(settings.style)
    if settings.upscaler:
        check_upscaler(local_path(settings.upscaler))
    _check_clip_skip(settings.clip_skip or 1, styles.files)
    if settings.pixel:
        check_palette(settings.pixel)


def _check_clip_skip(clip_skip: int, files: CheckpointFiles) -> None:
    """Refuse a layer that the text encoders do not have; raises SettingsError."""
    if clip_skip == 1 or not files.info.has_text_encoder:
        return
    usual = 2 if files.info.pooled_channels else 1
    most = int(files.config("text_encoder").get("num_hidden_layers", 12)) - usual + 1
    if clip_skip > most:
        raise SettingsError(f"clip_skip: the text encoder of {files.name!r} has no layer {clip_skip}; choose 1 to {most}")


def _moves(files: CheckpointFiles, motion: str | None) -> bool:
    """Return whether a motion adapter applies, by its name in the settings."""
    name = motion or OPTIONS["motion"].default
    return name != NO_MOTION and (name != AUTO or own_motion_adapter(files) is not None)


def _model_defaults(files: CheckpointFiles, settings: FilmSettings, styles: StyleFinder | None, *, moves: bool) -> dict[str, object]:
    """Return the defaults that depend on the checkpoint, and on whether a film moves by a motion adapter.

    `lcm` with its few-step adapter takes few steps and no guidance.
    """
    family = default_settings_of(files)
    few = settings.sampler == "lcm" and (styles or StyleFinder(files)).few_step is not None
    return {
        "model": files.name,
        "size": default_size(files),
        "style": "",
        "motion_window": family.motion.window or (own.info.context if (own := own_motion_adapter(files)) else CONTEXT),
        "reference_weight": family.reference_weight,
        "motion_smoothing": family.motion.smoothing_alone if settings.motion_end == 1 else family.motion.smoothing,
        "motion_guidance": family.motion.joint_guidance,
        "motion_end": family.motion.denoising_end,
        "motion_keyframe": family.motion.keyframe_strength,
        "strength": 0.5 if moves else 0.7,
        "depth": "estimator" if "depth" in files.components() else "luminance",
        "steps": FEW_STEPS if few else (family.motion.steps if moves else None) or family.steps,
        "guidance": 1.0 if few else family.guidance_scale,
        "guidance_start": 0.0 if few else family.guidance_start,
    }


def default_size(files: CheckpointFiles) -> tuple[int, int]:
    """Return a checkpoint's default width and height."""
    side = default_settings_of(files).enlarge * files.info.native_size
    return side, side


def check_palette(pixel: PixelArt) -> None:
    """Refuse a palette that does not exist; raises SettingsError."""
    if pixel.palette is not None and pixel.palette not in PALETTES:
        raise SettingsError(f"pixel: there is no palette {pixel.palette!r}; choose {', '.join(PALETTES)}, or a number of colors")


def preview_settings(settings: ResolvedSettings, styles: StyleFinder) -> tuple[ResolvedSettings, list[str]]:
    """Return settings for a quick preview in few steps, with notes."""
    if styles.few_step is None:
        steps = min(settings.steps, FEW_UNDISTILLED)
        return replace(settings, steps=steps), [f"{styles.files.name!r} has no few-step adapter: the preview takes {steps} plain steps"]
    notes = ["a preview uses no guidance, so the negative prompt has no effect"] if settings.negative else []
    steps = min(settings.steps, FEW_STEPS)
    return replace(settings, sampler="lcm", schedule="model", eta=0.0, steps=steps, guidance=1.0, guidance_start=0.0), notes


def frame_settings(settings: ResolvedSettings, files: CheckpointFiles, styles: StyleFinder | None = None) -> FrameSettings:
    """Return the settings of frame specs.

    Frames have the model's native area, in the shape of the requested size.
    """
    width, height = native_shape(*settings.size, files.info)
    return FrameSettings(
        checkpoint=files.digest,
        width=width,
        height=height,
        rate=settings.fps,
        sampler=settings.sampler,
        precision=settings.precision,
        approximations=(TILED_VAE,) if settings.tiled_vae else (),
        options=SamplingOptions(
            schedule=settings.schedule, eta=settings.eta, clip_skip=settings.clip_skip, guidance_start=settings.guidance_start
        ),
        weighting=settings.weighting,
        steps=settings.steps,
        guidance=settings.guidance,
        strength=settings.strength,
        init_from=settings.init_from,
        shot_strength=settings.shot_strength,
        noise_drift=settings.noise_drift,
        reference_weight=settings.reference_weight,
        keyframe_rate=settings.keyframe_rate,
        control_weight=settings.control_weight,
        controls=planned_controls(settings.controlnet, files),
        depth=settings.depth,
        negative=settings.negative,
        between="flow" if settings.between == "motion" else settings.between,
        loop=settings.loop,
        on=settings.on,
        styles=(styles or StyleFinder(files)).applied(settings.style, settings.sampler),
    )


def style_weights_by_shot(film: Film, sampler: str, styles: StyleFinder) -> tuple[Keys[StyleWeights], ...]:
    """Return each shot's styles by its keys.

    Styles that change over time hold their trigger words.
    """

    def weights(shot: Shot, text: str, *, changes: bool) -> StyleWeights:
        words = missing_triggers(shot, styles.uses(text)) if changes else ()
        return StyleWeights(styles=styles.applied(text, sampler), trigger_words=words)

    shots = zip(film.storyboard.shots, styles_of(film), strict=True)
    return tuple(tuple(map_key(key, partial(weights, shot, changes=len(keys) > 1)) for key in keys) for shot, keys in shots)


def style_digests(texts: Iterable[str | None], sampler: str, styles: StyleFinder) -> tuple[str, ...]:
    """Return the digest of everything that is applied, each once."""
    return tuple(dict.fromkeys(one.style for text in texts for one in styles.applied(text, sampler)))


def refuse_missing_networks(specs: Collection[FrameSpec], files: CheckpointFiles) -> None:
    """Raise SettingsError if frames need a network that the checkpoint lacks."""
    generated = [spec.window if isinstance(spec, MotionFrame) else spec for spec in specs if isinstance(spec, Rendered)]
    refuse_composed_motion({spec for spec in generated if isinstance(spec, MotionWindow)})
    if any(spec.control for spec in generated) and "controlnet" not in files.components():
        raise SettingsError(f"{files.name!r} has no depth ControlNet (a folder controlnet/): leave control_weight out")
    depths = {spec.control.depth for spec in generated if spec.control}
    inits = [spec.init for spec in generated if isinstance(spec, Generated) and spec.init]
    moves = [*(init.warp for init in inits), *(spec.warp for spec in specs if isinstance(spec, CameraFrame))]
    depths |= {warp.parallax.depth for warp in moves if warp.parallax}
    if "estimator" in depths and "depth" not in files.components():
        raise SettingsError(f"{files.name!r} has no depth estimator (a folder depth/): set depth to luminance")


def refuse_composed_motion(windows: Iterable[MotionWindow]) -> None:
    """Raise SettingsError where frames that move together have prompts that AND composes."""
    for window in windows:
        for said in (said for key in window.keys for said in prompts_in(key.conditioning)):
            if said.grammar == "whole" and len(prompt_parts(said.prompt)) > 1:
                raise SettingsError(
                    f"'{said.prompt}': a motion adapter takes no prompts that AND composes; leave AND out, or set motion to none"
                )


def native_shape(width: int, height: int, info: CheckpointInfo) -> tuple[int, int]:
    """Return the size to generate, in the requested shape.

    Sides are multiples that pass through every level of the UNet. What is off in shape is cropped, so shape counts more; and an area
    that is too small spoils an image more than one that is too large.
    """
    if height > width:
        long, short = native_shape(height, width, info)
        return short, long
    shape, native, step = width / height, info.native_size, info.size_multiple

    def error(size: tuple[int, int]) -> float:
        area = size[0] * size[1] / native**2
        return SHAPE_COUNTS * abs(log(size[0] / size[1] / shape)) + (log(area) if area > 1 else -2 * log(area))

    widths = range(step, int(2 * native * sqrt(shape)) + step, step)
    return min(((wide, max(step, round(wide / shape / step) * step)) for wide in widths), key=error)


def size_notes(size: tuple[int, int] | None, files: CheckpointFiles) -> tuple[str, ...]:
    """Return a note for a size that the model cannot generate, which images are scaled and cropped to."""
    factor = files.info.vae_scale_factor
    if size is None or not any(side % factor for side in size):
        return ()
    drawn = "x".join(map(str, native_shape(*size, files.info)))
    return (
        f"{files.name} generates sides that are multiples of {factor}: images are generated at {drawn} and scaled to {size[0]}x{size[1]}",
    )


def parse_size(text: str) -> tuple[int, int]:
    """Read "256" or "384x256"; raises SettingsError."""
    return cast(tuple[int, int], OPTIONS["size"].check("size", text))


def parse_ease(text: str) -> Ease:
    """Read the name of a morph's easing; raises SettingsError."""
    if text not in get_args(Ease):
        raise SettingsError(f"there is no ease {text!r}; choose linear, smooth, smoother, in or out")
    return cast(Ease, text)


def image_guidance(files: CheckpointFiles, sampler: str | None = None) -> float:
    """Return the default guidance for image embeddings.

    It is half of that for prompts, as a chain of images burns otherwise.
    """
    return max(1.0, cast(float, _model_defaults(files, FilmSettings(sampler=cast(Any, sampler)), None, moves=False)["guidance"]) / 2)


def with_style_finishing(settings: FilmSettings, uses: Iterable[StyleUse]) -> FilmSettings:
    """Fill in grain, paper and pixel art from the applied styles.

    The first style that defines one counts.
    """
    for finishing in (use.style.metadata.finishing for use in uses if use.weight > 0):
        pixel = finishing.pixel and PixelArt(**{field.name: getattr(finishing.pixel, field.name) for field in fields(PixelArt)})
        values: dict[str, Any] = {"grain": finishing.grain, "paper": finishing.paper, "pixel": pixel}
        settings = replace(settings, **{key: value for key, value in values.items() if getattr(settings, key) is None})
    return settings
