"""What becomes of a chain of variations with and without guidance by texts: variance of CLIP's features along it, and what it still shows.

    python benchmarks/collapse.py [--pictures 16] [--variants 40] [--steps 8] [--sheet collapse.webp] [--model sketchbook]

Pictures are held-out renders of the world. Prints JSON: for guidance off and on, the mean over chains of the variance of features of each
ten variants and of all, the share of the last ten in which the label classifier sees a subject or a portrait and of those in the base's own
look, each with its 95% interval, and how many chains the alarms call faded and burnt; then the differences of the same chains, on less off.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sakuga.diffusion.guidance import steered
from sakuga.diffusion.noise import shifted
from sakuga.evaluation.collapse import WINDOW, chain_growth, chain_variance, variance
from sakuga.evaluation.fidelity import read
from sakuga.evaluation.interval import mean_interval
from sakuga.evaluation.score import render
from sakuga.evaluation.variation import CASES
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint import Checkpoint, load, quantised
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import ATTRIBUTES, LabelClassifier, load_classifier
from sakuga.models.sampling import sample
from sakuga.sketchbook.quality import BAD, GOOD, OWN_LOOK
from sakuga.studio.core.settings import seen_guidance

SHAPE = (8, 16, 16)
GAP = np.full((128, 16, 3), 255, np.uint8)
SHOWN = (0, 1, 3, 6, 9, 14, 19, 29, 39)
"""Variants of a chain that the sheet shows, beside the picture that it began with."""
ROWS = 8


@torch.inference_mode()
def chains(checkpoint: Checkpoint, starts: Sequence[Picture], repeats: int, given: argparse.Namespace) -> list[list[Picture]]:
    """Vary all pictures side by side, as `sakuga vary` varies one: the variants of each."""
    good, bad = checkpoint.text_directions((*OWN_LOOK, *GOOD)), checkpoint.text_directions(BAD)
    shown, made, count = list(starts), [], len(starts)
    guidance = seen_guidance(find_checkpoint(given.model))
    nothing = checkpoint.nothing().expand(count, -1, -1)
    for at in range(1, given.variants + 1):
        seen = torch.cat([checkpoint.image_embedding(picture) for picture in shown])
        drawn_to = steered(seen, good, bad, positive=30.0, negative=30.0, repeats=repeats).expand(-1, checkpoint.facts.token_limit, -1)
        noise = torch.stack([next(shifted(SHAPE, index * 1000, float(at), 0.4)) for index in range(count)])
        *_, last = sample(
            checkpoint, conditioning=drawn_to, negative=nothing, noise=iter([noise]), sampler="dpm++", steps=given.steps, guidance=guidance
        )
        shown = list(quantised(checkpoint.decode(last.latents)))
        made.append(shown)
    return [list(one) for one in zip(*made, strict=True)]


def measure(checkpoint: Checkpoint, classifier: LabelClassifier, variants: Sequence[Picture]) -> dict[str, float]:
    """Return each figure of a chain."""
    seen = np.concatenate([checkpoint.image_embedding(variant)[0].float().numpy() for variant in variants])
    codes = dict(zip(ATTRIBUTES, read(classifier, np.stack(variants[-WINDOW:]))[0].T, strict=True))
    return {
        **{f"variance.{first + 1}-{first + WINDOW}": variance(seen[first : first + WINDOW]) for first in range(0, len(seen), WINDOW)},
        "variance.whole": variance(seen),
        "shows.subject": float(((codes["portrait"] > 0) | (codes["subject"] != ATTRIBUTES["subject"].index("none"))).mean()),
        "own.look": float((codes["look"] == ATTRIBUTES["look"].index("flat")).mean()),
        "faded": float(chain_variance(seen).collapsed),
        "burnt": float(chain_growth(variants).burnt),
    }


def told(values: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the mean of each figure with its interval."""
    return {name: [round(float(one), 4) for one in (each.mean(), *(mean_interval(each) or ()))] for name, each in values.items()}


def main() -> None:
    """Measure both, print, and write the sheet: off on the left, on on the right."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--variants", type=int, default=40)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--model", default="sketchbook")
    given = parser.parse_args()
    checkpoint = load(find_checkpoint(given.model))
    classifier = load_classifier(find_checkpoint("sketchbook").folder / "classifier")
    starts = [render(CASES + index) for index in range(given.pictures)]
    drawn = [chains(checkpoint, starts, repeats, given) for repeats in (0, 10)]
    off, on = (gathered([measure(checkpoint, classifier, chain) for chain in each]) for each in drawn)
    differences = {name: on[name] - off[name] for name in on}
    asked = {"n": given.pictures, "variants": given.variants, "steps": given.steps}
    print(json.dumps({**asked, "off": told(off), "on": told(on), "difference": told(differences)}, indent=1))
    if given.sheet:
        rows = zip(starts, *drawn, strict=True)
        Image.fromarray(
            np.concatenate([np.concatenate([row(start, one), GAP, row(start, other)], axis=1) for start, one, other in rows][:ROWS])
        ).save(given.sheet)


def gathered(figures: Sequence[dict[str, float]]) -> dict[str, np.ndarray]:
    """Return each figure of all chains."""
    return {name: np.array([one[name] for one in figures]) for name in figures[0]}


def row(start: Picture, variants: Sequence[Picture]) -> Picture:
    """Show a picture and some of its variants side by side."""
    return np.concatenate([start, *(variants[place] for place in SHOWN if place < len(variants))], axis=1)


if __name__ == "__main__":
    main()
