"""Other aspect ratios and sizes are scored on true renders."""

from collections.abc import Sequence

import numpy as np

from sakuga.evaluation.aspect_ratios import SIZES, score_aspects
from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.evaluation.score import GenerateImages
from sakuga.evaluation.upscaling import score_upscaler
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.work import Work

WEIGHTS = find_checkpoint().folder


def test_every_aspect_ratio_has_its_own_ceiling() -> None:
    seeds = {case.caption: case.seed for case in held_out_cases(6)}
    requested: list[tuple[int, int]] = []

    def make_generator(width: int, height: int) -> GenerateImages:
        requested.append((width, height))

        def generate(captions: Sequence[str]) -> np.ndarray:
            moments = [held_out_moment(seeds[text], width / height) for text in captions]
            images = np.stack([moment.image(width, height) for moment in moments])
            return images if width > height else np.zeros_like(images)

        return generate

    figures = Work(score_aspects(make_generator, WEIGHTS, 6)).result()
    assert tuple(requested) == SIZES
    assert figures["n.aspects.192x128.portrait"] == 6
    assert figures["aspects.192x128.portrait"] == figures["ceiling.aspects.192x128.portrait"] == 1.0
    shares = [figures[f"{prefix}.time"] for prefix in ("aspects.256x144", "ceiling.aspects.256x144", "aspects.128x192")]
    assert shares[0] > 0.7
    assert shares[1] > 0.7
    assert shares[2] < 0.7


def test_the_upscaler_is_compared_with_lanczos() -> None:
    figures = Work(score_upscaler(WEIGHTS, 2)).result()
    assert 20 < figures["upscaler_psnr_db"] != figures["upscaler_psnr_db.lanczos"] > 20
    assert figures["upscaler_edge_error"] < figures["upscaler_edge_error.lanczos"]
    assert figures["n.upscaler_psnr_db"] == figures["n.upscaler_psnr_db.lanczos"] == 2
