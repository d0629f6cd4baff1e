"""The Sketchbook's figures: what it draws, beside what its own autoencoder makes of true renders."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from sakuga.evaluation.fidelity import OF_PEOPLE, fidelity_figures, read
from sakuga.evaluation.figure import Figure, counted, mean, numbers
from sakuga.evaluation.frechet import Features, fd
from sakuga.evaluation.kernel_distance import kid
from sakuga.models.classifier import ATTRIBUTES, Codes, codes_stated, load_classifier
from sakuga.models.contrastive import caption_pair, preference, retrieval, states_one_other
from sakuga.models.image_tensors import Pixels, psnr, reconstruct, to_tensor
from sakuga.models.sketchbook import NATIVE_SIZE, open_image_encoder, open_text_encoder, open_tokenizer, open_vae
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.labels import LOOKS, Labels, Look
from sakuga.sketchbook.scene import Moment, sample

Draw: TypeAlias = Callable[[Sequence[str]], Pixels]
"""Draws captions: n of them to (n, 128, 128, 3)."""
CASES = 130_000_000
"""The seed of the first held-out scene that a caption is taken from; no training sees it."""
REFERENCE = 140_000_000
"""The seed of the first held-out scene that the drawn pictures are compared with."""
LATEST = 12.0
"""Seconds after its start within which a scene is rendered."""
LEAST_STATED = 3
IN_EACH_LOOK = 64
"""Pictures of each look but the flat one that the autoencoder is measured on."""
AT_ONCE = 8
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A held-out scene and a caption of it."""

    seed: int
    labels: Labels
    caption: str

    @property
    def stated(self) -> Codes:
        """Return the codes of what the caption states."""
        return codes_stated(read_labels(self.caption))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a scoring is: `done` of `total` pictures of one kind of work."""

    doing: str
    done: int
    total: int


def held_out_cases(n: int, first: int = CASES) -> list[Case]:
    """Return n held-out scenes, each with a caption that states three or more of its attributes (over four on average)."""
    return [_case(first + index) for index in range(n)]


def _case(seed: int) -> Case:
    """Say a scene in ever new ways until enough is stated; no scene is passed over, so their distribution stays as it is."""
    labels = sample(seed).labels
    rng = np.random.default_rng((seed, 23))
    while True:
        case = Case(seed=seed, labels=labels, caption=caption(labels, rng))
        if count_stated(case.stated) >= LEAST_STATED:
            return case


def count_stated(codes: Codes) -> int:
    """Count the attributes that a caption states; that it asks for a landscape or names no look is no statement."""
    return sum(code >= 0 for name, code in zip(ATTRIBUTES, codes, strict=True) if name not in ("portrait", "look"))


def moment_of(seed: int, aspect: float = 1.0) -> Moment:
    """Return a held-out scene, of so many widths to a height, at a moment that its seed decides."""
    return sample(seed, aspect=aspect).at(float(np.random.default_rng((seed, 29)).uniform(0.0, LATEST)))


def render(seed: int) -> Pixels:
    """Render a held-out scene: (128, 128, 3)."""
    return np.asarray(moment_of(seed).picture(NATIVE_SIZE, NATIVE_SIZE))


def gather(doing: str, total: int, make: Callable[[range], Pixels]) -> Generator[Progress, None, Pixels]:
    """Make pictures eight at a time."""
    made: list[Pixels] = []
    for first in range(0, total, AT_ONCE):
        chunk = range(first, min(first + AT_ONCE, total))
        made.append(make(chunk))
        yield Progress(doing=doing, done=chunk.stop, total=total)
    return np.concatenate(made)


def score(draw: Draw, weights: Path, n: int = 256, pictures: int = 1000) -> Generator[Progress, None, dict[str, float]]:
    """Score what is drawn, by the classifier, the autoencoder and the CLIP encoders of a folder of weights.

    Fidelity is read in `n` pictures, that of close-ups in all that are drawn; KID and the Frechet distance compare `pictures` of them with
    as many other renders. `ceiling.` is the same for the autoencoder's reconstructions of the very scenes that the captions are taken from.
    The Frechet distance is left out where there are no more pictures than features. Yields progress, returns figures by dotted keys.
    """
    cases = held_out_cases(max(n, pictures))
    drawn = yield from gather("drawing", len(cases), lambda chunk: draw([cases[index].caption for index in chunk]))
    true = yield from gather("rendering", len(cases), lambda chunk: np.stack([render(cases[index].seed) for index in chunk]))
    other = yield from gather("rendering", pictures, lambda chunk: np.stack([render(REFERENCE + index) for index in chunk]))
    vae = open_vae(weights).requires_grad_(False)
    passed = yield from gather("autoencoder", len(cases), lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    classifier = load_classifier(weights / "classifier")
    (codes, features), (codes_passed, features_passed) = read(classifier, drawn), read(classifier, passed)
    stated = np.stack([case.stated for case in cases])
    figures = fidelity_figures("fidelity", codes[:n], stated[:n], ceiling=codes_passed[:n])
    figures |= fidelity_figures("fidelity", codes, stated, OF_PEOPLE, codes_passed)
    figures |= _distances(features[:pictures], features_passed[:pictures], read(classifier, other)[1])
    figures |= _clip(weights, cases[:n], true[:n])
    figures |= numbers(mean("vae_psnr_db", psnr(passed, true)))
    for look in LOOKS[1:]:
        shown, kept = yield from passed_in(look, [case.seed for case in cases[:n][:IN_EACH_LOOK]], vae)
        figures |= numbers(mean(f"vae_psnr_db.{look}", psnr(kept, shown)))
    return figures


def passed_in(look: Look, seeds: Sequence[int], vae: Any) -> Generator[Progress, None, tuple[Pixels, Pixels]]:
    """Return held-out scenes rendered in a look, and what the autoencoder keeps of them."""
    true = yield from gather(
        "rendering",
        len(seeds),
        lambda chunk: np.stack([moment_of(seeds[index]).picture(NATIVE_SIZE, NATIVE_SIZE, look) for index in chunk]),
    )
    passed = yield from gather("autoencoder", len(seeds), lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    return true, passed


def _distances(drawn: Features, passed: Features, rendered: Features) -> dict[str, float]:
    figures: dict[str, float] = {}
    for measure in (kid, fd):
        made, ceiling = (measure(measure.__name__, features, rendered) for features in (drawn, passed))
        if isinstance(made, Figure) and isinstance(ceiling, Figure):
            figures |= numbers(replace(made, ceiling=ceiling.value))
    return figures


@torch.inference_mode()
def _clip(weights: Path, cases: list[Case], true: Pixels) -> dict[str, float]:
    tokenizer, text_encoder = open_tokenizer(weights / "tokenizer"), open_text_encoder(weights)
    image_encoder = open_image_encoder(weights)

    def embedded(texts: list[str]) -> Tensor:
        ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").input_ids
        return torch.cat([text_encoder(part).pooler_output for part in torch.split(ids, 64)])

    pairs = [caption_pair(case.labels, "flat", (9, case.seed)) for case in cases]
    images = torch.cat([image_encoder(pixel_values=part).image_embeds for part in torch.split(to_tensor(true, CPU), 64)])
    right, wrong = embedded([text for text, _ in pairs]), embedded([text for _, text in pairs])
    differ = torch.tensor([states_one_other(*pair) for pair in pairs])
    preferred = preference(images[differ], right[differ], wrong[differ])
    return numbers(
        counted("clip.retrieval_top1", retrieval(images, right), len(images)), counted("clip.one_attribute", preferred, int(differ.sum()))
    )
