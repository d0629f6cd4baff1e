"""Collapse of chains of variations, with and without guidance by texts.

    python benchmarks/collapse.py [--images 16] [--variants 40] [--steps 8] [--sheet collapse.webp] [--model sketchbook]

Chains start from held-out renders. Prints JSON: for guidance off and on, the mean over chains of the variance of CLIP features of each
ten variants and of all, the share of the last ten in which the label classifier reads a subject or a portrait, and of those in the base
model's own look, each with its 95% interval, and how many chains are detected as faded and burnt; then the paired differences, on minus
off.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PILImage

from sakuga.diffusion.guidance import steer_embedding
from sakuga.diffusion.noise import noise_drift
from sakuga.evaluation.collapse import WINDOW, chain_growth, chain_variance, variance
from sakuga.evaluation.confidence import mean_interval
from sakuga.evaluation.score import render
from sakuga.evaluation.variation import CASES
from sakuga.finishing.image import Image
from sakuga.models.checkpoint import Checkpoint, load_checkpoint, to_uint8
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import LabelClassifier, classify, load_classifier
from sakuga.models.sampling import sample
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.sketchbook.words import BAD, GOOD, OWN_LOOK
from sakuga.studio.core.settings import image_guidance

SHAPE = (8, 16, 16)
GAP = np.full((128, 16, 3), 255, np.uint8)
SHOWN = (0, 1, 3, 6, 9, 14, 19, 29, 39)
"""Variants of a chain on the sheet, beside its first image."""
ROWS = 8


@torch.inference_mode()
def chains(checkpoint: Checkpoint, starts: Sequence[Image], repeats: int, arguments: argparse.Namespace) -> list[list[Image]]:
    """Return the variants of each image, generated as by `sakuga vary`."""
    good, bad = checkpoint.embed_texts((*OWN_LOOK, *GOOD)), checkpoint.embed_texts(BAD)
    images, made, count = list(starts), [], len(starts)
    guidance = image_guidance(find_checkpoint(arguments.model))
    unconditional = checkpoint.zero_embeds().expand(count, -1, -1)
    for at in range(1, arguments.variants + 1):
        embeddings = torch.cat([checkpoint.embed_image(image) for image in images])
        guided = steer_embedding(embeddings, good, bad, positive=30.0, negative=30.0, repeats=repeats).expand(
            -1, checkpoint.info.token_limit, -1
        )
        noise = torch.stack([next(noise_drift(SHAPE, index * 1000, float(at), 0.4)) for index in range(count)])
        *_, last = sample(
            checkpoint,
            prompt_embeds=guided,
            negative_prompt_embeds=unconditional,
            noise=iter([noise]),
            sampler="dpm++",
            steps=arguments.steps,
            guidance_scale=guidance,
        )
        images = list(to_uint8(checkpoint.decode(last.latents)))
        made.append(images)
    return [list(one) for one in zip(*made, strict=True)]


def measure(checkpoint: Checkpoint, classifier: LabelClassifier, variants: Sequence[Image]) -> dict[str, float]:
    """Return the metrics of a chain."""
    features = np.concatenate([checkpoint.embed_image(variant)[0].float().numpy() for variant in variants])
    codes = dict(zip(ATTRIBUTES, classify(classifier, np.stack(variants[-WINDOW:]))[0].T, strict=True))
    return {
        **{
            f"variance.{first + 1}-{first + WINDOW}": variance(features[first : first + WINDOW])
            for first in range(0, len(features), WINDOW)
        },
        "variance.whole": variance(features),
        "shows.subject": float(((codes["portrait"] > 0) | (codes["subject"] != ATTRIBUTES["subject"].index("none"))).mean()),
        "own.look": float((codes["look"] == ATTRIBUTES["look"].index("flat")).mean()),
        "faded": float(chain_variance(features).collapsed),
        "burnt": float(chain_growth(variants).oversaturated),
    }


def intervals(values: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the mean of each metric with its interval."""
    return {name: [round(float(one), 4) for one in (each.mean(), *(mean_interval(each) or ()))] for name, each in values.items()}


def main() -> None:
    """Measure both, print, and write the sheet: off left, on right."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--variants", type=int, default=40)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--model", default="sketchbook")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(find_checkpoint(arguments.model))
    classifier = load_classifier(find_checkpoint("sketchbook").folder / "classifier")
    starts = [render(CASES + index) for index in range(arguments.images)]
    made = [chains(checkpoint, starts, repeats, arguments) for repeats in (0, 10)]
    off, on = (gathered([measure(checkpoint, classifier, chain) for chain in each]) for each in made)
    differences = {name: on[name] - off[name] for name in on}
    size = {"n": arguments.images, "variants": arguments.variants, "steps": arguments.steps}
    print(json.dumps({**size, "off": intervals(off), "on": intervals(on), "difference": intervals(differences)}, indent=1))
    if arguments.sheet:
        rows = zip(starts, *made, strict=True)
        PILImage.fromarray(
            np.concatenate([np.concatenate([row(start, one), GAP, row(start, other)], axis=1) for start, one, other in rows][:ROWS])
        ).save(arguments.sheet)


def gathered(metrics: Sequence[dict[str, float]]) -> dict[str, np.ndarray]:
    """Return each metric of all chains."""
    return {name: np.array([one[name] for one in metrics]) for name in metrics[0]}


def row(start: Image, variants: Sequence[Image]) -> Image:
    """Place an image and some of its variants side by side."""
    return np.concatenate([start, *(variants[place] for place in SHOWN if place < len(variants))], axis=1)


if __name__ == "__main__":
    main()
