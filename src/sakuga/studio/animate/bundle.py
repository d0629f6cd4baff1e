"""Jobs for render farms."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from sakuga import InputError
from sakuga.export import check_target
from sakuga.export.farm import MAX_TASKS, FarmJob, check_bundle, write_bundle
from sakuga.export.sequence import SequenceName
from sakuga.rendering.store import open_store
from sakuga.story.film import Film, to_toml
from sakuga.story.options import CHUNK, FIRST_FRAME
from sakuga.studio.animate.animate import FilmRequest, resolve_film
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import Output
from sakuga.timeline.chunks import Chunk, divided, plan_chunks
from sakuga.timeline.exposure import shot_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A job that was written."""

    folder: Path
    stages: tuple[tuple[str, ...], ...]
    """Ranges of frames; those of a stage run side by side."""
    store: str

    @property
    def tasks(self) -> int:
        """Ranges in all."""
        return sum(map(len, self.stages))


@checked(first_frame=FIRST_FRAME, chunk=CHUNK)
def bundle(
    film: Film,
    out: Path | str,
    *,
    images: str = "film.%04d.png",
    clip: str = "film.mp4",
    chunk: int | None = None,
    first_frame: int = 1,
    bits: Literal[8, 16] = 8,
    store: Path | None = None,
) -> Bundle:
    """Write a film as a job for a render farm: an OpenJD template and Slurm scripts.

    There is a task for each shot, or for every `chunk` frames of it, in stages where shots start from frames of others, and one that makes
    the clip. `store` is a folder that all machines see, or a URL. Raises InputError.
    """
    folder, request = Path(out), FilmRequest(film=film, output=Output(path=Path(clip)), store=store)
    check_bundle(folder)
    for name in (images, clip):
        if Path(name).name != name:
            raise InputError(f"{name!r} is written to the output folder of the job: give a name without a folder")
        check_target(Path(name))
    Output(path=Path(images), bits=bits).check()
    if SequenceName.of(Path(images)) is None:
        raise InputError(f"{images!r} has no place for frame numbers: write film.%04d.png or film.%04d.exr")
    resolved = resolve_film(request)
    if resolved.settings.pixel:
        raise InputError("pixel art has one palette, of all frames of the clip, so that a farm cannot divide it: leave pixel out")
    spans = [part for span in shot_spans(resolved.storyboard, resolved.settings.fps) for part in divided(span, chunk)]
    chunks = plan_chunks(resolved.sheet, spans)
    stages = tuple(ranges for _, group in groupby(sorted(chunks, key=_stage), key=_stage) for ranges in [_ranges(list(group), first_frame)])
    opened = open_store(store)
    place = str(opened) if opened.remote else str(opened.root.absolute())
    job = FarmJob(name=folder.name or "film", stages=stages, first_frame=first_frame, images=images, bits=bits, clip=clip, store=place)
    write_bundle(job, to_toml(film), folder)
    return Bundle(folder=folder, stages=stages, store=place)


def _stage(chunk: Chunk) -> int:
    return chunk.stage


def _ranges(chunks: list[Chunk], first: int) -> tuple[str, ...]:
    """Return the ranges of a stage, as many as a step may have tasks."""
    group = -(-len(chunks) // MAX_TASKS)
    return tuple(
        ",".join(f"{first + chunk.first}-{first + chunk.last}" for chunk in chunks[start : start + group])
        for start in range(0, len(chunks), group)
    )
