"""The CLIP stage (Radford et al. 2021).

Tokenizer, text encoder and image encoder.
"""

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import LabelHeads
from sakuga.models.contrastive import (
    GROUP_SIZE,
    caption_pair,
    captions_match,
    differ_in_one_attribute,
    preference_accuracy,
    retrieval_accuracy,
)
from sakuga.models.image_tensors import to_tensor
from sakuga.models.placement import place_encoder
from sakuga.models.sketchbook import (
    EMBEDDING_CHANNELS,
    load_image_encoder,
    load_text_encoder,
    load_tokenizer,
    make_image_encoder,
    make_image_processor,
    make_text_encoder,
    train_tokenizer,
)
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes, label_codes, stated_codes
from sakuga.sketchbook.labels import LOOKS, Labels, Look
from sakuga.sketchbook.sampling import sample_labels
from sakuga.sketchbook.words import QUALITIES
from sakuga.training.sketchbook import degraded_images
from sakuga.training.sketchbook.image_dataset import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, ImageDataset
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=60_000, batch=32, rate=1e-3, images=12_288, warmup=3_000, decay=0.05, half_life=4_000)
DEGRADED = 0.08
PRAISED = 0.08
LABEL_WEIGHT = 1.0
VOCABULARY_CAPTIONS = 40_000
GREATEST_SCALE = 50.0
LENGTHS = 4
"""Groups of similar length that texts are embedded in on a CPU, where padding costs time."""
UNKNOWABLE = -2
"""The code of every attribute of an image that shows nothing: no stated attribute matches it."""
CHANGED = 0.5
"""The share of a batch that also has a caption with one attribute changed."""


def contrast(similarity: Tensor, fitting: Tensor) -> Tensor:
    """Return the cross-entropy of row i against column i.

    Similarities are (n, >= n). Other columns that match as well are masked.
    """
    others = fitting.clone()
    others.fill_diagonal_(False)
    target = torch.arange(len(similarity), device=similarity.device)
    return nn.functional.cross_entropy(similarity.masked_fill(others, -1e4), target)


