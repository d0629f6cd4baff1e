"""Chunks of a film: side by side where they can be, after one another where frames need others."""

from dataclasses import replace

from sakuga.timeline.chunks import MOST_STAGES, Chunk, divided, plan_chunks
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import FrameSpec, Generated, InBetween, InitImage, Prompt, SeedNoise, digest
from sakuga.timeline.timing import Span

FIRST = Generated(checkpoint="a", conditioning=Prompt(prompt="a castle"), noise=SeedNoise(seed=0), width=64, height=64)


def frame(seed: int, start: FrameSpec | None = None) -> Generated:
    init = InitImage(frame=digest(start), strength=0.5) if start else None
    return replace(FIRST, noise=SeedNoise(seed=seed), init=init)


def sheet(frames: list[FrameSpec]) -> ExposureSheet:
    return ExposureSheet(
        exposures=tuple(map(digest, frames)), specs={digest(one): one for one in frames}, color_references={}, color_corrections={}
    )


def chain(length: int) -> list[FrameSpec]:
    frames: list[FrameSpec] = [frame(0)]
    while len(frames) < length:
        frames.append(frame(len(frames), frames[-1]))
    return frames


def test_independent_shots_are_one_stage() -> None:
    chunks = plan_chunks(sheet([frame(seed) for seed in range(6)]), [Span(start=0, stop=2), Span(start=2, stop=6)])
    assert chunks == (Chunk(first=0, last=1, stage=0), Chunk(first=2, last=5, stage=0))


def test_a_shot_that_starts_from_another_comes_in_a_later_stage() -> None:
    shot = chain(4)
    other = [frame(50), frame(51)]
    between = InBetween(first=digest(shot[3]), second=digest(other[0]), at=0.5)
    spans = [Span(start=0, stop=2), Span(start=2, stop=4), Span(start=4, stop=6), Span(start=6, stop=7)]
    assert [chunk.stage for chunk in plan_chunks(sheet([*shot, *other, between]), spans)] == [0, 1, 0, 2]


def test_a_long_chain_has_few_stages_and_every_frame_once() -> None:
    frames = chain(4 * MOST_STAGES)
    chunks = plan_chunks(sheet(frames), divided(Span(start=0, stop=len(frames)), 1))
    assert max(chunk.stage for chunk in chunks) < MOST_STAGES
    assert [place for chunk in chunks for place in range(chunk.first, chunk.last + 1)] == list(range(len(frames)))
