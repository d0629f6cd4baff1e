"""FrameSpec: everything that decides one frame, as plain data.

A frame is named by the digest of its spec. Specs refer to other frames by digest, so each stays small however long the film is.
"""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, with_config

from sakuga.story.keys import Ease
from sakuga.story.settings import InBetweenMethod as InBetweenMethod
from sakuga.story.settings import Precision as Precision
from sakuga.story.settings import Sampler as Sampler
from sakuga.story.storyboard import Depth as Depth

ENGINE = 3
"""Part of every digest; raise it when the same spec begins to mean another image."""

Digest: TypeAlias = str
"""A sha256 in hexadecimal: the name of a frame, a checkpoint or a style."""

strict = with_config(ConfigDict(extra="forbid"))

Weighting = Literal["comfyui", "a1111"]
"""How emphasis scales embeddings: away from the empty prompt's, or from zero with the mean restored."""
Fit = Literal["crop", "pad"]
"""How CLIP's vision tower gets a square: the centre crop, or the whole image padded."""


# Conditioning.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt, with emphasis in brackets (`story.emphasis`).

    In the whole grammar (`story.prompt_grammar`) it may be long, composed, and change over the steps; else what is over the text encoder's
    limit is ignored.
    """

    prompt: str
    grammar: Literal["emphasis", "whole"] = "emphasis"
    weighting: Weighting = "comfyui"
    kind: Literal["prompt"] = "prompt"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """An interpolation of two conditionings.

    `at` 0.0 is `first`, 1.0 is `second`.
    """

    first: "Conditioning"
    second: "Conditioning"
    at: float
    method: Literal["slerp", "lerp"] = "slerp"
    kind: Literal["interpolated"] = "interpolated"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEmbedding:
    """The CLIP image embedding of a frame."""

    frame: Digest
    fit: Fit = "crop"
    kind: Literal["image_embedding"] = "image_embedding"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedEmbedding:
    """An image embedding steered by texts.

    Towards good texts, away from bad ones.

    `repeats` gradient steps are taken in CLIP's space; `positive` and `negative` scale the two directions.
    """

    base: ImageEmbedding
    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float
    negative: float
    repeats: int
    kind: Literal["guided_embedding"] = "guided_embedding"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroEmbedding:
    """Zeros, the unconditional embedding of image-conditioned checkpoints."""

    kind: Literal["zero_embedding"] = "zero_embedding"


Conditioning: TypeAlias = Annotated[
    Prompt | Interpolated | ImageEmbedding | GuidedEmbedding | ZeroEmbedding, Field(discriminator="kind")
]  # fmt: skip


# Noise.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class SeedNoise:
    """Gaussian noise from one CPU generator."""

    seed: int
    kind: Literal["seed"] = "seed"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class SlerpNoise:
    """A slerp of two noises.

    `at` 0.0 is `first`, 1.0 is `second`.
    """

    first: "Noise"
    second: "Noise"
    at: float
    kind: Literal["slerp"] = "slerp"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseWalk:
    """A point of an endless slerp through noises.

    Through those of seed, seed + 1, ...; one seed per unit of `at`.
    """

    seed: int
    at: float
    kind: Literal["walk"] = "walk"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseDrift:
    """A point of an endless drift of noise.

    Each unit of `at` mixes in `share` of the next seed's noise.
    """

    seed: int
    at: float
    share: float
    kind: Literal["drift"] = "drift"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePath:
    """A point of a drift through chosen noises.

    Each unit of `at` mixes in `share` of the next of `seeds`; their number is at least `at` + 1.
    """

    seeds: tuple[int, ...]
    at: float
    share: float
    kind: Literal["path"] = "path"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLoop:
    """A point of a circle of noises.

    `first` at 0.0 and 1.0, `second` at 0.5, by way of `third`.
    """

    first: "Noise"
    second: "Noise"
    third: "Noise"
    at: float
    kind: Literal["loop"] = "loop"


Noise: TypeAlias = Annotated[SeedNoise | SlerpNoise | NoiseWalk | NoiseDrift | NoisePath | NoiseLoop, Field(discriminator="kind")]


# Initial and control images.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Parallax:
    """Depth-dependent camera motion."""

    depth: Depth
    share: float = 1.0
    """0 to 1: how much of pan and zoom depends on depth; at 1.0 the farthest point stands still."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """A camera move applied to an image."""

    zoom: float = 1.0
    """Above 1 the camera comes closer."""
    pan: tuple[float, float] = (0.0, 0.0)
    """Camera movement right and down, as fractions of the image's width and height."""
    rotate: float = 0.0
    """Degrees, clockwise."""
    parallax: Parallax | None = None
    """None moves the image as a flat plane."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class InitImage:
    """The initial image of an img2img generation."""

    frame: Digest
    strength: float
    """Denoising strength, 0 to 1."""
    warp: Warp = Warp()
    color_reference: Digest | None = None
    """The frame whose colors the initial image is matched to first, so that color drift cannot add up."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ControlImage:
    """The image whose depth conditions the checkpoint's depth ControlNet."""

    frame: Digest
    depth: Depth
    weight: float = 1.0
    """ControlNet conditioning scale; 0.0 disables it."""
    warp: Warp = Warp()
    """A camera move applied before depth is estimated."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A frame that another attends to, so that its look stays.

    Prompt and noise are those that it was generated from.
    """

    frame: Digest
    prompt: Conditioning
    noise: Noise
    weight: float = 1.0
    """Weight of its attention tokens against the frame's own; 0.0 is off."""


