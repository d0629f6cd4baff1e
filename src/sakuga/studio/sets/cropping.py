"""Training sets cropped to the training resolution."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from PIL import Image as PILImage

from sakuga import InputError
from sakuga.datasets.buckets import Bucket, Focus, buckets, default_step
from sakuga.datasets.cropping import Crop, apply_crop, crop_preview, plan_crop
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.masks import read_masked, with_mask
from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.export import check_folder, tile_images
from sakuga.export.target import atomic
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import Derived, read_source, write_derived_set
from sakuga.text import counted
from sakuga.timeline.clip import Image

SHOWN, SIDE, COLUMNS = 60, 192, 10
"""Images of a preview (those that lose most), their size in pixels, and how many make a row."""
FORMATS = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG"}
"""Formats of a preview by suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CroppedSet:
    """Result of `crop_set`: what was cropped, or would be."""

    out: Path | None
    preview: Path | None
    images: int
    sizes: dict[str, int]
    """Number of images of each size, "640x384", the most common first."""
    cut: int
    """Images that were cropped."""
    lost: float
    """The share of an image that is cropped off, on average."""
    enlarged: int
    """Images that had to be enlarged."""
    faces_cut: int
    """Images with a face that is not completely inside."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cropping:
    """A validated request."""

    source: TrainingSet
    out: Path | None
    sizes: Sequence[Bucket]
    focus: Focus
    preview: Path | None


@checked()
def crop_set(
    source: Path | str,
    out: Path | str | None = None,
    *,
    size: int = 512,
    bucketed: bool = False,
    step: int | None = None,
    focus: str = "face",
    preview: Path | str | None = None,
) -> Work[Step, CroppedSet]:
    """Write a set cropped to the training resolution.

    To size x size, or with `bucketed` each image to the bucket of the nearest aspect ratio.
    `preview` is an image file that shows what is cropped off; without `out` nothing else is written. `step` is that of the buckets'
    sides: by default 64 pixels, or 8 below a size of 384. Raises InputError, SetError or BucketError.
    """
    if out is None and preview is None:
        raise InputError("nothing would be written: name a set with -o, or an image with --preview")
    if focus not in get_args(Focus):
        raise InputError(f"an image cannot be cropped around {focus!r}: use {' or '.join(get_args(Focus))}")
    if not 16 <= size <= 4096:
        raise InputError(f"a size of {size} pixels cannot be trained at: use 16 to 4096")
    if step is not None and not bucketed:
        raise InputError("a step applies to buckets only: add --buckets, or leave --step out")
    sizes = buckets(size, step or default_step(size)) if bucketed else [(size, size)]
    request = _Cropping(
        source=read_set(source) if out is None else read_source(source, out),
        out=Path(out) if out is not None else None,
        sizes=sizes,
        focus=cast(Focus, focus),
        preview=_checked_preview(Path(preview)) if preview is not None else None,
    )
    return Work(_crop(request))


def _checked_preview(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a preview is one image: name it {', '.join(FORMATS)}")
    check_folder(path.parent)
    return path


def _crop(request: _Cropping) -> Generator[Step, None, CroppedSet]:
    original, sizes = request.source, request.sizes
    crops: list[Crop] = []
    for example in original.examples:
        crops.append(plan_crop(read_image(original.path(example)).image, sizes, request.focus))
        yield Step(stage="finishing", done=len(crops), total=len(original.examples))
    notes = tuple(_notes(crops))
    for note in notes:
        yield Step(stage="finishing", note=note)
    if request.preview:
        _write_preview(original, crops, request.preview)
    if request.out:
        buckets_text = f"cropped to {len(sizes)} sizes around {sizes[len(sizes) // 2][0]}"
        change = buckets_text if len(sizes) > 1 else "cropped to {}x{}".format(*sizes[0])
        yield from write_derived_set(Derived(source=original, out=request.out, change=change), _cropped(original, crops), len(crops))
    found = Counter("{}x{}".format(*crop.bucket) for crop in crops)
    return CroppedSet(
        out=request.out,
        preview=request.preview,
        images=len(crops),
        sizes=dict(found.most_common()),
        cut=sum(crop.lost > 0 for crop in crops),
        lost=round(sum(crop.lost for crop in crops) / len(crops), 4),
        enlarged=sum(crop.enlarged > 1 for crop in crops),
        faces_cut=sum(not crop.keeps_faces for crop in crops),
        notes=notes,
    )


def _cropped(original: TrainingSet, crops: Sequence[Crop]) -> Iterator[tuple[Example, Image]]:
    for example, crop in zip(original.examples, crops, strict=True):
        path = original.path(example)
        if not original.masks:
            yield example, apply_crop(read_image(path).image, crop)
            continue
        image, mask = (apply_crop(part, crop) for part in read_masked(path))
        yield example, with_mask(image, mask)


def _write_preview(original: TrainingSet, crops: Sequence[Crop], path: Path) -> None:
    """Write the images that lose most, the cropped-off area dimmed."""
    most = sorted(range(len(crops)), key=lambda place: -crops[place].lost)[:SHOWN]
    cells = [crop_preview(read_image(original.path(original.examples[place])).image, crops[place], SIDE) for place in most]
    sheet = PILImage.fromarray(tile_images(cells, columns=min(COLUMNS, len(cells)), gap=4))
    with atomic(path) as draft:
        sheet.save(draft, format=FORMATS[path.suffix.lower()], quality=85)


def _notes(crops: Sequence[Crop]) -> Iterator[str]:
    enlarged = [crop.enlarged for crop in crops if crop.enlarged > 1]
    if enlarged:
        many = counted(len(enlarged), "image is", "images are")
        yield f"{many} smaller than the size, and enlarged up to {max(enlarged):.1f} times: they will be soft"
    if broken := sum(not crop.keeps_faces for crop in crops):
        yield f"{counted(broken, 'image has', 'images have')} a cropped face: check the preview, or use buckets"
    if heavy := sum(crop.lost > 0.3 for crop in crops):
        yield f"{counted(heavy, 'image loses', 'images lose')} more than 30%: check the preview, or use buckets"
