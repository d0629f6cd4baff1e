"""The verdict on a training set: what to expect from training on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sakuga.datasets.findings import Inspection
from sakuga.text import counted

Grade = Literal["ready", "needs review", "not ready"]
MIN_IMAGES, GOOD_IMAGES = 10, 50
"""Images below which no style can be trained, and from which on training works well."""
LANDSCAPES, PORTRAITS = 0.7, 0.2
"""From this share of landscapes, with no more than this share of portraits, faces do not take the style.

Observed at 90% of 50 images; 100 portraits to 50 landscapes solved it.
"""
ONLY_PORTRAITS, FEW_PLACES = 0.9, 0.1
MUCH = 0.25
"""The share of a set from which on a problem makes it not ready."""

COMMANDS: Mapping[str, str] = {
    "composition": "write `composition` into their rows",
    "balance": "`sakuga data balance`",
    "unreadable": "delete damaged ones with their rows, or build the set again",
    "leak": "dedupe and split",
    "duplicate": "`sakuga data dedupe`",
    "aspect": "see `sakuga data crop`",
    "empty": "`sakuga data caption` writes them",
}
"""What to do about what is found, by commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One sentence of a verdict with its severity."""

    grade: Grade
    text: str


def verdict(inspection: Inspection, remedies: Mapping[str, str] = COMMANDS) -> tuple[Remark, ...]:
    """Judge a training set by its inspection.

    `remedies` says what to do, by default with commands. Returns at least one remark, the most severe first.
    """
    judged = (_amount(inspection), _composition(inspection, remedies), _images(inspection, remedies), _captions(inspection, remedies))
    remarks = [remark for found in (*judged, _rights(inspection)) for remark in found]
    order: tuple[Grade, ...] = ("not ready", "needs review", "ready")
    return tuple(sorted(remarks, key=lambda remark: order.index(remark.grade)))


def grade(remarks: tuple[Remark, ...]) -> Grade:
    """Return the most severe grade."""
    return remarks[0].grade


def _amount(inspection: Inspection) -> list[Remark]:
    count = len(inspection.set.training)
    images = _image_count(count)
    if count < MIN_IMAGES:
        return [Remark(grade="not ready", text=f"{images} to train on: a style needs {GOOD_IMAGES} or more, a subject 4 to 20")]
    if count < GOOD_IMAGES:
        return [Remark(grade="needs review", text=f"{images} to train on: use at least {GOOD_IMAGES}; with fewer it may memorize them")]
    return [Remark(grade="ready", text=f"{images} to train on: enough for a style")]


def _composition(inspection: Inspection, remedies: Mapping[str, str]) -> list[Remark]:
    shares = inspection.shares
    unknown = len(inspection.set.examples) - len(inspection.compositions)
    if unknown > len(inspection.set.examples) / 2:
        text = f"the composition of {unknown} images is unknown: {remedies['composition']}"
        return [Remark(grade="needs review", text=text)]
    portraits, figures, landscapes = (shares.get(kind, 0.0) for kind in ("portrait", "figure", "landscape"))
    if landscapes >= LANDSCAPES and portraits <= PORTRAITS:
        text = f"{landscapes:.0%} landscapes and {portraits:.0%} portraits: faces will not take the style"
        return [Remark(grade="not ready", text=f"{text}; add portraits, up to two for each landscape, or {remedies['balance']}")]
    if portraits >= ONLY_PORTRAITS:
        return [Remark(grade="needs review", text=f"{portraits:.0%} portraits: places will not take the style; add landscapes")]
    if landscapes < FEW_PLACES:
        return [Remark(grade="needs review", text=f"{landscapes:.0%} landscapes: places may hardly take the style; add some")]
    if portraits <= PORTRAITS:
        return [Remark(grade="needs review", text=f"{portraits:.0%} portraits: faces may hardly take the style; add some")]
    text = f"{portraits:.0%} portraits, {figures:.0%} figures, {landscapes:.0%} landscapes: faces and places will both take the style"
    return [Remark(grade="ready", text=text)]


def _images(inspection: Inspection, remedies: Mapping[str, str]) -> list[Remark]:
    size = inspection.size
    problems: list[tuple[str, Callable[[int], str]]] = [
        ("unreadable", lambda n: f"{_image_count(n)} cannot be read: {remedies['unreadable']}"),
        (
            "leak",
            lambda n: f"{_image_count(n, 'to train on is', 'to train on are')} also held out, which spoils evaluation: {remedies['leak']}",
        ),
        ("duplicate", lambda n: f"{_image_count(n, 'is', 'are')} duplicated and may be memorized: {remedies['duplicate']}"),
        ("small", lambda n: f"{_image_count(n, 'is', 'are')} smaller than {size} pixels and would be enlarged: find larger ones"),
        (
            "aspect",
            lambda n: f"{_image_count(n, 'is', 'are')} more than twice as long as wide and will be cropped: {remedies['aspect']}",
        ),
        ("blur", lambda n: f"{_image_count(n, 'is', 'are')} blurred, which the style will learn: remove them"),
        ("border", lambda n: f"{_image_count(n, 'has', 'have')} borders, which the style will learn: crop them"),
        ("watermark", lambda n: "a watermark is suspected, which the style will learn: check the images and crop it"),
    ]
    return _remarks(inspection, problems, severe=("unreadable", "leak"))


def _captions(inspection: Inspection, remedies: Mapping[str, str]) -> list[Remark]:
    trigger = repr(inspection.set.trigger)
    problems: list[tuple[str, Callable[[int], str]]] = [
        ("empty", lambda n: f"{_image_count(n, 'has', 'have')} no caption: {remedies['empty']}"),
        ("trigger", lambda n: f"{_caption_count(n, 'lacks', 'lack')} the trigger word {trigger}: it is not learned from them"),
        ("trigger twice", lambda n: f"{_caption_count(n, 'contains', 'contain')} the trigger word more than once: once is enough"),
        ("tokens", lambda n: f"{_caption_count(n, 'is', 'are')} longer than the model reads: the end is lost"),
        ("repetition", lambda n: f"{_caption_count(n, 'repeats a phrase', 'repeat a phrase')}: shorten"),
        (
            "same caption",
            lambda n: f"{_image_count(n, 'shares its caption', 'share their captions')} with others: tell them apart",
        ),
        ("common phrase", lambda n: "most captions contain the same phrase, which will act as a trigger word: remove it, or make it one"),
        ("writing", lambda n: f"{_caption_count(n, 'mentions', 'mention')} writing on the image: check the images, and crop it"),
    ]
    return _remarks(inspection, problems, severe=())


def _rights(inspection: Inspection) -> list[Remark]:
    text = "unknown licence: clarify it before you share the trained style"
    return _remarks(inspection, [("licence", lambda n: f"{_image_count(n, 'has', 'have')} an {text}")], severe=())


def _remarks(inspection: Inspection, problems: list[tuple[str, Callable[[int], str]]], severe: tuple[str, ...]) -> list[Remark]:
    """Return a remark for each problem found.

    A problem in a quarter of the set is severe, unless it is about licences, identical captions or writing.
    """
    remarks = []
    for rule, text_for in problems:
        if count := inspection.count(rule):
            share = count / len(inspection.set.examples)
            is_severe = rule in severe or (share > MUCH and rule not in ("same caption", "licence", "writing"))
            remarks.append(Remark(grade="not ready" if is_severe else "needs review", text=text_for(count)))
    return remarks


def _image_count(count: int, one: str = "", more: str = "") -> str:
    return counted(count, f"image {one}".rstrip(), f"images {more}".rstrip())


def _caption_count(count: int, one: str, more: str) -> str:
    return counted(count, f"caption {one}", f"captions {more}")
