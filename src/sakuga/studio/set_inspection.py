"""The doctor: a training set is looked through before anybody spends hours on it."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sakuga import InputError
from sakuga.datasets import faults
from sakuga.datasets.caption_lint import lint_captions
from sakuga.datasets.composition import JUDGES, WORDS, by_caption, by_clip, by_face, settled
from sakuga.datasets.faces import find_faces
from sakuga.datasets.findings import Finding, Inspection
from sakuga.datasets.likeness import Print, fingerprint, groups_alike
from sakuga.datasets.reading import PictureError, read_picture
from sakuga.datasets.training_set import COMPOSITIONS, UNKNOWN, Composition, Example, digest, read_set, written_digest
from sakuga.datasets.verdict import Grade, Remark, grade, verdict
from sakuga.models.sources import SKETCHBOOK, Source, find_checkpoint
from sakuga.studio.progress import Step
from sakuga.studio.set_page import set_page
from sakuga.studio.work import Work

LONGEST = 2.0
"""Times that a picture may be as long as wide."""
LOOKED_AT = 256
"""Pixels of the longer side of the copies that are compared and shown."""


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

    example: Example
    size: tuple[int, int]
    small: np.ndarray
    print: Print
    face: Composition | None


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
    if place_of_mark := faults.mark([look.small for look in looks]):
        findings.append(Finding(rule="watermark", files=(), message=f"most pictures have the same lines at the {place_of_mark}"))
    findings += lint_captions(whole.examples, whole.trigger, _token_counter(checkpoint), checkpoint.facts.token_limit)
    findings += [
        Finding(rule="licence", files=(e.file,), message="nobody said whose it is") for e in whole.examples if e.licence == UNKNOWN
    ]
    compositions, told_by, judge = _compositions(looks, clip or _with_clip(checkpoint))
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
    seen = _shrunk(picture, side)
    if (blurred := faults.blur(seen)) > faults.BLURRED:
        doubts.append(("blur", f"is blurred ({blurred:.2f}; sharp pictures are below {faults.BLURRED})"))
    if any(bands := faults.borders(picture)):
        doubts.append(("border", "has even bands: {} left, {} top, {} right, {} bottom, in pixels".format(*bands)))
    small = _shrunk(picture, LOOKED_AT, longer=True)
    face = None if example.composition else by_face(find_faces(small), small.shape[1], small.shape[0])
    look = _Look(example=example, size=(width, height), small=small, print=fingerprint(picture), face=face)
    return look, [Finding(rule=rule, files=(example.file,), message=message) for rule, message in doubts]


def _shrunk(picture: np.ndarray, side: int, *, longer: bool = False) -> np.ndarray:
    """Bring the shorter (or the longer) side down to so many pixels; a smaller picture stays."""
    height, width = picture.shape[:2]
    scale = side / (max(width, height) if longer else min(width, height))
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


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


def _with_clip(checkpoint: Source) -> str:
    return checkpoint.name if checkpoint.facts.sees_pictures else SKETCHBOOK


def _compositions(looks: Sequence[_Look], clip: str) -> tuple[dict[str, Composition], dict[str, int], str]:
    """Tell what each picture is of; CLIP looks at those alone whose rows do not say it."""
    unsaid = [look for look in looks if look.example.composition is None]
    seen: list[Composition | None] = []
    if unsaid:
        from sakuga.models.eyes import open_clip

        eyes = open_clip(clip)
        kinds = [kind for kind in COMPOSITIONS for _ in WORDS[kind]]
        seen += by_clip(
            eyes.pictures([look.small for look in unsaid]), eyes.texts([text for kind in COMPOSITIONS for text in WORDS[kind]]), kinds
        )
    told = {look.example.file: settled(look.example.composition, None, None, None) for look in looks}
    told |= {look.example.file: settled(None, look.face, by, by_caption(look.example.text)) for look, by in zip(unsaid, seen, strict=True)}
    compositions = {file: found[0] for file, found in told.items() if found}
    counts = Counter(found[1] for found in told.values() if found)
    judge = f"CLIP is that of {clip}" + (", which knows no photographs: name another with --clip" if clip == SKETCHBOOK else "")
    return compositions, {name: counts[name] for name in JUDGES if counts[name]}, judge if unsaid else "their rows say it"
