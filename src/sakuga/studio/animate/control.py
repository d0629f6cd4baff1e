"""Control images: the depth of an image places what a prompt describes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from pydantic import Field

from sakuga import InputError
from sakuga.datasets.image_reading import LoadedImage, read_image
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.story.options import Choice, Number
from sakuga.story.storyboard import Depth
from sakuga.studio.core.recipe import Part
from sakuga.timeline.spec import ControlImage, Digest

WEIGHT = Number(help="ControlNet weight", default=1.0, least=0, most=2)
DEPTH = Choice(
    help="Depth of the control image: estimated, its brightness, or a depth map (white is near)",
    default="estimator",
    choices=("estimator", "luminance", "map"),
)
assert set(DEPTH.choices) == {name for part in get_args(Depth) for name in (get_args(part) or (part,))}


class ControlSettings(Part):
    """The weight and depth source of a control image, as in recipes."""

    depth: Depth = "estimator"
    weight: float = Field(default=1.0, ge=0.0, le=WEIGHT.most)

    def spec(self, frame: Digest) -> ControlImage:
        """Return the control image of a frame spec."""
        return ControlImage(frame=frame, depth=self.depth, weight=self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlInput:
    """A control image's file, its weight (0 to 2) and depth source."""

    path: Path
    weight: float = 1.0
    depth: Depth = "estimator"

    def __post_init__(self) -> None:
        """Check weight and depth source; raises SettingsError."""
        WEIGHT.check("control_weight", self.weight)
        DEPTH.check("depth", self.depth)

    @property
    def settings(self) -> ControlSettings:
        """Return its weight and depth source."""
        return ControlSettings(depth=self.depth, weight=float(self.weight))


def control_input(path: Path | None, weight: float | None = None, depth: str | None = None) -> ControlInput | None:
    """Return a control image, or None.

    Raises InputError for a weight or depth without an image.
    """
    if path is None:
        if weight is not None or depth is not None:
            raise InputError("--control-weight and --depth need a control image: give one with --control")
        return None
    return ControlInput(path=path, weight=1.0 if weight is None else weight, depth=DEPTH.check("depth", depth or "estimator"))


def read_control(control: ControlInput, files: CheckpointFiles) -> LoadedImage:
    """Read a control image.

    Raises InputError if it cannot be read or the checkpoint lacks a network.
    """
    check_networks(files, control.depth)
    return read_image(control.path)


def check_networks(files: CheckpointFiles, depth: Depth) -> None:
    """Refuse a checkpoint without the networks for a control image; raises InputError."""
    if not (files.folder / "controlnet").is_dir():
        raise InputError(f"checkpoint '{files.name}' has no depth ControlNet (a folder controlnet/): leave the control image out")
    if depth == "estimator" and not (files.folder / "depth").is_dir():
        raise InputError(
            f"checkpoint '{files.name}' has no depth estimator (a folder depth/): give --depth luminance, or --depth map for a depth map"
        )


def control_notes(loaded: LoadedImage) -> Iterator[str]:
    """Return warnings about a control image."""
    yield from loaded.notes
    if np.ptp(loaded.image) == 0:
        yield "the control image is uniform, so it has no effect on the composition"
