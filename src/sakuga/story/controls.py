"""ControlNets and IP-Adapters of a film or image: which, with what hint, how strongly and when."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal, cast, get_args

from sakuga.story.keys import Number, format_keys, key_values, parse_number
from sakuga.story.options import Option, Text
from sakuga.text import listed

Hint = Literal["image", "canny", "lineart", "scribble", "depth", "luminance", "ip-adapter"]
"""What a ControlNet sees of an image: the image itself (a pose, a depth map, a segmentation), edges or lines computed from it, a
drawing of lines, or its depth, estimated or by brightness. The network of "ip-adapter" is an IP-Adapter: the image is a prompt."""
HINTS: tuple[Hint, ...] = get_args(Hint)
SYNONYMS: dict[str, Hint] = {
    "pose": "image", "openpose": "image", "none": "image", "tile": "image", "seg": "image", "softedge": "image", "normal": "image",
    "mlsd": "image", "lineart_anime": "lineart", "sketch": "scribble", "ip_adapter": "ip-adapter", "ipadapter": "ip-adapter",
}  # fmt: skip
"""Other names of hints: kinds of ControlNets whose hint is given as an image."""
MAX_CONTROLS = 8
MAX_WEIGHT = 2.0
FORM = "write FILE, or FILE,hint=canny,image=IMAGE,weight=0.8,start=0,end=0.6"
_KEY = re.compile(r",\s*(network|hint|image|weight|start|end|guess|encoder)\s*=\s*")
_OTHER_KEY = re.compile(r",\s*(\w+)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlNet:
    """A ControlNet or IP-Adapter, and how it is applied."""

    network: str
    """A folder, a file, or owner/name of the hub."""
    hint: Hint
    image: str | None = None
    """The image that the hint is taken from; None is the image that a frame starts from."""
    weight: Number = 1.0
    """Conditioning scale, 0 to 2; keys change it over a shot's frames."""
    start: float = 0.0
    """Share of the denoising steps before it acts, 0 to 1."""
    end: float = 1.0
    """Share of the denoising steps after which it acts no more, 0 to 1."""
    guess: bool = False
    """Guess mode: it acts on the conditional frames alone, deep blocks most."""
    encoder: str | None = None
    """The folder or file of an IP-Adapter's image encoder; None looks beside the adapter, then in the checkpoint."""

    def __post_init__(self) -> None:
        """Refuse parts of the other kind of network; raises ValueError."""
        if self.hint == "ip-adapter" and self.guess:
            raise ValueError("guess mode is for ControlNets: leave guess out of an IP-Adapter")
        if self.hint != "ip-adapter" and self.encoder is not None:
            raise ValueError("encoder is the image encoder of an IP-Adapter: write hint=ip-adapter, or leave encoder out")


class ControlNetsOption(Option):
    """ControlNets as a text, a table, or a list of either."""

    __slots__ = ()

    def read(self, value: Any) -> tuple[ControlNet, ...]:
        """Return every ControlNet; raises ValueError with the remedy."""
        several = isinstance(value, Iterable) and not isinstance(value, str | dict)
        read = tuple(_read(one) for one in (value if several else [value]))
        if len(read) > MAX_CONTROLS:
            raise ValueError(f"there are {len(read)} ControlNets, and {MAX_CONTROLS} are the most")
        return read

    def write(self, value: Any) -> list[dict[str, Any]]:
        """Return a table for each, without what is at its default."""
        return [_table(one) for one in value]


def _read(value: Any) -> ControlNet:
    if isinstance(value, ControlNet):
        return value
    if isinstance(value, str):
        name, *parts = _KEY.split(value)
        if unknown := _OTHER_KEY.search(", ".join((name, *parts[1::2]))):
            raise ValueError(f"unknown part {unknown[1]!r}; {FORM}")
        value = {"network": name.strip(), **dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))}
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} names no ControlNet; {FORM}")
    known = [field.name for field in fields(ControlNet)]
    if unknown := next((key for key in value if key not in known), None):
        raise ValueError(f"unknown key {unknown!r}; there are {', '.join(known)}")
    network = _text(value.get("network", ""))
    if not network:
        raise ValueError(f"a ControlNet has no network; {FORM}")
    start, end = _share("start", value.get("start", 0.0)), _share("end", value.get("end", 1.0))
    if start >= end:
        raise ValueError(f"start={start:g} is not before end={end:g}; both are shares of the steps, from 0 to 1")
    return ControlNet(
        network=network,
        hint=_hint(value.get("hint"), network),
        image=_text(value["image"]) if value.get("image") is not None else None,
        weight=_weight(value.get("weight", 1.0)),
        start=start,
        end=end,
        guess=_switch(value.get("guess", False)),
        encoder=_text(value["encoder"]) if value.get("encoder") is not None else None,
    )


def _hint(value: Any, network: str) -> Hint:
    """Return a hint by its name; without one by the name of the network."""
    if value is None:
        value = guess_hint(network)
    name = SYNONYMS.get(value, value) if isinstance(value, str) else value
    if name not in HINTS:
        raise ValueError(f"there is no hint {value!r}; choose {listed(HINTS, 'or')}")
    return cast(Hint, name)


def guess_hint(network: str) -> Hint:
    """Return the hint that a network's name tells, else the image itself.

    >>> guess_hint("control_v11p_sd15_canny.safetensors")
    'canny'
    >>> guess_hint("ip-adapter-plus_sd15.safetensors")
    'ip-adapter'
    """
    words = re.split(r"[^a-z]+", network.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower())
    if ("ip", "adapter") in pairwise(words):
        return "ip-adapter"
    named = (name for name in (*HINTS, *SYNONYMS) if name in words and name != "image")
    found = next(named, "image")
    return SYNONYMS.get(found) or cast(Hint, found)


def _text(value: Any) -> str:
    return Text(help="").read(value).strip()


def _weight(value: Any) -> Number:
    try:
        number = parse_number(float(value) if isinstance(value, str) and ":" not in value else value)
    except ValueError as error:
        raise ValueError(f"weight: {error}") from None
    if not all(0 <= one <= MAX_WEIGHT for one in key_values(number)):
        raise ValueError(f"weight {value} is out of range; choose 0 to {MAX_WEIGHT:g}")
    return number


def _share(name: str, value: Any) -> float:
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1.0
    if isinstance(value, bool) or not 0 <= share <= 1:
        raise ValueError(f"{name}={value} is out of range; choose a share of the steps, 0 to 1")
    return share


def _switch(value: Any) -> bool:
    if value not in (True, False, "true", "false"):
        raise ValueError(f"guess={value} is neither; write true or false")
    return value in (True, "true")


def _table(one: ControlNet) -> dict[str, Any]:
    weight = format_keys(one.weight) if isinstance(one.weight, tuple) else one.weight
    table = {"network": one.network, "hint": one.hint, "image": one.image, "start": one.start, "end": one.end, "guess": one.guess}
    table |= {"weight": weight, "encoder": one.encoder}
    defaults = {field.name: field.default for field in fields(ControlNet)}
    return {key: value for key, value in table.items() if value != defaults[key]}
