"""Options of single images: a second pass at a larger size, and a reference that they attend to."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.story.limits import MAX_SIZE
from sakuga.story.options import Number
from sakuga.studio.core.recipe import Part
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.timeline.controls import PlannedControl, controls_at
from sakuga.timeline.spec import Digest, Generated, InitImage, Reference, SeedNoise, digest

SCALE = Number(help="Second pass at a larger size: 2x, 1.5x, ...", least=1, most=4, above=True)
HIRES_STRENGTH = Number(help="Denoising strength of the second pass", default=0.5, least=0, most=1, above=True)
REFERENCE_WEIGHT = Number(help="Weight of the reference", default=4.0, least=0, most=32, above=True)


class Hires(Part):
    """A second pass: how much larger, and how much is generated anew."""

    scale: float = Field(gt=1, le=SCALE.most)
    strength: float = Field(default=0.5, gt=0, le=1)

    def size(self, settings: ResolvedSettings) -> tuple[int, int]:
        """Return the final width and height; raises InputError for one that is too large."""
        width, height = (round(side * self.scale) for side in settings.size)
        if max(width, height) > MAX_SIZE:
            raise InputError(f"hires: {width} x {height} is more than {MAX_SIZE} pixels a side; choose a smaller size or scale")
        return width, height

    def spec(self, first: Generated, controls: tuple[PlannedControl, ...], files: CheckpointFiles) -> Generated:
        """Return the frame that is generated from the first pass, enlarged."""
        step = files.info.size_multiple
        width, height = (max(step, round(side * self.scale / step) * step) for side in (first.width, first.height))
        return replace(
            first,
            width=width,
            height=height,
            init=InitImage(frame=digest(first), strength=self.strength),
            controls=controls_at(controls, 0.0, digest(first)),
            batch=max(1, int(first.batch / self.scale**2)),
        )


class ReferenceSettings(Part):
    """An image that others attend to, and how much; in recipes."""

    weight: float = Field(default=4.0, gt=0, le=REFERENCE_WEIGHT.most)

    def applied(self, spec: Generated, frame: Digest, seed: int) -> Generated:
        """Return a frame that attends to the reference, which is noised by a seed and read with the frame's own prompt."""
        return replace(spec, reference=Reference(frame=frame, prompt=spec.conditioning, noise=SeedNoise(seed=seed), weight=self.weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceInput:
    """A reference image's file, and its weight (above 0 to 32)."""

    path: Path
    weight: float = 4.0

    def __post_init__(self) -> None:
        """Check the weight; raises SettingsError."""
        REFERENCE_WEIGHT.check("reference_weight", self.weight)

    @property
    def settings(self) -> ReferenceSettings:
        """Return its weight."""
        return ReferenceSettings(weight=float(self.weight))


def hires_pass(scale: str | float | None, strength: float | None = None) -> Hires | None:
    """Return a second pass of "2x" or 2, or None; raises InputError for a strength without one."""
    if scale is None:
        if strength is not None:
            raise InputError("--hires-strength needs a second pass: give its scale with --hires 2x")
        return None
    try:
        number = float(str(scale).strip().lower().removesuffix("x"))
    except ValueError:
        raise InputError(f"hires: {scale!r} is no scale; write 2x or 1.5x") from None
    SCALE.check("hires", number)
    return Hires(scale=number, strength=float(HIRES_STRENGTH.check("hires_strength", 0.5 if strength is None else strength)))


def reference_input(path: Path | None, weight: float | None = None) -> ReferenceInput | None:
    """Return a reference image, or None; raises InputError for a weight without an image."""
    if path is None:
        if weight is not None:
            raise InputError("--reference-weight needs a reference image: give one with --reference")
        return None
    return ReferenceInput(path=path, weight=4.0 if weight is None else weight)
