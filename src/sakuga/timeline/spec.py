"""FrameSpec: everything that decides one frame, as plain data.

A frame is named by the digest of its spec. Specs refer to other frames by digest, so each stays small however long the film is.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from sakuga.story.controls import Hint as Hint
from sakuga.story.keys import Ease
from sakuga.story.settings import InBetweenMethod as InBetweenMethod
from sakuga.story.settings import Precision as Precision
from sakuga.story.settings import Sampler as Sampler
from sakuga.story.settings import Schedule as Schedule
from sakuga.story.storyboard import Depth as Depth
from sakuga.timeline.conditioning import NO_PROMPT, embedded_frames
from sakuga.timeline.conditioning import Conditioning as Conditioning
from sakuga.timeline.conditioning import Fit as Fit
from sakuga.timeline.conditioning import GuidedEmbedding as GuidedEmbedding
from sakuga.timeline.conditioning import ImageEmbedding as ImageEmbedding
from sakuga.timeline.conditioning import Interpolated as Interpolated
from sakuga.timeline.conditioning import Prompt as Prompt
from sakuga.timeline.conditioning import Weighting as Weighting
from sakuga.timeline.conditioning import ZeroEmbedding as ZeroEmbedding
from sakuga.timeline.noises import Noise as Noise
from sakuga.timeline.noises import NoiseDrift as NoiseDrift
from sakuga.timeline.noises import NoiseLoop as NoiseLoop
from sakuga.timeline.noises import NoisePath as NoisePath
from sakuga.timeline.noises import NoiseWalk as NoiseWalk
from sakuga.timeline.noises import SeedNoise as SeedNoise
from sakuga.timeline.noises import SlerpNoise as SlerpNoise
from sakuga.timeline.plain_data import Digest as Digest
from sakuga.timeline.plain_data import strict
from sakuga.timeline.plain_data import to_plain as to_plain

ENGINE = 5
"""Part of every digest; raise it when the same spec begins to mean another image."""

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
class AppliedControl:
    """A ControlNet, and the image that its hint is taken from."""

    network: Digest
    frame: Digest
    hint: Hint
    """What is computed from the image."""
    weight: float = 1.0
    """ControlNet conditioning scale."""
    start: float = 0.0
    """Share of the denoising steps before it acts."""
    end: float = 1.0
    """Share of the denoising steps after which it acts no more."""
    guess: bool = False
    """Whether it acts on the conditional frames alone (guess mode)."""
    warp: Warp = Warp()
    """A camera move applied before the hint is computed."""


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


# Sampling.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingOptions:
    """What of sampling is mostly left as it is."""

    schedule: Schedule = "model"
    """Which noise levels the steps have."""
    eta: float = 0.0
    """Noise that DDIM adds, 0.0 (none) to 1.0."""
    clip_skip: int = 1
    """Which layer of the text encoder is taken, counted from its usual one as in A1111: 2 is the layer before."""
    guidance_start: float = 0.0
    """Share of the noise levels, from the highest, that run without guidance."""


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
    denoising_end: float = 1.0
    """Share of the noise levels, from the highest, in which the adapter acts; in the rest the image model ends each frame."""


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
    strength: float = 0.0
    """Denoising strength: at 0.0 it stays as it is; above, the window begins with it, and generates it again."""


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
    negative: Conditioning = NO_PROMPT
    sampler: Sampler = "dpm++"
    steps: int = 30
    guidance: float = 7.5
    control: ControlImage | None = None
    """The control image of every frame."""
    controls: tuple[AppliedControl, ...] = ()
    """ControlNets on every frame, beside the checkpoint's own."""
    reference: Reference | None = None
    styles: tuple[AppliedStyle, ...] = ()
    precision: Precision = "fp32"
    options: SamplingOptions = SamplingOptions()
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
    negative: Conditioning = NO_PROMPT
    sampler: Sampler = "dpm++"
    steps: int = 30
    guidance: float = 7.5
    init: InitImage | None = None
    control: ControlImage | None = None
    controls: tuple[AppliedControl, ...] = ()
    """ControlNets beside the checkpoint's own."""
    reference: Reference | None = None
    styles: tuple[AppliedStyle, ...] = ()
    batch: int = 1
    """Planned width of the batch it is generated in; 1 in chains. A shorter batch is padded, unless it is proven to give the same bits."""
    precision: Precision = "fp32"
    options: SamplingOptions = SamplingOptions()
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
            return (*init, *_image_dependencies(spec), *embedded_frames(spec.conditioning), *embedded_frames(spec.negative))
        case MotionFrame(window=window):
            conditionings = (*(key.conditioning for key in window.keys), window.negative)
            given = (one.frame for one in window.given)
            return (*given, *_image_dependencies(window), *(name for one in conditionings for name in embedded_frames(one)))
        case InBetween():
            return (spec.first, spec.second)
        case CameraFrame():
            return (spec.frame,)
        case Given():
            return ()


def _image_dependencies(spec: Generated | MotionWindow) -> tuple[Digest, ...]:
    """List the control images, and the reference with what its prompt embeds."""
    control = (*([spec.control.frame] if spec.control else []), *(one.frame for one in spec.controls))
    return control + ((spec.reference.frame, *embedded_frames(spec.reference.prompt)) if spec.reference else ())
