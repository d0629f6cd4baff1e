"""Advice on rank and steps says what was measured, and where nothing was."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.training.advice import ABLATION, advice
from sakuga.training.method_settings import Lora, TextualInversion

METRICS = Path(__file__).parents[2] / "docs" / "studies" / "ablation" / "metrics.json"


def test_the_table_is_that_of_the_study() -> None:
    measured = json.loads(METRICS.read_text())
    for one in ABLATION:
        name = f"rank_{one.rank}-steps_{one.steps}-rate_{one.rate:g}".replace(".", "p")
        assert one.shown == pytest.approx(measured[f"look.{name}"], abs=0.005)
        assert one.lost == pytest.approx(-measured[f"labels.{name}"], abs=0.005)
    assert len({(one.rank, one.steps, one.rate) for one in ABLATION}) == len(ABLATION) == 12


def test_a_plan_is_told_in_passes_beside_the_best_that_was_measured(settings: TrainSettings) -> None:
    plan = resolve_training(replace(settings, steps=50, batch=4, gradient_accumulation=2)).plan
    told = advice(plan, 20)
    assert told.startswith("rank 2 and 50 steps are 20.0 passes over 20 images at rate 0.01; best on 48 images of the Sketchbook")
    assert "rank 8, 33 passes at 0.0005 93% of the look (2% of prompts lost)" in told
    assert told.endswith("other sizes were not measured")


def test_only_a_lora_is_advised_on(settings: TrainSettings) -> None:
    plan = resolve_training(settings).plan
    assert isinstance(plan.method, Lora)
    assert advice(replace(plan, method=TextualInversion(word="zk")), 20) == ""