class ClipNetworks(nn.Module):
    """Both encoders, their logit scale, and label heads.

    The heads are dropped after training.
    """

    def __init__(self, text: nn.Module, image: nn.Module) -> None:
        super().__init__()
        self.text, self.image = text, image
        self.scale = nn.Parameter(torch.tensor(2.5))
        self.text_heads, self.image_heads = LabelHeads(EMBEDDING_CHANNELS), LabelHeads(EMBEDDING_CHANNELS)
        self.image_quality = nn.Linear(EMBEDDING_CHANNELS, len(degraded_images.NAMES))

    def similarity(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return scaled cosine similarities, (images, texts)."""
        unit = nn.functional.normalize
        return self.scale.exp().clamp(max=GREATEST_SCALE) * unit(images.float(), dim=-1) @ unit(texts.float(), dim=-1).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images with captions, then changed captions of the first half.

    The codes' last column is the quality.
    """

    pixels: Tensor
    texts: list[str]
    shown: Tensor
    stated: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionPair:
    """A caption and the same with one attribute changed.

    Codes are those of both captions and of the image. The last code is the quality.
    """

    text: str
    other: str
    shown: list[int]
    stated: list[int]
    stated_other: list[int]

    def with_quality(self, quality: int, rng: np.random.Generator) -> "CaptionPair":
        """Add quality words, wrong ones to the changed caption."""
        text = degraded_images.add_quality_words(degraded_images.NAMES[quality], self.text, rng)
        wrong = int(rng.choice([index for index in range(len(degraded_images.NAMES)) if index != quality]))
        other = degraded_images.add_quality_words(
            degraded_images.NAMES[wrong], text if quality == degraded_images.GOOD else self.other, rng
        )
        void = degraded_images.NAMES[quality] in ("empty", "texture")
        shown = [*([UNKNOWABLE] * len(ATTRIBUTES) if void else self.shown[:-1]), quality]
        stated, stated_other = (_without_portrait(stated_codes(read_labels(words))) for words in (text, other))
        return CaptionPair(text=text, other=other, shown=shown, stated=[*stated, quality], stated_other=[*stated_other, wrong])


def make_caption_pair(labels: Labels, look: Look, seed: tuple[int, ...]) -> CaptionPair:
    """Build the captions of an unchanged image, without quality words."""
    text, other = caption_pair(labels, look, seed)
    stated, stated_other = (stated_codes(read_labels(words)) for words in (text, other))
    shown = [*label_codes(labels, look), degraded_images.GOOD]
    return CaptionPair(text=text, other=other, shown=shown, stated=[*stated, -1], stated_other=[*stated_other, -1])


def _without_portrait(codes: Codes) -> Codes:
    """Drop a lone portrait code.

    A caption of quality words alone states no portrait.
    """
    column = list(ATTRIBUTES).index("portrait")
    alone = (codes >= 0).sum() == 1
    codes[column] = -1 if alone else codes[column]
    return codes


def vocabulary_texts(count: int) -> list[str]:
    """Return texts to train the tokenizer on.

    Captions of every kind, foreign words and quality words.
    """
    rng = np.random.default_rng(5)
    sampled = [sample_labels(np.random.default_rng((5, index)), with_held_out=True, accompanied=True) for index in range(count // 4)]
    texts = [caption(labels, rng, LOOKS[int(rng.integers(len(LOOKS)))]) for labels in sampled for _ in range(4)]
    return texts + [words for ways in QUALITIES.values() for words in ways] * 200


class ClipTask:
    """Both encoders in training, on images of every look."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        torch.manual_seed(plan.seed)
        if setup.start is None:
            folder = setup.work / "runs" / "clip" / "tokenizer"
            trained = (folder / "merges.txt").exists()
            self.tokenizer = load_tokenizer(folder) if trained else train_tokenizer(vocabulary_texts(VOCABULARY_CAPTIONS), folder)
            networks = ClipNetworks(make_text_encoder(self.tokenizer), make_image_encoder())
        else:
            self.tokenizer = load_tokenizer(setup.start / "tokenizer")
            networks = ClipNetworks(load_text_encoder(setup.start), load_image_encoder(setup.start))
        for encoder in (networks.text, networks.image):
            place_encoder(encoder, device)
        self.networks: ClipNetworks = networks.to(device).train()
        self.dataset = ImageDataset(EVERYTHING, plan.images, setup.work, setup.processes)
        self.held_out = [ImageDataset(dataset, min(512, plan.images), setup.work) for dataset in (HELD_OUT, HELD_OUT_LOOKS)]

    def _batch(self, random: StepRandom) -> Batch:
        rng = random.rng()
        chosen = rng.integers(len(self.dataset), size=self.plan.batch)
        pixels = to_tensor(self.dataset.pixels(chosen), self.device)
        pixels = pixels * float(rng.normal(1.0, 0.03)) + float(rng.normal(0.0, 0.02))
        pairs: list[CaptionPair] = []
        for place, index in enumerate(chosen):
            plain = make_caption_pair(self.dataset.labels[index], self.dataset.looks[index], (self.plan.seed, random.samples_seen, place))
            kind = rng.random()
            quality = int(rng.integers(degraded_images.GOOD)) if kind < DEGRADED else degraded_images.GOOD
            if kind < DEGRADED:
                pixels[place] = degraded_images.degrade(pixels[place], degraded_images.NAMES[quality], rng)
            pairs.append(plain.with_quality(quality, rng) if kind < DEGRADED + PRAISED else plain)
        others = pairs[: math.ceil(CHANGED * len(pairs))]
        stated = [*(one.stated for one in pairs), *(one.stated_other for one in others)]
        texts = [*(one.text for one in pairs), *(one.other for one in others)]
        shown = torch.tensor(np.array([one.shown for one in pairs]))
        return Batch(pixels=pixels, texts=texts, shown=shown, stated=torch.tensor(np.array(stated)))

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return text embeddings, (texts, 256)."""
        ids = self.tokenizer(texts, truncation=True).input_ids
        if self.device.type == "cuda":
            return self._embed_ids(ids)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        share = -(-len(order) // LENGTHS)
        parts = [self._embed_ids([ids[index] for index in order[k : k + share]]) for k in range(0, len(order), share)]
        return torch.cat(parts)[torch.tensor(order).argsort()]

    def _embed_ids(self, ids: list[list[int]]) -> Tensor:
        tokens = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        pooled: Tensor = self.networks.text(input_ids=tokens.input_ids).pooler_output
        return pooled

    def embed_images(self, pixels: Tensor) -> Tensor:
        """Return image embeddings, (images, 256)."""
        embedded: Tensor = self.networks.image(pixel_values=pixels).image_embeds
        return embedded

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return contrastive losses both ways, and label losses."""
        batch, networks = self._batch(random), self.networks
        images, texts = self.embed_images(batch.pixels), self.embed_texts(batch.texts)
        stated, shown = batch.stated.to(self.device), batch.shown.to(self.device)
        similarity, fitting = networks.similarity(images, texts), captions_match(stated, shown).T
        count = len(images)
        losses = {"images": contrast(similarity, fitting) / 2}
        losses["texts"] = contrast(similarity[:, :count].T, fitting[:, :count].T) / 2
        known_labels = shown[:, :-1].clamp(min=-1)
        labels = networks.image_heads.loss(images, known_labels) + networks.text_heads.loss(texts, stated[:, :-1])
        quality = nn.functional.cross_entropy(networks.image_quality(images).float(), shown[:, -1])
        return {**losses, "labels": LABEL_WEIGHT * labels, "quality": 0.2 * quality}

    def measure(self) -> dict[str, float]:
        """Return retrieval and preference accuracy.

        Retrieval is among 64, preference over captions with one attribute changed. Measured on flat images and on every look.
        """
        metrics: dict[str, float] = {}
        for prefix, dataset in zip(("clip.", "clip.looks."), self.held_out, strict=True):
            described = zip(dataset.labels, dataset.looks, strict=True)
            pairs = [caption_pair(labels, look, (9, index)) for index, (labels, look) in enumerate(described)]
            groups = [range(first, min(first + GROUP_SIZE, len(pairs))) for first in range(0, len(pairs), GROUP_SIZE)]
            images = torch.cat([self.embed_images(to_tensor(dataset.pixels(group), self.device)) for group in groups])
            right, wrong = (torch.cat([self.embed_texts([pairs[k][which] for k in group]) for group in groups]) for which in (0, 1))
            metrics[f"{prefix}retrieval_top1"] = retrieval_accuracy(images, right)
            differ = torch.tensor([differ_in_one_attribute(*pair) for pair in pairs], device=self.device)
            metrics[f"{prefix}one_attribute"] = preference_accuracy(images[differ], right[differ], wrong[differ])
        return metrics

    def sheet(self) -> None:
        """Return nothing: the networks make no images."""

    def save(self, weights: Path) -> None:
        """Write tokenizer/, text_encoder/, image_encoder/ and feature_extractor/."""
        self.tokenizer.save_pretrained(weights / "tokenizer")
        finished: Any = copy.deepcopy(self.networks).half().cpu()
        finished.text.save_pretrained(weights / "text_encoder")
        finished.image.save_pretrained(weights / "image_encoder")
        make_image_processor().save_pretrained(weights / "feature_extractor")