# Styles.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedStyle:
    """A style applied while a frame is generated."""

    style: Digest
    weight: float = 1.0
    block_weights: tuple[tuple[str, float], ...] = ()
    """Weights of single blocks, relative to `weight`: ("up.1", 0.5)."""


# Motion windows.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMotion:
    """A motion adapter, and how it denoises the frames of a window."""

    adapter: Digest
    scale: float = 1.0
    """Motion scale: 0.0 is still, 1.0 as trained."""
    context: int = 16
    """Frames denoised together; longer windows are denoised in overlapping contexts."""
    overlap: int = 4
    """Frames that neighbouring contexts share."""
    closed: bool = False
    """Whether the last frame is followed by the first."""
    smoothing: float = 0.0
    """How much each frame is blended with its neighbours while it is denoised."""
    joint_guidance: float = 0.0
    """Above 0.0 unconditional frames are the image model's, and of guidance beyond 1.0 this share is taken."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class MotionKey:
    """A conditioning at a frame of a window; between keys it is interpolated.

    The frame may lie between two frames, before the first or after the last.
    """

    frame: float
    conditioning: Conditioning
    ease: Ease = "linear"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFrame:
    """A frame of a window that is given, not generated."""

    index: int
    frame: Digest


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class MotionWindow:
    """Frames that a motion adapter denoises together."""

    checkpoint: Digest
    motion: AppliedMotion
    frames: int
    keys: tuple[MotionKey, ...]
    """In order of their frames; one or more."""
    seed: int
    width: int
    height: int
    given: tuple[GivenFrame, ...] = ()
    """In order of their indices."""
    strength: float = 1.0
    """Denoising strength, 0 to 1; below 1 the frames start from the given ones, blended in latent space."""
    negative: Conditioning = Prompt(prompt="")
    sampler: Sampler = "dpm++"
    steps: int = 30
    guidance: float = 7.5
    control: ControlImage | None = None
    """The control image of every frame."""
    reference: Reference | None = None
    styles: tuple[AppliedStyle, ...] = ()
    precision: Precision = "fp32"
    approximations: tuple[str, ...] = ()


# Frames.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A frame generated by the model."""

    checkpoint: Digest
    conditioning: Conditioning
    noise: Noise
    width: int
    height: int
    negative: Conditioning = Prompt(prompt="")
    sampler: Sampler = "dpm++"
    steps: int = 30
    guidance: float = 7.5
    init: InitImage | None = None
    control: ControlImage | None = None
    reference: Reference | None = None
    styles: tuple[AppliedStyle, ...] = ()
    batch: int = 1
    """Planned width of the batch it is generated in; 1 in chains. A shorter batch is padded, unless it is proven to give the same bits."""
    precision: Precision = "fp32"
    approximations: tuple[str, ...] = ()
    kind: Literal["generated"] = "generated"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class InBetween:
    """A frame interpolated between two others.

    `at` 0.0 is `first`, 1.0 is `second`.
    """

    first: Digest
    second: Digest
    at: float
    method: InBetweenMethod = "flow"
    kind: Literal["in_between"] = "in_between"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An image supplied by the user.

    Named by the digest of its pixels.
    """

    image: Digest
    kind: Literal["given"] = "given"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class MotionFrame:
    """A frame of a motion window, counted from 0."""

    window: MotionWindow
    index: int
    kind: Literal["motion"] = "motion"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFrame:
    """A frame seen by a moved camera."""

    frame: Digest
    warp: Warp
    kind: Literal["camera"] = "camera"


Rendered: TypeAlias = Generated | MotionFrame
"""Frames that the model generates; the store holds them."""
Derived: TypeAlias = InBetween | CameraFrame
"""Frames that are computed from others whenever they are needed."""
FrameSpec: TypeAlias = Annotated[Generated | MotionFrame | InBetween | CameraFrame | Given, Field(discriminator="kind")]


@lru_cache
def _adapter() -> TypeAdapter[Generated | MotionFrame | InBetween | CameraFrame | Given]:
    """Return the reader of specs, built when one is first read."""
    return TypeAdapter(FrameSpec)


def to_plain(value: Any) -> Any:
    """Convert a spec to JSON values, without defaults.

    `kind` always stays, since it identifies the member of a union.
    """
    if is_dataclass(value):
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        return {
            field.name: to_plain(values[field.name])
            for field in fields(value)
            if field.name == "kind" or values[field.name] != field.default
        }
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value


def to_json(spec: FrameSpec) -> str:
    """Write a spec as canonical JSON.

    Sorted keys, no spaces, no defaults.
    """
    return json.dumps(to_plain(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str | bytes) -> FrameSpec:
    """Read a spec from JSON.

    Raises pydantic's ValidationError for unknown keys.
    """
    return _adapter().validate_json(text)


@lru_cache(maxsize=65536)
def digest(spec: FrameSpec) -> Digest:
    """Return the name of a frame.

    The sha256 of engine number and canonical JSON.
    """
    return hashlib.sha256(f"sakuga frame {ENGINE} {to_json(spec)}".encode()).hexdigest()


def dependencies(spec: FrameSpec) -> tuple[Digest, ...]:
    """List the frames that a frame is made from."""
    match spec:
        case Generated():
            init = tuple(filter(None, (spec.init.frame, spec.init.color_reference))) if spec.init else ()
            return (*init, *_image_dependencies(spec), *_embedded_frames(spec.conditioning), *_embedded_frames(spec.negative))
        case MotionFrame(window=window):
            conditionings = (*(key.conditioning for key in window.keys), window.negative)
            given = (one.frame for one in window.given)
            return (*given, *_image_dependencies(window), *(name for one in conditionings for name in _embedded_frames(one)))
        case InBetween():
            return (spec.first, spec.second)
        case CameraFrame():
            return (spec.frame,)
        case Given():
            return ()


def _image_dependencies(spec: Generated | MotionWindow) -> tuple[Digest, ...]:
    """List the control image, and the reference with what its prompt embeds."""
    control = (spec.control.frame,) if spec.control else ()
    return control + ((spec.reference.frame, *_embedded_frames(spec.reference.prompt)) if spec.reference else ())


def _embedded_frames(conditioning: Conditioning) -> tuple[Digest, ...]:
    match conditioning:
        case Prompt() | ZeroEmbedding():
            return ()
        case ImageEmbedding():
            return (conditioning.frame,)
        case Interpolated():
            return _embedded_frames(conditioning.first) + _embedded_frames(conditioning.second)
        case GuidedEmbedding():
            return _embedded_frames(conditioning.base)
