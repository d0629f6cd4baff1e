"""FrameSpec: everything that decides one frame, as plain data, and the digest that names the frame.

Specs name other frames by digest, so each stays small however long the film is.
"""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, with_config

from sakuga.story.film import Precision as Precision
from sakuga.story.storyboard import Way as Way

ENGINE = 2
"""Goes into every digest: raise it when the same spec begins to mean another picture."""

Digest: TypeAlias = str
"""A sha256 in hexadecimal: the name of a frame, a checkpoint or a style."""

strict = with_config(ConfigDict(extra="forbid"))

Sampler = Literal["dpm++", "ddim", "euler", "lcm"]
Fit = Literal["crop", "pad"]
"""How a picture that is no square is looked at: its middle, or the whole of it, filled up at the edges."""
Depth = Literal["estimator", "luminance", "map"]
"""Who tells how near things are: the checkpoint's estimator; brightness as a stand-in; or the picture is a depth map, white near."""


# What a frame shows.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A prompt, emphasis in brackets included (`story.emphasis`)."""

    prompt: str
    kind: Literal["text"] = "text"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A way from one conditioning to another: `at` 0.0 is `first`, 1.0 is `second`."""

    first: "Conditioning"
    second: "Conditioning"
    at: float
    way: Literal["slerp", "lerp"] = "slerp"
    kind: Literal["mix"] = "mix"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture instead of words: the frame whose CLIP image embedding conditions the drawing."""

    frame: Digest
    fit: Fit = "crop"
    kind: Literal["image"] = "image"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """A picture whose embedding is drawn towards good texts and away from bad ones, `repeats` times, in CLIP's space."""

    base: Image
    good: tuple[str, ...]
    bad: tuple[str, ...]
    positive: float
    negative: float
    repeats: int
    kind: Literal["guided"] = "guided"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Zeros: what a drawing that a picture conditions is led away from."""

    kind: Literal["nothing"] = "nothing"


Conditioning: TypeAlias = Annotated[Text | Mix | Image | Guided | Nothing, Field(discriminator="kind")]


# Where its noise comes from.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """Gaussian noise of one CPU generator."""

    seed: int
    kind: Literal["seeded"] = "seeded"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Slerp:
    """Noise on the great circle between two noises."""

    first: "Noise"
    second: "Noise"
    at: float
    kind: Literal["slerp"] = "slerp"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The place `at` on an endless path through the noises of seed, seed + 1, seed + 2, ...; one seed per unit, slerped between."""

    seed: int
    at: float
    kind: Literal["walk"] = "walk"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The place `at` on an endless drift: from the noise of seed on, each unit mixes `share` of the next seed's noise into what it has."""

    seed: int
    at: float
    share: float
    kind: Literal["shift"] = "shift"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """The place `at` on a circle of noises: `first` at 0.0 and again at 1.0, `second` half way, by way of `third`."""

    first: "Noise"
    second: "Noise"
    third: "Noise"
    at: float
    kind: Literal["ring"] = "ring"


Noise: TypeAlias = Annotated[Seeded | Slerp | Walk | Shift | Ring, Field(discriminator="kind")]


# Where it starts.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Parallax:
    """What is far moves less than what is near as the camera moves."""

    depth: Depth
    share: float = 1.0
    """0 to 1: how much of pan and zoom nearness decides. At 1.0 what is farthest stands still."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """How the camera moves the previous picture before it is redrawn."""

    zoom: float = 1.0
    """Above 1 the camera comes closer."""
    pan: tuple[float, float] = (0.0, 0.0)
    """How far the camera moves right and down, in fractions of the picture's width and height."""
    rotate: float = 0.0
    """Degrees, clockwise."""
    parallax: Parallax | None = None
    """None moves the picture as a flat sheet."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The picture that an img2img drawing starts from."""

    frame: Digest
    strength: float
    """0 to 1: the share of the noise schedule that is drawn again."""
    warp: Warp = Warp()
    colours: Digest | None = None
    """The frame whose colours the picture is given before it is redrawn, so that drift cannot add up."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The picture whose depth leads the drawing, through the checkpoint's depth ControlNet."""

    frame: Digest
    depth: Depth
    weight: float = 1.0
    """How firmly the layout is followed; 0.0 is not at all."""
    warp: Warp = Warp()
    """The camera moves this picture too, before its depth is read."""


# The frame.


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """A style that is worn while a frame is drawn."""

    style: Digest
    weight: float = 1.0
    scales: tuple[tuple[str, float], ...] = ()
    """Parts that are changed more or less than the rest: ("up.1", 0.5)."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A frame that the model draws."""

    checkpoint: Digest
    conditioning: Conditioning
    noise: Noise
    width: int
    height: int
    negative: Conditioning = Text(prompt="")
    sampler: Sampler = "dpm++"
    steps: int = 30
    guidance: float = 7.5
    start: Start | None = None
    control: Control | None = None
    styles: tuple[Worn, ...] = ()
    batch: int = 1
    """The width of the batch it is drawn in: 1 in chains, 8 for frames that do not lean on each other."""
    precision: Precision = "fp32"
    approximations: tuple[str, ...] = ()
    kind: Literal["drawn"] = "drawn"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A frame made between two others: `at` 0.0 is `first`, 1.0 is `second`."""

    first: Digest
    second: Digest
    at: float
    way: Way = "flow"
    kind: Literal["between"] = "between"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A picture from outside, named by the digest of its pixels."""

    picture: Digest
    kind: Literal["given"] = "given"


FrameSpec: TypeAlias = Annotated[Drawn | Between | Given, Field(discriminator="kind")]

_adapter: TypeAdapter[Drawn | Between | Given] = TypeAdapter(FrameSpec)


def plain(value: Any) -> Any:
    """Turn a spec into JSON values, leaving out fields at their default (but never `kind`, which tells a union's members apart)."""
    if is_dataclass(value):
        kept = {field.name: getattr(value, field.name) for field in fields(value)}
        return {field.name: plain(kept[field.name]) for field in fields(value) if field.name == "kind" or kept[field.name] != field.default}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def to_json(spec: FrameSpec) -> str:
    """Write a spec as canonical JSON: sorted keys, no spaces, defaults left out."""
    return json.dumps(plain(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str | bytes) -> FrameSpec:
    """Read what `to_json` wrote; unknown keys are refused with pydantic's ValidationError."""
    return _adapter.validate_json(text)


@lru_cache(maxsize=65536)
def digest(spec: FrameSpec) -> Digest:
    """Name a frame: sha256 over its canonical JSON and the engine number."""
    return hashlib.sha256(f"sakuga frame {ENGINE} {to_json(spec)}".encode()).hexdigest()


def needs(spec: FrameSpec) -> tuple[Digest, ...]:
    """List the frames that a frame is made from."""
    match spec:
        case Drawn():
            started = tuple(filter(None, (spec.start.frame, spec.start.colours))) if spec.start else ()
            led = (spec.control.frame,) if spec.control else ()
            return started + led + _pictures(spec.conditioning) + _pictures(spec.negative)
        case Between():
            return (spec.first, spec.second)
        case Given():
            return ()


def _pictures(conditioning: Conditioning) -> tuple[Digest, ...]:
    match conditioning:
        case Text() | Nothing():
            return ()
        case Image():
            return (conditioning.frame,)
        case Mix():
            return _pictures(conditioning.first) + _pictures(conditioning.second)
        case Guided():
            return _pictures(conditioning.base)
