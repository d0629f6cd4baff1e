"""Training sets cut to the sizes that are trained at."""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
from PIL import Image

from sakuga import InputError
from sakuga.datasets.buckets import Bucket, buckets, usual_step
from sakuga.datasets.cropping import Cut, Focus, cut_out, plan_cut, preview
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.datasets.writing import check_new_set, writing_set
from sakuga.export import laid_out
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.text import counted

SHOWN, SIDE, COLUMNS = 60, 192, 10
"""Pictures of a preview, those that lose most; how large each is, and how many make a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CroppedSet:
    """What was cut, or would be."""

    out: Path | None
    preview: Path | None
    pictures: int
    sizes: dict[str, int]
    """How many pictures have which size, "640x384", the commonest first."""
    cut: int
    """Pictures of which something is cut off."""
    lost: float
    """The share of a picture that is cut off, on average."""
    enlarged: int
    """Pictures that had to be made larger."""
    faces_cut: int
    """Pictures of which a face is not whole."""
    notes: tuple[str, ...]


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
    """Write a set whose pictures are cut to size x size, or each to the bucket of that area which its shape is nearest to.

    `preview` is a picture file that shows what is cut off, dimmed; without `out` nothing else is written. `step` is that of the buckets'
    sides: 64 pixels, and 8 below a size of 384, unless given. Raises InputError, SetError or BucketError.
    """
    if out is None and preview is None:
        raise InputError("nothing would be written: name a set with -o, or a picture with --preview")
    if focus not in get_args(Focus):
        raise InputError(f"a picture cannot be cut around {focus!r}: there are {', '.join(get_args(Focus))}")
    if not 16 <= size <= 4096:
        raise InputError(f"a size of {size} pixels cannot be trained at: choose 16 to 4096")
    if step is not None and not bucketed:
        raise InputError("a step is that of buckets: add --buckets, or leave --step out")
    sizes = buckets(size, step or usual_step(size)) if bucketed else [(size, size)]
    shown = Path(preview) if preview is not None else None
    if shown and shown.suffix.lower() not in (".png", ".webp", ".jpg"):
        raise InputError(f"{shown}: a preview is one picture: name it .png, .webp or .jpg")
    return Work(_crop(Path(source), Path(out) if out is not None else None, sizes, cast(Focus, focus), shown))


def _crop(source: Path, out: Path | None, sizes: Sequence[Bucket], focus: Focus, shown: Path | None) -> Generator[Step, None, CroppedSet]:
    if out:
        check_new_set(out)
    whole = read_set(source)
    cuts: list[Cut] = []
    for example in whole.examples:
        cuts.append(plan_cut(read_picture(whole.path(example)).picture, sizes, focus))
        yield Step(stage="finishing", done=len(cuts), total=len(whole.examples))
    notes = tuple(_doubts(cuts))
    for note in notes:
        yield Step(stage="finishing", note=note)
    if shown:
        _show(whole, cuts, shown)
    if out:
        done = f"cut to {len(sizes)} sizes around {sizes[len(sizes) // 2][0]}" if len(sizes) > 1 else "cut to {}x{}".format(*sizes[0])
        pictures = _cut(whole, cuts)
        provenance = f"{whole.provenance}; then {done}" if whole.provenance else done
        writing = Work(writing_set(out, pictures, trigger=whole.trigger, licence=whole.licence, provenance=provenance))
        for count in writing:
            yield Step(stage="export", done=count, total=len(cuts))
        writing.result()
    found = Counter("{}x{}".format(*cut.bucket) for cut in cuts)
    return CroppedSet(
        out=out,
        preview=shown,
        pictures=len(cuts),
        sizes=dict(found.most_common()),
        cut=sum(cut.lost > 0 for cut in cuts),
        lost=round(sum(cut.lost for cut in cuts) / len(cuts), 4),
        enlarged=sum(cut.enlarged > 1 for cut in cuts),
        faces_cut=sum(not cut.whole_faces for cut in cuts),
        notes=notes,
    )


def _cut(whole: TrainingSet, cuts: Sequence[Cut]) -> Iterator[tuple[Example, np.ndarray]]:
    for example, cut in zip(whole.examples, cuts, strict=True):
        yield example, cut_out(read_picture(whole.path(example)).picture, cut)


def _show(whole: TrainingSet, cuts: Sequence[Cut], path: Path) -> None:
    """Write the pictures that lose most, what they lose dimmed."""
    most = sorted(range(len(cuts)), key=lambda place: -cuts[place].lost)[:SHOWN]
    cells = [preview(read_picture(whole.path(whole.examples[place])).picture, cuts[place], SIDE) for place in most]
    Image.fromarray(laid_out(cells, columns=min(COLUMNS, len(cells)), gap=4)).save(path, quality=85)


def _doubts(cuts: Sequence[Cut]) -> Iterator[str]:
    enlarged = [cut.enlarged for cut in cuts if cut.enlarged > 1]
    if enlarged:
        many = counted(len(enlarged), "picture is", "pictures are")
        yield f"{many} smaller than the size wanted, and enlarged up to {max(enlarged):.1f} times: they will be soft"
    if broken := sum(not cut.whole_faces for cut in cuts):
        yield f"of {counted(broken, 'picture')} a face is cut: look at the preview, or use buckets"
    if heavy := sum(cut.lost > 0.3 for cut in cuts):
        yield f"{counted(heavy, 'picture loses', 'pictures lose')} more than three tenths: look at the preview, or use buckets"
