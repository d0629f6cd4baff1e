"""Figures of what a checkpoint can wear: whether a style shows and what it costs, and whether few steps do as well as all."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np

from sakuga.evaluation.fidelity import SCORED, fidelity, read
from sakuga.evaluation.score import AT_ONCE, Case, Draw, Progress, held_out_cases
from sakuga.models.classifier import ATTRIBUTES, load_classifier
from sakuga.models.reconstruction import Pixels

LOOK = list(ATTRIBUTES).index("look")


def unnamed_cases(n: int) -> list[Case]:
    """Return the first n held-out scenes whose captions name no look, as those that do would work against a style."""
    return [case for case in held_out_cases(2 * n + 8) if case.stated[LOOK] < 0][:n]


def _drawn(draw: Draw, cases: Sequence[Case]) -> Generator[Progress, None, Pixels]:
    made: list[Pixels] = []
    for first in range(0, len(cases), AT_ONCE):
        made.append(draw([case.caption for case in cases[first : first + AT_ONCE]]))
        yield Progress(doing="drawing", done=min(first + AT_ONCE, len(cases)), total=len(cases))
    return np.concatenate(made)


def score_style(name: str, base: Draw, styled: Draw, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return how often drawings in a style are read as that look, and how much rarer than the base's they show the stated subject."""
    classifier = load_classifier(weights / "classifier")
    cases = unnamed_cases(n)
    stated = np.stack([case.stated for case in cases])
    codes = []
    for draw in (base, styled):
        codes.append(read(classifier, (yield from _drawn(draw, cases)))[0])
    key = f"styles.{name}"
    figures = {f"{key}.accuracy": float((codes[1][:, LOOK] == ATTRIBUTES["look"].index(name)).mean()), f"n.{key}.accuracy": len(cases)}
    subjects = [fidelity(seen, stated, ("subject",)).get("subject") for seen in codes]
    if subjects[0] and subjects[1]:
        figures |= {f"{key}.subject_loss": subjects[0][0] - subjects[1][0], f"n.{key}.subject_loss": subjects[0][1]}
    return figures


def score_few_step(few: Draw, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return the fidelity of drawings in few steps, over the same captions as that of drawings in all steps."""
    cases = held_out_cases(n)
    codes = read(load_classifier(weights / "classifier"), (yield from _drawn(few, cases)))[0]
    found = fidelity(codes, np.stack([case.stated for case in cases]), SCORED)
    shares = {f"few_step.fidelity.{name}": share for name, (share, _) in found.items()}
    return shares | {f"n.few_step.fidelity.{name}": count for name, (_, count) in found.items()}


def speedup(full: Callable[[], float], few: Callable[[], float]) -> float:
    """Return how much less time the second takes: each is asked once to warm up, then in the order full, few, few, full."""
    full(), few()
    long, short = full(), few()
    short, long = short + few(), long + full()
    return long / short
