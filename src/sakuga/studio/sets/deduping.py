"""Training sets without near duplicates."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.image_checks import measure_blur
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.near_duplicates import Fingerprint, fingerprint, group_duplicates
from sakuga.datasets.training_set import TrainingSet
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import Derived, read_source, write_derived_set


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupedSet:
    """Result of `dedupe_set`."""

    out: Path
    images: int
    left_out: dict[str, str]
    """Each file that was left out, and the one that stays for it."""


@checked()
def dedupe_set(source: Path | str, out: Path | str) -> Work[Step, DedupedSet]:
    """Write a set without near duplicates.

    Of each group the best stays: captioned, then largest, then sharpest.
    Raises SetError, and ImageError where an image cannot be read.
    """
    return Work(_dedupe(read_source(source, out), Path(out)))


def _dedupe(original: TrainingSet, out: Path) -> Generator[Step, None, DedupedSet]:
    hashes: list[Fingerprint] = []
    quality: list[tuple[bool, int, float]] = []
    for place, example in enumerate(original.examples, 1):
        image = read_image(original.path(example)).image
        hashes.append(fingerprint(image))
        quality.append((bool(example.text), image.shape[0] * image.shape[1], -measure_blur(image)))
        yield Step(stage="inspecting", done=place, total=len(original.examples))
    left_out: dict[str, str] = {}
    for group in group_duplicates(hashes):
        best = max(group, key=lambda place: quality[place])
        left_out |= {original.examples[place].file: original.examples[best].file for place in group if place != best}
    remaining = [example for example in original.examples if example.file not in left_out]
    derived = Derived(source=original, out=out, change=f"{len(left_out)} near duplicates left out")
    yield from write_derived_set(derived, derived.unchanged(remaining), len(remaining))
    return DedupedSet(out=out, images=len(remaining), left_out=left_out)
