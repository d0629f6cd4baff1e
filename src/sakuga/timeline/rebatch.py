"""Rename frames for narrower batches and tiled decoding, where memory ran out."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sakuga.timeline.spec import (
    AppliedControl,
    CameraFrame,
    Conditioning,
    Derived,
    Digest,
    FrameSpec,
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    MotionFrame,
    MotionWindow,
    Prompt,
    Reference,
    ZeroEmbedding,
    digest,
)

TILED_VAE = "tiled_vae"
"""The approximation that encodes and decodes an image in overlapping tiles."""


def rebatch(
    specs: Mapping[Digest, FrameSpec], width: int, is_stored: Callable[[Digest], bool], *, tiled: bool = False
) -> tuple[dict[Digest, FrameSpec], dict[Digest, Digest]]:
    """Limit batch width, decode in tiles where `tiled`, and rename all dependent frames.

    Only of frames that are not stored yet.

    `specs` holds each spec after its dependencies, and so does the result. Returns the specs under their new names, and
    for every old name the new one. Stored frames keep spec and name, so they are not generated again.
    """
    renamed: dict[Digest, Digest] = {}
    narrow: dict[Digest, FrameSpec] = {}
    for name, spec in specs.items():
        stored = not isinstance(spec, Derived) and is_stored(name)
        changed = spec if stored else _narrowed(spec, width, renamed)
        changed = _tiled(changed) if tiled and not stored else changed
        renamed[name] = digest(changed)
        narrow[renamed[name]] = changed
    return narrow, renamed


def _narrowed(spec: FrameSpec, width: int, renamed: Mapping[Digest, Digest]) -> FrameSpec:
    match spec:
        case Generated():
            return replace(
                spec,
                batch=min(spec.batch, width),
                init=_renamed_init(spec.init, renamed) if spec.init else None,
                control=replace(spec.control, frame=renamed[spec.control.frame]) if spec.control else None,
                controls=_renamed_controls(spec.controls, renamed),
                reference=_renamed_reference(spec.reference, renamed) if spec.reference else None,
                conditioning=_renamed(spec.conditioning, renamed),
                negative=_renamed(spec.negative, renamed),
            )
        case MotionFrame(window=window):
            return replace(spec, window=_renamed_window(window, renamed))
        case InBetween():
            return replace(spec, first=renamed[spec.first], second=renamed[spec.second])
        case CameraFrame():
            return replace(spec, frame=renamed[spec.frame])
        case Given():
            return spec


def _tiled(spec: FrameSpec) -> FrameSpec:
    match spec:
        case Generated():
            return replace(spec, approximations=_with_tiles(spec.approximations))
        case MotionFrame(window=window):
            return replace(spec, window=replace(window, approximations=_with_tiles(window.approximations)))
        case InBetween() | CameraFrame() | Given():
            return spec


def _with_tiles(approximations: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*approximations, TILED_VAE}))


def _renamed_window(window: MotionWindow, renamed: Mapping[Digest, Digest]) -> MotionWindow:
    """Rename what a window starts from; its frames are not divided."""
    return replace(
        window,
        keys=tuple(replace(key, conditioning=_renamed(key.conditioning, renamed)) for key in window.keys),
        given=tuple(replace(one, frame=renamed[one.frame]) for one in window.given),
        control=replace(window.control, frame=renamed[window.control.frame]) if window.control else None,
        controls=_renamed_controls(window.controls, renamed),
        reference=_renamed_reference(window.reference, renamed) if window.reference else None,
        negative=_renamed(window.negative, renamed),
    )


def _renamed_init(init: InitImage, renamed: Mapping[Digest, Digest]) -> InitImage:
    return replace(init, frame=renamed[init.frame], color_reference=renamed[init.color_reference] if init.color_reference else None)


def _renamed_controls(controls: tuple[AppliedControl, ...], renamed: Mapping[Digest, Digest]) -> tuple[AppliedControl, ...]:
    return tuple(replace(control, frame=renamed[control.frame]) for control in controls)


def _renamed_reference(reference: Reference, renamed: Mapping[Digest, Digest]) -> Reference:
    return replace(reference, frame=renamed[reference.frame], prompt=_renamed(reference.prompt, renamed))


def _renamed(conditioning: Conditioning, renamed: Mapping[Digest, Digest]) -> Conditioning:
    match conditioning:
        case Prompt() | ZeroEmbedding():
            return conditioning
        case ImageEmbedding():
            return replace(conditioning, frame=renamed[conditioning.frame])
        case Interpolated():
            return replace(conditioning, first=_renamed(conditioning.first, renamed), second=_renamed(conditioning.second, renamed))
        case GuidedEmbedding():
            return replace(conditioning, base=replace(conditioning.base, frame=renamed[conditioning.base.frame]))
