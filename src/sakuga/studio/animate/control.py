"""A picture that leads a drawing: where things are is taken from it, what they are from the prompt."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from sakuga import InputError
from sakuga.datasets.image_reading import OutsidePicture, read_picture
from sakuga.models.checkpoint_files import Source
from sakuga.studio.core.recipe import Part
from sakuga.timeline import spec as specs

DepthOf: TypeAlias = Literal["estimate", "luminance", "given"]
"""How nearness is read from a picture: by the checkpoint's estimator, as its brightness, or because it is a depth map, white near."""
GREATEST_WEIGHT = 2.0
_READ_BY: dict[DepthOf, specs.Depth] = {"estimate": "estimator", "luminance": "luminance", "given": "map"}


class Leading(Part):
    """How a picture leads, as recipes say it too."""

    depth: DepthOf = "estimate"
    weight: float = Field(default=1.0, ge=0.0, le=GREATEST_WEIGHT)

    def control(self, frame: specs.Digest) -> specs.Control:
        """Return what a spec says of it."""
        return specs.Control(frame=frame, depth=_READ_BY[self.depth], weight=self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPicture:
    """A picture file, and how it leads: its weight, 0.0 (not at all) to 2.0, and how its depth is read."""

    path: Path
    weight: float = 1.0
    depth: str = "estimate"

    def leading(self) -> Leading:
        """Check how it leads; raises InputError."""
        if self.depth not in get_args(DepthOf):
            raise InputError(f"--depth {self.depth}: there are {', '.join(get_args(DepthOf))}")
        if not 0.0 <= self.weight <= GREATEST_WEIGHT:
            raise InputError(f"a control weight of {self.weight:g} is out of range: choose 0 to {GREATEST_WEIGHT:g}")
        return Leading.model_validate({"depth": self.depth, "weight": self.weight})


def control_picture(path: Path | None, weight: float | None = None, depth: str | None = None) -> ControlPicture | None:
    """Put together what a door was told; raises InputError where it says how to be led, but not by what."""
    if path is None:
        if weight is not None or depth is not None:
            raise InputError("a control weight or depth needs a control picture: give one with --control")
        return None
    return ControlPicture(path=path, weight=1.0 if weight is None else weight, depth=depth or "estimate")


def read_control(control: ControlPicture, source: Source) -> tuple[Leading, OutsidePicture]:
    """Read a control picture for a checkpoint; raises InputError where the picture or a part of the checkpoint is missing."""
    leading = control.leading()
    check_parts(source, leading.depth)
    return leading, read_picture(control.path)


def check_parts(source: Source, depth: DepthOf) -> None:
    """Refuse what a checkpoint cannot do, before anything is drawn."""
    if not (source.folder / "controlnet").is_dir():
        raise InputError(f"checkpoint '{source.name}' has no depth ControlNet (a folder controlnet/): draw without a control picture")
    if depth == "estimate" and not (source.folder / "depth").is_dir():
        raise InputError(
            f"checkpoint '{source.name}' has no depth estimator (a folder depth/): say --depth luminance, or --depth given for a depth map"
        )


def doubts(picture: OutsidePicture) -> Iterator[str]:
    """Say what is odd about a control picture."""
    yield from picture.notes
    if np.ptp(picture.picture) == 0:
        yield "the control picture is the same everywhere: it says nothing of where things are"
