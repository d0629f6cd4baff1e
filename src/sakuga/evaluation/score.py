"""Metrics of the Sketchbook against reconstructions of true renders."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from sakuga.evaluation.fidelity import PORTRAIT_ATTRIBUTES, fidelity_figures
from sakuga.evaluation.frechet import Features, frechet_metric
from sakuga.evaluation.held_out import REFERENCE_SEED, Case, held_out_cases, held_out_moment
from sakuga.evaluation.kernel_distance import kid
from sakuga.evaluation.metric import Metric, counted_share, mean, to_numbers
from sakuga.models.classifier import classify, load_classifier
from sakuga.models.contrastive import caption_pair, differ_in_one_attribute, preference_accuracy, retrieval_accuracy
from sakuga.models.image_tensors import Images, psnr, reconstruct, to_tensor
from sakuga.models.sketchbook import NATIVE_SIZE, load_image_encoder, load_text_encoder, load_tokenizer, load_vae
from sakuga.sketchbook.labels import LOOKS, Look

GenerateImages: TypeAlias = Callable[[Sequence[str]], Images]
"""Generates images for n captions: (n, 128, 128, 3)."""
IMAGES_PER_LOOK = 64
"""Images of each look but the flat one for the autoencoder's PSNR."""
BATCH = 8
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a score, in images."""

    doing: str
    done: int
    total: int


def render(seed: int) -> Images:
    """Render a held-out scene: (128, 128, 3)."""
    return np.asarray(held_out_moment(seed).image(NATIVE_SIZE, NATIVE_SIZE))


def gather(doing: str, total: int, make: Callable[[range], Images]) -> Generator[Progress, None, Images]:
    """Make images in batches of eight, with progress."""
    made: list[Images] = []
    for first in range(0, total, BATCH):
        chunk = range(first, min(first + BATCH, total))
        made.append(make(chunk))
        yield Progress(doing=doing, done=chunk.stop, total=total)
    return np.concatenate(made)


def score(generate: GenerateImages, weights: Path, n: int = 256, images: int = 1000) -> Generator[Progress, None, dict[str, float]]:
    """Score generated images against true renders.

    By the classifier, autoencoder and CLIP of a folder of weights.

    Fidelity is measured on `n` images, that of close-ups on all; KID and the Frechet distance compare `images` of them with as many other
    renders. `ceiling.` is the same metric of the autoencoder's reconstructions of the captioned scenes. The Frechet distance is left out
    where there are no more images than features. Yields progress, returns metrics by dotted key.
    """
    cases = held_out_cases(max(n, images))
    generated = yield from gather("generating", len(cases), lambda chunk: generate([cases[index].caption for index in chunk]))
    true = yield from gather("rendering", len(cases), lambda chunk: np.stack([render(cases[index].seed) for index in chunk]))
    other = yield from gather("rendering", images, lambda chunk: np.stack([render(REFERENCE_SEED + index) for index in chunk]))
    vae = load_vae(weights).requires_grad_(False)
    reconstructed = yield from gather("autoencoder", len(cases), lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    classifier = load_classifier(weights / "classifier")
    codes, features = classify(classifier, generated)
    ceiling_codes, ceiling_features = classify(classifier, reconstructed)
    stated = np.stack([case.stated for case in cases])
    metrics = fidelity_figures("fidelity", codes[:n], stated[:n], ceiling=ceiling_codes[:n])
    metrics |= fidelity_figures("fidelity", codes, stated, PORTRAIT_ATTRIBUTES, ceiling_codes)
    metrics |= _distances(features[:images], ceiling_features[:images], classify(classifier, other)[1])
    metrics |= _clip(weights, cases[:n], true[:n])
    metrics |= to_numbers(mean("vae_psnr_db", psnr(reconstructed, true)))
    for look in LOOKS[1:]:
        renders, decoded = yield from reconstructed_renders(look, [case.seed for case in cases[:n][:IMAGES_PER_LOOK]], vae)
        metrics |= to_numbers(mean(f"vae_psnr_db.{look}", psnr(decoded, renders)))
    return metrics


def reconstructed_renders(look: Look, seeds: Sequence[int], vae: Any) -> Generator[Progress, None, tuple[Images, Images]]:
    """Return renders in a look, and their reconstructions."""
    true = yield from gather(
        "rendering",
        len(seeds),
        lambda chunk: np.stack([held_out_moment(seeds[index]).image(NATIVE_SIZE, NATIVE_SIZE, look) for index in chunk]),
    )
    reconstructed = yield from gather("autoencoder", len(seeds), lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    return true, reconstructed


def _distances(generated: Features, reconstructed: Features, rendered: Features) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for key, measure in (("kid", kid), ("fd", frechet_metric)):
        metric, ceiling = (measure(key, features, rendered) for features in (generated, reconstructed))
        if isinstance(metric, Metric) and isinstance(ceiling, Metric):
            metrics |= to_numbers(replace(metric, ceiling=ceiling.value))
    return metrics


@torch.inference_mode()
def _clip(weights: Path, cases: list[Case], true: Images) -> dict[str, float]:
    tokenizer, text_encoder = load_tokenizer(weights / "tokenizer"), load_text_encoder(weights)
    image_encoder = load_image_encoder(weights)

    def embedded(texts: list[str]) -> Tensor:
        ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").input_ids
        return torch.cat([text_encoder(part).pooler_output for part in torch.split(ids, 64)])

    pairs = [caption_pair(case.labels, "flat", (9, case.seed)) for case in cases]
    images = torch.cat([image_encoder(pixel_values=part).image_embeds for part in torch.split(to_tensor(true, CPU), 64)])
    right, wrong = embedded([text for text, _ in pairs]), embedded([text for _, text in pairs])
    differ = torch.tensor([differ_in_one_attribute(*pair) for pair in pairs])
    preferred = preference_accuracy(images[differ], right[differ], wrong[differ])
    return to_numbers(
        counted_share("clip.retrieval_top1", retrieval_accuracy(images, right), len(images)),
        counted_share("clip.one_attribute", preferred, int(differ.sum())),
    )
