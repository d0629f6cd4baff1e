"""What is trained on: a training set, `concepts.toml`, or a folder of images that becomes a set."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sakuga.datasets.captions import add_trigger, normalize
from sakuga.datasets.clip_folders import find_clips
from sakuga.datasets.concepts import read_concepts
from sakuga.datasets.image_sources import FoundImages, find_images
from sakuga.datasets.training_set import ABOUT, UNKNOWN, Example, SetError, TrainingSet, read_set
from sakuga.studio.core.progress import Stage, Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.building import build_set
from sakuga.studio.sets.changes import split_set
from sakuga.studio.sets.cropping import crop_set
from sakuga.studio.sets.deduping import DedupedSet, dedupe_set
from sakuga.studio.sets.inspection import inspect_set
from sakuga.text import counted

SET = "set"
"""The folder of a run that holds the set made from its images."""
HELD_OUT, LEAST_HELD_OUT = 0.1, 20
"""The share of images that is held out for the validation loss, from so many images on."""
SHOWN_REMARKS, SHOWN_SIZES = 4, 3
"""Most remarks of the inspection, and sizes, that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """A folder of images to make a set of."""

    images: Path
    found: FoundImages
    trigger: str
    out: Path
    """The set to write, in the folder of the run."""


def clip_set(source: Path, trigger: str | None) -> TrainingSet:
    """Return the clips of a folder, unopened, as a set; raises SetError where there are none."""
    clips, word = find_clips(source), normalize(trigger or "")
    examples = tuple(
        Example(file=str(one.path.resolve()), text=add_trigger(one.text, word), held_out=False, source=one.name) for one in clips
    )
    return TrainingSet(folder=source, name=source.stem, trigger=word, licence=UNKNOWN, provenance="", examples=examples)


def is_image_folder(source: Path) -> bool:
    """Return whether a path is a folder of images, and neither a set nor `concepts.toml`."""
    return source.is_dir() and not is_training_set(source)


def is_training_set(folder: Path) -> bool:
    """Return whether a folder is a training set."""
    return (folder / ABOUT).is_file()


def open_set(source: Path, trigger: str | None) -> TrainingSet:
    """Read a training set or `concepts.toml`; raises SetError."""
    if trigger is not None:
        raise SetError(f"{source} has its trigger words already: leave --trigger out, or set them with `sakuga data caption --trigger`")
    if source.suffix == ".toml":
        return read_concepts(source)
    if source.is_file():
        raise SetError(f"{source} is one file: give a folder of images, a training set or concepts.toml")
    return read_set(source)


def find_folder(source: Path, run: Path, trigger: str | None) -> ImageFolder:
    """Find the images of a folder, unopened; raises SetError where there are none."""
    return ImageFolder(images=source, found=find_images(source), trigger=normalize(trigger or ""), out=run / SET)


def provisional_set(folder: ImageFolder) -> TrainingSet:
    """Return a set of the images as they are, by which a training is resolved and refused before it starts."""
    examples = tuple(
        Example(file=str(one.path.resolve()), text=add_trigger(one.text, folder.trigger), held_out=False) for one in folder.found.images
    )
    return TrainingSet(folder=folder.images, name=folder.images.name, trigger=folder.trigger, licence="", provenance="", examples=examples)


def make_set(folder: ImageFolder, model: str, size: int) -> Generator[Step, None, TrainingSet]:
    """Build, clean, crop, check and split the set of a folder; notes say what was chosen and why.

    A set that an interrupted start has left is used.
    """
    if is_training_set(folder.out):
        yield _note(f"using the set in {folder.out}, which was made before")
        return read_set(folder.out)
    folder.out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".set-", dir=folder.out.parent) as scratch:
        deduped = yield from _clean(folder, Path(scratch))
        split = deduped.images >= LEAST_HELD_OUT
        cropped = yield from _crop(deduped.out, Path(scratch) / "cropped" if split else folder.out, model, size)
        if split:
            yield from _split(cropped, folder.out)
        else:
            yield _note(f"holding no image out: {counted(deduped.images, 'image')} are too few to measure on")
    return read_set(folder.out)


def _clean(folder: ImageFolder, scratch: Path) -> Generator[Step, None, DedupedSet]:
    built = yield from _steps(build_set(folder.images, scratch / "built", trigger=folder.trigger), "loading")
    captioned = sum(bool(one.text) for one in folder.found.images)
    yield _note(f"made a training set of {counted(built.images, 'image')}, {captioned} with a caption")
    deduped: DedupedSet = yield from _steps(dedupe_set(built.out, scratch / "deduped"), "inspecting")
    if deduped.left_out:
        yield _note(f"leaving {counted(len(deduped.left_out), 'near duplicate')} out, which would count double")
    return deduped


def _crop(source: Path, out: Path, model: str, size: int) -> Generator[Step, None, Path]:
    cropped = yield from _steps(crop_set(source, out, size=size, bucketed=True), "finishing")
    sizes = ", ".join(f"{count} of {name}" for name, count in list(cropped.sizes.items())[:SHOWN_SIZES])
    yield _note(f"cropped {cropped.cut} of {cropped.images} around faces to the nearest shape, losing {cropped.lost:.0%}: {sizes}")
    checked = yield from _steps(inspect_set(out, model=model, size=size), "inspecting", quiet=True)
    for remark in checked.remarks[:SHOWN_REMARKS]:
        yield _note(f"{remark.grade}: {remark.text}")
    return out


def _split(source: Path, out: Path) -> Generator[Step, None, None]:
    split = yield from _steps(split_set(source, out, holdout=HELD_OUT), "finishing")
    yield _note(f"holding {counted(split.held_out, 'image')} out for the validation loss, training on {split.training}")


def _note(text: str) -> Step:
    return Step(stage="loading", note=text)


def _steps(work: Work[Step, Any], stage: Stage, *, quiet: bool = False) -> Generator[Step, None, Any]:
    for step in work:
        yield Step(stage=stage, done=step.done, total=step.total, note="" if quiet else step.note)
    return work.result()
