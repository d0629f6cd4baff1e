"""Captions are checked, compositions resolved, and the verdict names what matters for training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sakuga.datasets.buckets import Box
from sakuga.datasets.caption_lint import lint_captions
from sakuga.datasets.composition import composition_by_clip, composition_by_face, resolve_composition
from sakuga.datasets.findings import Finding, Inspection
from sakuga.datasets.training_set import Composition, Example, TrainingSet
from sakuga.datasets.verdict import grade, verdict


def linted(*texts: str, trigger: str = "") -> list[tuple[str, tuple[str, ...]]]:
    examples = [Example(file=f"{index}", text=text) for index, text in enumerate(texts)]
    found = lint_captions(examples, trigger, lambda text: len(text.split()) + 2, 8)
    return [(finding.rule, finding.files) for finding in found]


def test_each_caption_problem_is_found_and_good_captions_pass() -> None:
    assert linted("a red castle, ink", "Ink: a boat", trigger="ink") == []
    assert linted("a pink castle", "ink and ink", "", trigger="ink") == [("empty", ("2",)), ("trigger", ("0",)), ("trigger twice", ("1",))]
    assert linted("a b c d e f", "a b c d e f g") == [("tokens", ("1",))]
    assert linted("a girl, smiling, A girl") == [("repetition", ("0",))]
    assert linted("a castle", "the sea", "A castle") == [("same caption", ("0", "2"))]
    assert linted("the sea with a watermark") == [("writing", ("0",))]


def test_a_phrase_in_most_captions_is_found_unless_it_is_the_trigger_word() -> None:
    texts = [f"a nice picture of thing{index}" for index in range(12)]
    assert linted(*texts) == [("common phrase", ())]
    assert linted(*texts, trigger="a nice picture of") == []
    assert linted(*texts[:9]) == []


def test_compositions_come_from_faces_clip_and_captions() -> None:
    large, small = Box(left=0, top=0, right=30, bottom=30), Box(left=0, top=0, right=9, bottom=9)
    assert [composition_by_face(faces, 100, 80) for faces in ([], [small], [small, large])] == [None, "figure", "portrait"]
    texts = np.eye(3, dtype=np.float32)
    near = np.array([[0.1, 3.0, 0.2], [0.0, 0.1, 0.2]], np.float32)
    assert composition_by_clip(near, texts, ["portrait", "figure", "landscape"]) == ["figure", "landscape"]


@pytest.mark.parametrize(
    ("row", "face", "clip", "caption", "expected"),
    [
        ("figure", "portrait", "portrait", "portrait", ("figure", "row")),
        (None, "portrait", "landscape", None, ("landscape", "CLIP")),
        (None, "portrait", "figure", None, ("portrait", "face")),
        (None, None, "landscape", "figure", ("figure", "caption")),
        (None, None, "portrait", "figure", ("portrait", "CLIP")),
        (None, None, None, "figure", ("figure", "caption")),
        (None, "figure", None, None, ("figure", "face")),
        (None, None, None, None, None),
    ],
)
def test_sources_of_composition_are_combined(
    row: Composition | None, face: Composition | None, clip: Composition | None, caption: Composition | None, expected: object
) -> None:
    assert resolve_composition(row, face, clip, caption) == expected


def inspected(portraits: int, landscapes: int, *findings: Finding) -> Inspection:
    kinds: list[Composition] = ["portrait"] * portraits + ["landscape"] * landscapes
    examples = tuple(Example(file=str(index), text="x") for index in range(len(kinds)))
    training_set = TrainingSet(folder=Path("x"), name="x", trigger="ink", licence="MIT", provenance="", examples=examples)
    compositions = {example.file: kind for example, kind in zip(examples, kinds, strict=True)}
    return Inspection(
        set=training_set,
        sizes={},
        compositions=compositions,
        label_sources={},
        clip_note="",
        size=128,
        changed=False,
        findings=tuple(findings),
    )


@pytest.mark.parametrize(
    ("inspection", "graded", "message"),
    [
        (inspected(5, 45), "not ready", "90% landscapes and 10% portraits: faces will not take the style"),
        (inspected(100, 50), "ready", "67% portraits, 0% figures, 33% landscapes: faces and places will both take the style"),
        (inspected(60, 0), "needs review", "100% portraits: places will not take the style"),
        (
            replace(inspected(30, 30), compositions={str(n): "portrait" if n < 30 else "figure" for n in range(60)}),
            "needs review",
            "0% landscapes: places may hardly take the style",
        ),
        (inspected(4, 4), "not ready", "8 images to train on"),
        (inspected(15, 15), "needs review", "30 images to train on"),
        (replace(inspected(100, 50), compositions={}), "needs review", "the composition of 150 images is unknown"),
        (
            inspected(40, 20, Finding(rule="duplicate", files=("1", "2", "3"), message="")),
            "needs review",
            "2 images are duplicated",
        ),
        (inspected(40, 20, Finding(rule="leak", files=("1",), message="")), "not ready", "spoils evaluation"),
        (
            inspected(40, 20, *[Finding(rule="trigger", files=(str(n),), message="") for n in range(59)]),
            "not ready",
            "59 captions lack",
        ),
        (inspected(40, 20, Finding(rule="licence", files=("1",), message="")), "needs review", "1 image has an unknown licence"),
    ],
)
def test_the_verdict_is_a_sentence_and_a_grade(inspection: Inspection, graded: str, message: str) -> None:
    remarks = verdict(inspection)
    assert grade(remarks) == graded
    assert any(message in remark.text for remark in remarks), [remark.text for remark in remarks]
    assert remarks[0].grade == graded
