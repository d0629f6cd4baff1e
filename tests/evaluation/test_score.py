"""Scores are of held-out scenes, with ceilings and sample sizes."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sakuga.evaluation.held_out import REFERENCE_SEED, count_stated, held_out_cases
from sakuga.evaluation.score import Progress, render, score
from sakuga.sketchbook.labels import LOOKS


def test_held_out_captions_state_at_least_four_attributes_on_average() -> None:
    cases = held_out_cases(64)
    counts = [count_stated(case.stated) for case in cases]
    assert np.mean(counts) >= 4.0
    assert min(counts) >= 3
    assert cases[:8] == held_out_cases(8)
    assert cases[-1].seed < REFERENCE_SEED


def test_true_renders_score_as_high_as_their_ceiling(weights: Path) -> None:
    requested: list[str] = []

    def generate(captions: Sequence[str]) -> np.ndarray:
        requested.extend(captions)
        return np.stack([render(case.seed) for case in held_out_cases(10)[len(requested) - len(captions) : len(requested)]])

    steps: list[Progress] = []
    scoring = score(generate, weights, n=6, images=10)
    while True:
        try:
            steps.append(next(scoring))
        except StopIteration as stop:
            figures = stop.value
            break
    assert requested == [case.caption for case in held_out_cases(10)]
    assert [(step.doing, step.done) for step in steps[:2]] == [("generating", 8), ("generating", 10)]
    assert {"vae_psnr_db", "clip.retrieval_top1", "clip.one_attribute", "kid", "ceiling.kid", "fidelity.time"} <= figures.keys()
    assert figures["n.fidelity.portrait"] == 6
    assert figures["n.kid"] == 10
    assert figures["n.vae_psnr_db.watercolor"] == 6
    assert len({figures[f"vae_psnr_db.{look}"] for look in LOOKS[1:]}) == 5
    assert "fd" not in figures
    names = {re.sub(r"^(n|low|high|ceiling)\.", "", name) for name in figures}
    assert all(f"n.{name}" in figures for name in names)
    assert {"low.fidelity.time", "high.fidelity.time", "low.kid", "high.vae_psnr_db.comic", "low.clip.retrieval_top1"} <= figures.keys()
    assert all(figures[f"low.{name}"] <= figures[name] <= figures[f"high.{name}"] for name in names if f"low.{name}" in figures)
    assert figures["kid"] != pytest.approx(figures["ceiling.kid"])
