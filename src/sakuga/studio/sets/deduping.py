"""A training set without its near duplicates."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.image_checks import blur
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.near_duplicates import Print, fingerprint, groups_alike
from sakuga.datasets.training_set import read_set
from sakuga.datasets.writing import check_new_set
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import taken_over


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupedSet:
    """A set of which near duplicates were left out."""

    out: Path
    pictures: int
    left_out: dict[str, str]
    """Each file that was left out, and the one that stayed for it."""


def dedupe_set(source: Path | str, out: Path | str) -> Work[Step, DedupedSet]:
    """Write a set with the best of each group of near duplicates: with a caption, then the largest, then the sharpest.

    Raises SetError, and PictureError where a picture cannot be read.
    """
    return Work(_dedupe(Path(source), Path(out)))


def _dedupe(source: Path, out: Path) -> Generator[Step, None, DedupedSet]:
    check_new_set(out)
    whole = read_set(source)
    prints: list[Print] = []
    worth: list[tuple[bool, int, float]] = []
    for place, example in enumerate(whole.examples, 1):
        picture = read_picture(whole.path(example)).picture
        prints.append(fingerprint(picture))
        worth.append((bool(example.text), picture.shape[0] * picture.shape[1], -blur(picture)))
        yield Step(stage="inspecting", done=place, total=len(whole.examples))
    left_out: dict[str, str] = {}
    for group in groups_alike(prints):
        best = max(group, key=lambda place: worth[place])
        left_out |= {whole.examples[place].file: whole.examples[best].file for place in group if place != best}
    kept = [example for example in whole.examples if example.file not in left_out]
    yield from taken_over(whole, kept, out, f"{len(left_out)} near duplicates left out")
    return DedupedSet(out=out, pictures=len(kept), left_out=left_out)
