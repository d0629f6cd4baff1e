"""Figures of what a checkpoint can wear: whether a style shows and what it costs, and whether few steps do as well as all."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sakuga.evaluation.fidelity import OF_PEOPLE, SCORED, fidelity_figures, read
from sakuga.evaluation.figure import counted, numbers, paired
from sakuga.evaluation.score import Case, Draw, Progress, gather, held_out_cases, passed_in
from sakuga.models.classifier import ATTRIBUTES, Codes, load_classifier
from sakuga.models.image_tensors import Pixels
from sakuga.models.sketchbook import open_vae
from sakuga.sketchbook.labels import Look

LOOK, SUBJECT = (list(ATTRIBUTES).index(name) for name in ("look", "subject"))


def unnamed_cases(n: int) -> list[Case]:
    """Return the first n held-out scenes whose captions name no look, as those that do would work against a style."""
    return [case for case in held_out_cases(2 * n + 8) if case.stated[LOOK] < 0][:n]


def _drawn(draw: Draw, cases: Sequence[Case]) -> Generator[Progress, None, Pixels]:
    return gather("drawing", len(cases), lambda chunk: draw([cases[index].caption for index in chunk]))


def score_style(look: Look, base: Draw, styled: Draw, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return how often drawings in a style are read as its look, and how much rarer than the base's they show the stated subject.

    The ceilings are the same of what the autoencoder makes of the same scenes, truly rendered in the look and in the base's: subjects are
    harder to read in some looks.
    """
    classifier = load_classifier(weights / "classifier")
    cases = unnamed_cases(n)
    stated = np.stack([case.stated for case in cases])
    vae, seeds = open_vae(weights).requires_grad_(False), [case.seed for case in cases]
    true = []
    for each in ("flat", look):
        _, kept = yield from passed_in(each, seeds, vae)
        true.append(read(classifier, kept)[0])
    plain = read(classifier, (yield from _drawn(base, cases)))[0]
    worn = read(classifier, (yield from _drawn(styled, cases)))[0]
    key, code = f"styles.{look}", ATTRIBUTES["look"].index(look)
    shown = counted(f"{key}.accuracy", _share(worn, code), len(cases))
    figures = numbers(replace(shown, ceiling=_share(true[1], code)))
    told = stated[:, SUBJECT] >= 0
    if told.any():
        base_right, right, true_base_right, true_right = [(seen == stated)[told, SUBJECT] for seen in (plain, worn, *true)]
        lost = float(true_base_right.mean() - true_right.mean())
        figures |= numbers(replace(paired(f"{key}.subject_loss", right, base_right), ceiling=lost))
    return figures


def _share(codes: Codes, look: int) -> float:
    return float((codes[:, LOOK] == look).mean())


def score_few_step(few: Draw, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return the fidelity of drawings in few steps, over the same captions as that of drawings in all steps."""
    cases = held_out_cases(n)
    codes = read(load_classifier(weights / "classifier"), (yield from _drawn(few, cases)))[0]
    return fidelity_figures("few_step.fidelity", codes, np.stack([case.stated for case in cases]), (*SCORED, *OF_PEOPLE))


def speedup(full: Callable[[], float], few: Callable[[], float]) -> float:
    """Return how much less time the second takes: each is asked once to warm up, then in the order full, few, few, full."""
    full(), few()
    long, short = full(), few()
    short, long = short + few(), long + full()
    return long / short
