"""Inspection of a training set before training."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.datasets import image_checks
from sakuga.datasets.buckets import buckets, default_step, nearest_bucket
from sakuga.datasets.caption_lint import lint_captions
from sakuga.datasets.findings import Finding, Inspection
from sakuga.datasets.image_reading import ImageError, read_image
from sakuga.datasets.near_duplicates import Fingerprint, fingerprint, group_duplicates
from sakuga.datasets.training_set import UNKNOWN, Example, TrainingSet, digest, read_set, written_digest
from sakuga.datasets.verdict import Grade, Remark, grade, verdict
from sakuga.export import check_folder, check_name
from sakuga.files import write_text
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.compositions import Thumbnail, classify_compositions, clip_for, make_thumbnail, shrink
from sakuga.studio.sets.inspection_page import inspection_page
from sakuga.timeline.clip import Image

MAX_ASPECT = 2.0
"""The largest aspect ratio without a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionResult:
    """Result of `inspect_set`: the findings and the verdict."""

    inspection: Inspection
    remarks: tuple[Remark, ...]
    html: Path | None

    @property
    def grade(self) -> Grade:
        """Return the most severe grade of the remarks."""
        return grade(self.remarks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A validated request."""

    set: TrainingSet
    checkpoint: CheckpointFiles
    clip: str
    size: int
    html: Path | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ImageSummary:
    """What is kept of an image after reading."""

    thumbnail: Thumbnail
    size: tuple[int, int]
    fingerprint: Fingerprint

    @property
    def example(self) -> Example:
        return self.thumbnail.example


@checked()
def inspect_set(
    source: Path | str, *, model: str = SKETCHBOOK, clip: str | None = None, size: int | None = None, html: Path | None = None
) -> Work[Step, InspectionResult]:
    """Check the images and captions of a training set.

    `model` is to be trained on it; `html` is a page to write.
    `size` is the training resolution, by default the model's native one. `clip` classifies compositions, by default the model's CLIP or
    else the Sketchbook's. Raises SakugaError where the set, the model or the CLIP cannot be read.
    """
    if html and html.suffix.lower() != ".html":
        raise InputError(f"{html} is not a page: name it something.html")
    if html:
        check_name(html)
        check_folder(html.parent)
    if size is not None and not 16 <= size <= 4096:
        raise InputError(f"a size of {size} pixels cannot be trained at: use 16 to 4096")
    made, checkpoint = read_set(source), find_checkpoint(model)
    request = _Request(
        set=made,
        checkpoint=checkpoint,
        clip=clip or clip_for(checkpoint),
        size=size or checkpoint.info.native_size,
        html=html,
    )
    return Work(_inspect(request))


def _inspect(request: _Request) -> Generator[Step, None, InspectionResult]:
    made, checkpoint = request.set, request.checkpoint
    summaries: list[_ImageSummary] = []
    findings: list[Finding] = []
    for place, example in enumerate(made.examples, 1):
        try:
            summary, problems = _summarize(example, read_image(made.path(example)).image, request.size)
        except ImageError as error:
            findings.append(Finding(rule="unreadable", files=(example.file,), message=str(error).replace(str(made.folder) + "/", "")))
        else:
            summaries.append(summary)
            findings += problems
        yield Step(stage="inspecting", done=place, total=len(made.examples))
    findings += _duplicate_findings(summaries)
    if region := image_checks.find_watermark([summary.thumbnail.image for summary in summaries]):
        findings.append(Finding(rule="watermark", files=(), message=f"most images have the same lines at the {region}"))
    findings += lint_captions(made.examples, made.trigger, _token_counter(checkpoint), checkpoint.info.token_limit)
    findings += [Finding(rule="licence", files=(e.file,), message="has no known licence") for e in made.examples if e.licence == UNKNOWN]
    classified = classify_compositions([summary.thumbnail for summary in summaries], request.clip)
    inspection = Inspection(
        set=made,
        sizes={summary.example.file: summary.size for summary in summaries},
        compositions=classified.compositions,
        label_sources=classified.sources,
        clip_note=classified.clip_note,
        size=request.size,
        changed=digest(made) != written_digest(made.folder),
        findings=tuple(findings),
    )
    remarks = verdict(inspection)
    if request.html:
        yield Step(stage="export", total=1)
        _write_page(request.html, inspection_page(inspection, remarks, {one.example.file: one.thumbnail.image for one in summaries}))
        yield Step(stage="export", done=1, total=1)
    return InspectionResult(inspection=inspection, remarks=remarks, html=request.html)


def _write_page(path: Path, page: str) -> None:
    try:
        write_text(path, page)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another place") from None


def _summarize(example: Example, image: Image, side: int) -> tuple[_ImageSummary, list[Finding]]:
    height, width = image.shape[:2]
    problems: list[tuple[str, str]] = []
    if _enlarged(width, height, side):
        problems.append(("small", f"has {width} x {height} pixels, less than the training resolution of {side}"))
    if max(width, height) > MAX_ASPECT * min(width, height):
        problems.append(("aspect", f"is {max(width, height) / min(width, height):.1f} times as long as wide"))
    if (blur := image_checks.measure_blur(shrink(image, side))) > image_checks.BLURRED:
        problems.append(("blur", f"is blurred ({blur:.2f}; sharp images are below {image_checks.BLURRED})"))
    if any(borders := image_checks.measure_borders(image)):
        problems.append(("border", "has borders: {} left, {} top, {} right, {} bottom, in pixels".format(*borders)))
    summary = _ImageSummary(thumbnail=make_thumbnail(example, image), size=(width, height), fingerprint=fingerprint(image))
    return summary, [Finding(rule=rule, files=(example.file,), message=message) for rule, message in problems]


def _enlarged(width: int, height: int, side: int) -> bool:
    """Return whether training would enlarge an image to fill its bucket."""
    step = default_step(side)
    bucket = nearest_bucket(width, height, buckets(side // step * step, step))
    return width < bucket[0] or height < bucket[1]


def _duplicate_findings(summaries: Sequence[_ImageSummary]) -> Iterator[Finding]:
    """Yield near duplicates, and training images like held-out ones."""
    for group in group_duplicates([summary.fingerprint for summary in summaries]):
        examples = [summaries[place].example for place in group]
        files = tuple(example.file for example in examples)
        yield Finding(rule="duplicate", files=files, message=f"{len(files)} images are alike")
        if any(e.held_out for e in examples) and (leaking := [e for e in examples if not e.held_out]):
            held_out = next(e.file for e in examples if e.held_out)
            yield from (Finding(rule="leak", files=(e.file,), message=f"is nearly {held_out}, which is held out") for e in leaking)


def _token_counter(checkpoint: CheckpointFiles) -> Callable[[str], int]:
    from sakuga.models.sketchbook import load_tokenizer

    tokenizer: Any = load_tokenizer(checkpoint.folder / "tokenizer")
    return lambda text: len(tokenizer(text, verbose=False).input_ids)
