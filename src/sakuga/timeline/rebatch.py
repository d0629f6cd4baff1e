"""Draw in narrower batches, where memory ran out."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sakuga.timeline.spec import Between, Conditioning, Digest, Drawn, FrameSpec, Given, Guided, Image, Mix, Nothing, Start, Text, digest


def narrowed(
    specs: Mapping[Digest, FrameSpec], width: int, has: Callable[[Digest], bool]
) -> tuple[dict[Digest, FrameSpec], dict[Digest, Digest]]:
    """Plan frames that are not stored yet in batches of at most `width`, and rename them in all that leans on them.

    `specs` holds each spec after those that it leans on, and so does the answer. Returns the specs under their new names, and
    for every old name the new one. Stored frames keep spec and name: what is drawn stays drawn.
    """
    renamed: dict[Digest, Digest] = {}
    narrow: dict[Digest, FrameSpec] = {}
    for name, spec in specs.items():
        kept = not isinstance(spec, Between) and has(name)
        changed = spec if kept else _narrow(spec, width, renamed)
        renamed[name] = digest(changed)
        narrow[renamed[name]] = changed
    return narrow, renamed


def _narrow(spec: FrameSpec, width: int, renamed: Mapping[Digest, Digest]) -> FrameSpec:
    match spec:
        case Drawn():
            return replace(
                spec,
                batch=min(spec.batch, width),
                start=_started(spec.start, renamed) if spec.start else None,
                control=replace(spec.control, frame=renamed[spec.control.frame]) if spec.control else None,
                conditioning=_renamed(spec.conditioning, renamed),
                negative=_renamed(spec.negative, renamed),
            )
        case Between():
            return replace(spec, first=renamed[spec.first], second=renamed[spec.second])
        case Given():
            return spec


def _started(start: Start, renamed: Mapping[Digest, Digest]) -> Start:
    return replace(start, frame=renamed[start.frame], colours=renamed[start.colours] if start.colours else None)


def _renamed(conditioning: Conditioning, renamed: Mapping[Digest, Digest]) -> Conditioning:
    match conditioning:
        case Text() | Nothing():
            return conditioning
        case Image():
            return replace(conditioning, frame=renamed[conditioning.frame])
        case Mix():
            return replace(conditioning, first=_renamed(conditioning.first, renamed), second=_renamed(conditioning.second, renamed))
        case Guided():
            return replace(conditioning, base=replace(conditioning.base, frame=renamed[conditioning.base.frame]))
