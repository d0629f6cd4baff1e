"""Training sets with masks that are found: of faces, or of what stands out."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.mask_finding import face_mask, subject_mask
from sakuga.datasets.masks import read_masked, with_mask
from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import Derived, read_source, write_derived_set
from sakuga.timeline.clip import Image

FINDERS = {"face": face_mask, "subject": subject_mask}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedSet:
    """Result of `mask_set`."""

    out: Path
    images: int
    whole: tuple[str, ...]
    """Files in which nothing was found, which count as a whole."""
    covered: float
    """The share of an image within its mask, on average."""


@checked()
def mask_set(source: Path | str, out: Path | str, *, by: str = "subject") -> Work[Step, MaskedSet]:
    """Write a set with a mask of each image, as its alpha channel.

    By "face" the heads of detected faces, by "subject" what stands out from the colors of the border. Masks that the set has are replaced.
    Raises InputError and SetError.
    """
    if by not in FINDERS:
        raise InputError(f"a mask cannot be found by {by!r}: use {' or '.join(FINDERS)}")
    return Work(_mask(read_source(source, out), Path(out), by))


def _mask(original: TrainingSet, out: Path, by: str) -> Generator[Step, None, MaskedSet]:
    whole: list[str] = []
    shares: list[float] = []

    def masked() -> Iterator[tuple[Example, Image]]:
        for example in original.examples:
            path = original.path(example)
            image = read_masked(path)[0] if original.masks else read_image(path).image
            mask = FINDERS[by](image)
            whole.extend([example.file] if mask is None else [])
            shares.append(1.0 if mask is None else float((mask > 127).mean()))
            yield example, with_mask(image, mask)

    derived = Derived(source=replace(original, masks=True), out=out, change=f"masked by {by}")
    yield from write_derived_set(derived, masked(), len(original.examples))
    return MaskedSet(out=out, images=len(shares), whole=tuple(whole), covered=round(sum(shares) / len(shares), 4))
