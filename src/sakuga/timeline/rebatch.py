"""Rename frames for narrower batches, where memory ran out."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sakuga.timeline.spec import (
    Conditioning,
    Digest,
    FrameSpec,
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    Prompt,
    ZeroEmbedding,
    digest,
)


def rebatch(
    specs: Mapping[Digest, FrameSpec], width: int, is_stored: Callable[[Digest], bool]
) -> tuple[dict[Digest, FrameSpec], dict[Digest, Digest]]:
    """Limit batch width, and rename all dependent frames.

    Only of frames that are not stored yet.

    `specs` holds each spec after its dependencies, and so does the result. Returns the specs under their new names, and
    for every old name the new one. Stored frames keep spec and name, so they are not generated again.
    """
    renamed: dict[Digest, Digest] = {}
    narrow: dict[Digest, FrameSpec] = {}
    for name, spec in specs.items():
        stored = not isinstance(spec, InBetween) and is_stored(name)
        changed = spec if stored else _narrowed(spec, width, renamed)
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
                conditioning=_renamed(spec.conditioning, renamed),
                negative=_renamed(spec.negative, renamed),
            )
        case InBetween():
            return replace(spec, first=renamed[spec.first], second=renamed[spec.second])
        case Given():
            return spec


def _renamed_init(init: InitImage, renamed: Mapping[Digest, Digest]) -> InitImage:
    return replace(init, frame=renamed[init.frame], color_reference=renamed[init.color_reference] if init.color_reference else None)


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
