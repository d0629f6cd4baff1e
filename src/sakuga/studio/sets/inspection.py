"""The doctor: a training set is looked through before anybody spends hours on it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sakuga import InputError
from sakuga.datasets import image_checks
from sakuga.datasets.caption_lint import lint_captions
from sakuga.datasets.findings import Finding, Inspection
from sakuga.datasets.image_reading import PictureError, read_picture
from sakuga.datasets.near_duplicates import Print, fingerprint, groups_alike
from sakuga.datasets.training_set import UNKNOWN, Example, digest, read_set, written_digest
from sakuga.datasets.verdict import Grade, Remark, grade, verdict
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.compositions import Glimpse, glimpse, shrunk, tell, with_clip
from sakuga.studio.sets.inspection_page import set_page

LONGEST = 2.0
"""Times that a picture may be as long as wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What the doctor found, and says."""

    inspection: Inspection
    remarks: tuple[Remark, ...]
    html: Path | None

    @property
    def grade(self) -> Grade:
        """The gravest of the remarks: ready, doubtful or not ready."""
        return grade(self.remarks)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Look:
    """What is kept of a picture."""

    glimpse: Glimpse
    size: tuple[int, int]
    print: Print

    @property
    def example(self) -> Example:
        return self.glimpse.example

    @property
    def small(self) -> np.ndarray:
        return self.glimpse.small


def inspect_set(
    source: Path | str, *, model: str = SKETCHBOOK, clip: str | None = None, size: int | None = None, html: Path | None = None
) -> Work[Step, Inspected]:
    """Look through the pictures and captions of a training set, as `model` would learn from them; `html` is a page to write.

    `size` is the side that a training will see, by default the model's own. CLIP tells portraits from landscapes: the model's, if it has
    one, else the Sketchbook's, or the one named. Raises SakugaError where the set, the model or the CLIP cannot be read.
    """
    return Work(_inspect(Path(source), model, clip, size, html))


def _inspect(folder: Path, model: str, clip: str | None, size: int | None, html: Path | None) -> Generator[Step, None, Inspected]:
    whole = read_set(folder)
    if html and html.suffix.lower() != ".html":
        raise InputError(f"{html} is no page: name it something.html")
    checkpoint = find_checkpoint(model)
    side = size or checkpoint.facts.native_size
    looks: list[_Look] = []
    findings: list[Finding] = []
    for place, example in enumerate(whole.examples, 1):
        try:
            look, doubts = _looked(example, read_picture(whole.path(example)).picture, side)
        except PictureError as error:
            findings.append(Finding(rule="unreadable", files=(example.file,), message=str(error).replace(str(whole.folder) + "/", "")))
        else:
            looks.append(look)
            findings += doubts
        yield Step(stage="inspecting", done=place, total=len(whole.examples))
    findings += _alike(looks)
    if place_of_mark := image_checks.mark([look.small for look in looks]):
        findings.append(Finding(rule="watermark", files=(), message=f"most pictures have the same lines at the {place_of_mark}"))
    findings += lint_captions(whole.examples, whole.trigger, _token_counter(checkpoint), checkpoint.facts.token_limit)
    findings += [
        Finding(rule="licence", files=(e.file,), message="nobody said whose it is") for e in whole.examples if e.licence == UNKNOWN
    ]
    compositions, told_by, judge = tell([look.glimpse for look in looks], clip or with_clip(checkpoint))
    inspection = Inspection(
        set=whole,
        sizes={look.example.file: look.size for look in looks},
        compositions=compositions,
        told_by=told_by,
        judge=judge,
        size=side,
        changed=digest(whole) != written_digest(whole.folder),
        findings=tuple(findings),
    )
    remarks = verdict(inspection)
    if html:
        yield Step(stage="export", total=1)
        page = set_page(inspection, remarks, {look.example.file: look.small for look in looks})
        try:
            html.write_text(page, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{html} cannot be written ({error.strerror}): choose another place") from None
        yield Step(stage="export", done=1, total=1)
    return Inspected(inspection=inspection, remarks=remarks, html=html)


def _looked(example: Example, picture: np.ndarray, side: int) -> tuple[_Look, list[Finding]]:
    height, width = picture.shape[:2]
    doubts: list[tuple[str, str]] = []
    if min(width, height) < side:
        doubts.append(("small", f"has {width} x {height} pixels, and a training sees {side}"))
    if max(width, height) > LONGEST * min(width, height):
        doubts.append(("aspect", f"is {max(width, height) / min(width, height):.1f} times as long as wide"))
    seen = shrunk(picture, side)
    if (blurred := image_checks.blur(seen)) > image_checks.BLURRED:
        doubts.append(("blur", f"is blurred ({blurred:.2f}; sharp pictures are below {image_checks.BLURRED})"))
    if any(bands := image_checks.borders(picture)):
        doubts.append(("border", "has even bands: {} left, {} top, {} right, {} bottom, in pixels".format(*bands)))
    look = _Look(glimpse=glimpse(example, picture), size=(width, height), print=fingerprint(picture))
    return look, [Finding(rule=rule, files=(example.file,), message=message) for rule, message in doubts]


def _alike(looks: Sequence[_Look]) -> Iterator[Finding]:
    """Tell groups of near duplicates, and which of the pictures to learn from are near one that is held out."""
    for group in groups_alike([look.print for look in looks]):
        examples = [looks[place].example for place in group]
        files = tuple(example.file for example in examples)
        yield Finding(rule="duplicate", files=files, message=f"{len(files)} pictures are alike")
        if any(e.held_out for e in examples) and (leaking := [e for e in examples if not e.held_out]):
            kept = next(e.file for e in examples if e.held_out)
            yield from (Finding(rule="leak", files=(e.file,), message=f"is as good as {kept}, which is held out") for e in leaking)


def _token_counter(checkpoint: Source) -> Callable[[str], int]:
    from sakuga.models.sketchbook import open_tokenizer

    tokenizer: Any = open_tokenizer(checkpoint.folder / "tokenizer")
    return lambda text: len(tokenizer(text, verbose=False).input_ids)
