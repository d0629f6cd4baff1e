"""Building training sets from image folders, tables and hub datasets."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sakuga import __version__
from sakuga.datasets.captions import add_trigger, contains_phrase, normalize
from sakuga.datasets.clip_folders import FoundClip, clip_files, find_clips
from sakuga.datasets.hub import find_hub_images
from sakuga.datasets.image_reading import ImageError, read_image
from sakuga.datasets.image_sources import FoundImage, FoundImages, find_images
from sakuga.datasets.masks import alpha_mask, read_mask, with_mask
from sakuga.datasets.training_set import UNKNOWN, Example, SetError
from sakuga.datasets.writing import image_name, write_set_steps
from sakuga.models.hub_names import hub_repo
from sakuga.paths import local_path
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_set_folder
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.clip_extraction import DEFAULT_FPS, FPS, check_clip, extract_frames
from sakuga.text import abridged, counted
from sakuga.timeline.clip import Image

MAX_UNREADABLE = 3
"""Images that may be unreadable in any set; in a large one a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSet:
    """Result of `build_set`."""

    out: Path
    images: int
    captioned: int
    skipped: tuple[str, ...]
    """Names of unreadable images, with the reason."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Building:
    """A validated request.

    Captions and the like are for images without their own.
    """

    name: str
    """The folder, table or hub dataset, as given."""
    found: FoundImages | None
    """None for a hub dataset, which is downloaded."""
    clips: tuple[FoundClip, ...]
    fps: float
    out: Path
    caption: str
    trigger: str
    licence: str
    source: str
    alpha_masks: bool

    @property
    def masked(self) -> bool:
        """Whether the set has masks."""
        return self.alpha_masks or bool(self.found and any(one.mask for one in self.found.images))


@dataclass(slots=True)
class _Tally:
    """Counts while images are read."""

    examples: list[Example] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    triggered: int = 0


@checked(fps=FPS)
def build_set(
    images: Path | str,
    out: Path | str,
    *,
    caption: str = "",
    trigger: str = "",
    licence: str | None = None,
    source: str | None = None,
    alpha_masks: bool = False,
    fps: float | None = None,
) -> Work[Step, BuiltSet]:
    """Make a training set from images, clips and captions.

    `images` is a folder, a clip, a caption table beside its images, or a hub dataset hub:owner/name. Of videos `fps` frames a second are
    taken (by default 1), of animations too where it is given, else their first frame: from each scene the sharpest ones, without near
    duplicates, with the clip's caption.
    `caption`, `licence` and `source` apply to images without their own; a caption that lacks the trigger word gets it.
    An image NAME-masklabel.png (or -mask, .mask, _mask) is the mask of NAME: white where the training counts; with `alpha_masks` the alpha
    channel is. Raises SetError where there are no images, too many are unreadable, a mask has another shape than its image or is all black,
    a clip has no frame, or `out` exists already.
    """
    check_set_folder(Path(out))
    folder = local_path(images)
    repo = None if folder.exists() else hub_repo(str(images))
    clips = () if repo else _find_clips(folder, animations=fps is not None)
    request = _Building(
        name=repo or str(images),
        found=None if repo else _find_images(folder, clips),
        clips=clips,
        fps=fps or DEFAULT_FPS,
        out=Path(out),
        caption=normalize(caption),
        trigger=normalize(trigger),
        licence=normalize(licence or "") or UNKNOWN,
        source=normalize(source or ""),
        alpha_masks=alpha_masks,
    )
    return Work(_build(request))


def _build(request: _Building) -> Generator[Step, None, BuiltSet]:
    yield Step(stage="loading", done=0, total=1)
    with TemporaryDirectory(prefix="sakuga-") as scratch:
        found = request.found or _from_hub(request.name, Path(scratch))
        yield Step(stage="loading", done=1, total=1)
        frames = yield from extract_frames(request.clips, request.fps, Path(scratch))
        found = replace(found, images=(*found.images, *frames))
        tally = _Tally()
        writing = Work(
            write_set_steps(
                request.out,
                _read(found.images, request, tally),
                trigger=request.trigger,
                licence=request.licence,
                provenance=f"built from {Path(request.name).name or request.name} by sakuga {__version__}",
                masks=request.masked,
            )
        )
        for count in writing:
            yield Step(stage="export", done=count, total=len(found.images))
    made = writing.result()
    notes = (*found.notes, *_notes(tally, request))
    for note in notes:
        yield Step(stage="export", note=note)
    captioned = sum(bool(example.text) for example in made.examples)
    return BuiltSet(out=request.out, images=len(made.examples), captioned=captioned, skipped=tuple(tally.skipped), notes=notes)


def _find_clips(source: Path, *, animations: bool) -> tuple[FoundClip, ...]:
    """Find the clips of a folder, or the one that `source` is; raises SetError where one has no frame."""
    animations = animations or source.is_file()
    clips = find_clips(source, animations=animations) if clip_files(source, animations=animations) else ()
    for clip in clips:
        check_clip(clip)
    return clips


def _find_images(source: Path, clips: Sequence[FoundClip]) -> FoundImages:
    if clips and source.is_file():
        return FoundImages(images=(), notes=())
    return find_images(source, {clip.path for clip in clips})


def _from_hub(name: str, scratch: Path) -> FoundImages:
    notes: list[str] = []
    return FoundImages(images=tuple(find_hub_images(name, scratch, notes)), notes=tuple(dict.fromkeys(notes)))


def _read(found: Sequence[FoundImage], request: _Building, tally: _Tally) -> Iterator[tuple[Example, Image]]:
    """Read images one by one, skipping unreadable ones.

    Raises SetError where these are too many.
    """
    for one in found:
        try:
            image, notes = _pixels(one, request)
        except ImageError as error:
            tally.skipped.append(str(error).replace(str(one.path), one.name))
            continue
        example = _example(one, len(tally.examples) + 1, request)
        tally.triggered += bool(request.trigger) and not contains_phrase(request.trigger, one.text or request.caption)
        tally.examples.append(example)
        tally.notes += notes
        yield example, image
    if len(tally.skipped) > max(MAX_UNREADABLE, len(found) // 4) or len(tally.skipped) == len(found):
        raise SetError(f"{len(tally.skipped)} of {len(found)} images cannot be read, too many for a set: {abridged(tally.skipped)}")


def _pixels(found: FoundImage, request: _Building) -> tuple[Image, Sequence[str]]:
    """Read an image, with its mask where the set has masks, and notes on it."""
    if request.alpha_masks and not found.mask:
        return with_mask(*alpha_mask(found.path)), ()
    read = read_image(found.path)
    if not request.masked:
        return read.image, read.notes
    mask = read_mask(found.mask, read.image.shape[1::-1]) if found.mask else None
    return with_mask(read.image, mask), read.notes


def _example(found: FoundImage, number: int, request: _Building) -> Example:
    return Example(
        file=image_name(number, found.name),
        text=add_trigger(found.text or request.caption, request.trigger),
        source=found.source or request.source or found.name,
        licence=found.licence or request.licence,
        composition=found.composition,
        seed=found.seed,
        held_out=found.held_out,
    )


def _notes(tally: _Tally, request: _Building) -> Iterator[str]:
    """Yield what a user should know about the set."""
    examples = tally.examples
    if tally.skipped:
        yield f"{counted(len(tally.skipped), 'image is', 'images are')} left out: {abridged(tally.skipped)}"
    if tally.notes:
        yield abridged(tally.notes)
    if empty := [example.file for example in examples if not example.text]:
        many = counted(len(empty), "image has", "images have")
        yield f"{many} no caption ({abridged(empty)}): give --caption, or let `sakuga data caption` write them"
    if tally.triggered:
        yield f"the trigger word {request.trigger!r} was added to {counted(tally.triggered, 'caption')}"
    if unknown := sum(example.licence == UNKNOWN for example in examples):
        yield f"{counted(unknown, 'image has', 'images have')} no known licence: give it with --licence, or in a column `licence`"
    if len(examples) == 1:
        yield "a set of one image teaches this image, not a style: add 10 or more"
