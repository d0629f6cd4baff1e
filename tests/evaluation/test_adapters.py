"""Visible styles are distinguished from invisible ones on true renders."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.adapters import score_few_step, score_style, speedup
from sakuga.evaluation.held_out import Case, cases_without_look, held_out_cases
from sakuga.evaluation.score import GenerateImages
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.labels import Look
from sakuga.sketchbook.scene import sample
from sakuga.studio.core.work import Work

WEIGHTS = find_checkpoint().folder


def rendered(cases: Sequence[Case], look: Look) -> GenerateImages:
    """Render the scenes of the captions, as a perfect model would draw them."""
    seeds = {case.caption: case.seed for case in cases}
    return lambda captions: np.stack([sample(seeds[text]).at(1.0).image(128, 128, look) for text in captions])


def test_renders_are_read_as_their_look() -> None:
    cases = cases_without_look(8)
    base, comic = rendered(cases, "flat"), rendered(cases, "comic")
    styled = Work(score_style("comic", base, comic, WEIGHTS, 8)).result()
    assert styled["styles.comic.accuracy"] > 0.7
    assert abs(styled["styles.comic.subject_loss"]) < 0.5
    assert styled["n.styles.comic.accuracy"] == 8
    assert styled["ceiling.styles.comic.accuracy"] > 0.7
    assert abs(styled["ceiling.styles.comic.subject_loss"]) < 0.5
    unstyled = Work(score_style("comic", base, base, WEIGHTS, 8)).result()
    assert unstyled["styles.comic.accuracy"] < 0.3
    assert unstyled["styles.comic.subject_loss"] == 0.0


def test_few_step_images_are_scored_like_full_ones() -> None:
    figures = Work(score_few_step(rendered(held_out_cases(8), "flat"), WEIGHTS, 8)).result()
    assert figures["few_step.fidelity.time"] > 0.7
    assert figures["n.few_step.fidelity.portrait"] == 8


def test_a_speedup_is_measured_in_both_orders() -> None:
    requested: list[str] = []

    def timed(name: str, seconds: list[float]) -> float:
        requested.append(name)
        return seconds.pop(0)

    full, few = [9.0, 6.0, 4.0], [9.0, 1.0, 1.5]
    assert speedup(lambda: timed("full", full), lambda: timed("few", few)) == 4.0
    assert "".join(name[:3] for name in requested) == "fulfewfulfewfewful"
