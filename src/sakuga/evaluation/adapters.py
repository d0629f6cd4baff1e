"""Metrics of the Sketchbook's styles and few-step LoRA."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sakuga.evaluation.fidelity import PORTRAIT_ATTRIBUTES, SCENE_ATTRIBUTES, fidelity_figures
from sakuga.evaluation.held_out import Case, cases_without_look, held_out_cases
from sakuga.evaluation.metric import counted_share, paired, to_numbers
from sakuga.evaluation.score import GenerateImages, Progress, gather, reconstructed_renders
from sakuga.models.classifier import classify, load_classifier
from sakuga.models.image_tensors import Images
from sakuga.models.sketchbook import load_vae
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes
from sakuga.sketchbook.labels import Look

LOOK, SUBJECT = (list(ATTRIBUTES).index(name) for name in ("look", "subject"))


def _generate(generate: GenerateImages, cases: Sequence[Case]) -> Generator[Progress, None, Images]:
    return gather("generating", len(cases), lambda chunk: generate([cases[index].caption for index in chunk]))


def score_style(
    look: Look, base: GenerateImages, styled: GenerateImages, weights: Path, n: int
) -> Generator[Progress, None, dict[str, float]]:
    """Score a style: how often its look is read, and the subjects lost.

    Compared with the base on the same captions.

    Ceilings are the same metrics of the autoencoder's reconstructions of true renders in both looks, as subjects are harder to read in
    some.
    """
    classifier = load_classifier(weights / "classifier")
    cases = cases_without_look(n)
    stated = np.stack([case.stated for case in cases])
    vae, seeds = load_vae(weights).requires_grad_(False), [case.seed for case in cases]
    true = []
    for each in ("flat", look):
        _, reconstructed = yield from reconstructed_renders(each, seeds, vae)
        true.append(classify(classifier, reconstructed)[0])
    base_codes = classify(classifier, (yield from _generate(base, cases)))[0]
    styled_codes = classify(classifier, (yield from _generate(styled, cases)))[0]
    key, code = f"styles.{look}", ATTRIBUTES["look"].index(look)
    shown = counted_share(f"{key}.accuracy", _share(styled_codes, code), len(cases))
    figures = to_numbers(replace(shown, ceiling=_share(true[1], code)))
    known = stated[:, SUBJECT] >= 0
    if known.any():
        base_right, right, true_base_right, true_right = [(codes == stated)[known, SUBJECT] for codes in (base_codes, styled_codes, *true)]
        lost = float(true_base_right.mean() - true_right.mean())
        figures |= to_numbers(replace(paired(f"{key}.subject_loss", right, base_right), ceiling=lost))
    return figures


def _share(codes: Codes, look: int) -> float:
    return float((codes[:, LOOK] == look).mean())


def score_few_step(few: GenerateImages, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Score the fidelity of few-step images.

    Over the captions of the full-step score.
    """
    cases = held_out_cases(n)
    codes = classify(load_classifier(weights / "classifier"), (yield from _generate(few, cases)))[0]
    return fidelity_figures(
        "few_step.fidelity", codes, np.stack([case.stated for case in cases]), (*SCENE_ATTRIBUTES, *PORTRAIT_ATTRIBUTES)
    )


def speedup(full: Callable[[], float], few: Callable[[], float]) -> float:
    """Return the ratio of two timings.

    After a warm-up, in the order full, few, few, full.
    """
    full(), few()
    long, short = full(), few()
    short, long = short + few(), long + full()
    return long / short
