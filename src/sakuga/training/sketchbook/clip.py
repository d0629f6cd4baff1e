"""Train the tokenizer, the text encoder and the image encoder together, by contrast (Radford et al. 2021), with labels as a help."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import ATTRIBUTES, Codes, LabelHeads, codes_of, codes_stated
from sakuga.models.contrastive import AMONG, caption_pair, fits, preference, retrieval, states_one_other
from sakuga.models.image_tensors import to_tensor
from sakuga.models.sketchbook import (
    WIDTH,
    make_image_encoder,
    make_image_processor,
    make_text_encoder,
    open_image_encoder,
    open_text_encoder,
    open_tokenizer,
    train_tokenizer,
)
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.labels import LOOKS, Labels, Look
from sakuga.sketchbook.quality import QUALITIES
from sakuga.sketchbook.sampling import sample_labels
from sakuga.training.sketchbook import degraded_images
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, Pictures
from sakuga.training.speed import with_plain_attention
from sakuga.training.step_random import Chance

PLAN = Plan(samples=60_000, batch=32, rate=1e-3, pictures=12_288, warmup=3_000, decay=0.05, half_life=4_000)
SPOILT = 0.08
CALLED_GOOD = 0.08
LABEL_WEIGHT = 1.0
VOCABULARY_CAPTIONS = 40_000
GREATEST_SCALE = 50.0
LENGTHS = 4
"""On a CPU texts are embedded in as many groups of like length, because padding costs time."""
UNKNOWABLE = -2
"""The code of every attribute of a picture that shows nothing: no text fits it that states something."""
CHANGED = 0.5
"""The share of a batch that has a caption with one thing changed beside its own."""


def contrast(similarity: Tensor, fitting: Tensor) -> Tensor:
    """Return the cross-entropy of row i against column i, (n, >= n); other columns that fit as well are left out, not pushed away."""
    others = fitting.clone()
    others.fill_diagonal_(False)
    target = torch.arange(len(similarity), device=similarity.device)
    return nn.functional.cross_entropy(similarity.masked_fill(others, -1e4), target)


class ClipNetworks(nn.Module):
    """Both encoders, the scale of their similarity, and heads that read labels from either embedding (dropped afterwards)."""

    def __init__(self, text: nn.Module, image: nn.Module) -> None:
        super().__init__()
        self.text, self.image = text, image
        self.scale = nn.Parameter(torch.tensor(2.5))
        self.text_heads, self.image_heads = LabelHeads(WIDTH), LabelHeads(WIDTH)
        self.image_quality = nn.Linear(WIDTH, len(degraded_images.NAMES))

    def similarity(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return scaled cosines, (images, texts)."""
        unit = nn.functional.normalize
        return self.scale.exp().clamp(max=GREATEST_SCALE) * unit(images.float(), dim=-1) @ unit(texts.float(), dim=-1).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Pictures with a caption each, then captions of the first half with one thing changed; codes have the quality as their last column."""

    pictures: Tensor
    texts: list[str]
    shown: Tensor
    stated: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A caption and the same with one thing changed, the codes of what they state and of what the picture shows; the quality comes last."""

    text: str
    other: str
    shown: list[int]
    stated: list[int]
    stated_other: list[int]

    def with_quality(self, like: int, rng: np.random.Generator) -> "Told":
        """Return texts that say how good the picture is; that of the other is wrong."""
        text = degraded_images.say(degraded_images.NAMES[like], self.text, rng)
        wrong = int(rng.choice([index for index in range(len(degraded_images.NAMES)) if index != like]))
        other = degraded_images.say(degraded_images.NAMES[wrong], text if like == degraded_images.GOOD else self.other, rng)
        void = degraded_images.NAMES[like] in ("empty", "texture")
        shown = [*([UNKNOWABLE] * len(ATTRIBUTES) if void else self.shown[:-1]), like]
        stated, stated_other = (_loosened(codes_stated(read_labels(words))) for words in (text, other))
        return Told(text=text, other=other, shown=shown, stated=[*stated, like], stated_other=[*stated_other, wrong])


def tell(labels: Labels, look: Look, seed: tuple[int, ...]) -> Told:
    """Return what is said of a picture that nothing was done to, with no word about its quality."""
    text, other = caption_pair(labels, look, seed)
    stated, stated_other = (codes_stated(read_labels(words)) for words in (text, other))
    shown = [*codes_of(labels, look), degraded_images.GOOD]
    return Told(text=text, other=other, shown=shown, stated=[*stated, -1], stated_other=[*stated_other, -1])


def _loosened(facts: Codes) -> Codes:
    """Return what a text about quality states: of a text with no other facts, not even that it asks for a landscape."""
    column = list(ATTRIBUTES).index("portrait")
    alone = (facts >= 0).sum() == 1
    facts[column] = -1 if alone else facts[column]
    return facts


def vocabulary_texts(count: int) -> list[str]:
    """Return captions of every kind, foreign words and words of quality: what the tokenizer learns from."""
    rng = np.random.default_rng(5)
    drawn = [sample_labels(np.random.default_rng((5, index)), held_back=True) for index in range(count // 4)]
    texts = [caption(labels, rng, LOOKS[int(rng.integers(len(LOOKS)))]) for labels in drawn for _ in range(4)]
    return texts + [words for ways in QUALITIES.values() for words in ways] * 200


class ClipTask:
    """Both encoders in training, on pictures of every look."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        if start is None:
            known = work / "runs" / "clip" / "tokenizer"
            opened = (known / "merges.txt").exists()
            self.tokenizer = open_tokenizer(known) if opened else train_tokenizer(vocabulary_texts(VOCABULARY_CAPTIONS), known)
            networks = ClipNetworks(make_text_encoder(self.tokenizer), make_image_encoder())
        else:
            self.tokenizer = open_tokenizer(start / "tokenizer")
            networks = ClipNetworks(open_text_encoder(start), open_image_encoder(start))
        for encoder in (networks.text, networks.image):
            with_plain_attention(encoder, device)
        self.networks: ClipNetworks = networks.to(device).train()
        self.pictures = Pictures(EVERYTHING, plan.pictures, work, processes)
        self.held_out = [Pictures(album, min(512, plan.pictures), work) for album in (HELD_OUT, HELD_OUT_LOOKS)]

    def _batch(self, chance: Chance) -> Batch:
        rng = chance.rng()
        chosen = rng.integers(len(self.pictures), size=self.plan.batch)
        pictures = to_tensor(self.pictures.pixels(chosen), self.device)
        pictures = pictures * float(rng.normal(1.0, 0.03)) + float(rng.normal(0.0, 0.02))
        told: list[Told] = []
        for place, index in enumerate(chosen):
            plain = tell(self.pictures.labels[index], self.pictures.looks[index], (self.plan.seed, chance.seen, place))
            kind = rng.random()
            like = int(rng.integers(degraded_images.GOOD)) if kind < SPOILT else degraded_images.GOOD
            if kind < SPOILT:
                pictures[place] = degraded_images.spoil(pictures[place], degraded_images.NAMES[like], rng)
            told.append(plain.with_quality(like, rng) if kind < SPOILT + CALLED_GOOD else plain)
        others = told[: math.ceil(CHANGED * len(told))]
        stated = [*(one.stated for one in told), *(one.stated_other for one in others)]
        texts = [*(one.text for one in told), *(one.other for one in others)]
        shown = torch.tensor(np.array([one.shown for one in told]))
        return Batch(pictures=pictures, texts=texts, shown=shown, stated=torch.tensor(np.array(stated)))

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return the texts' embeddings, (texts, 256)."""
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

    def embed_pictures(self, pictures: Tensor) -> Tensor:
        """Return the pictures' embeddings, (pictures, 256)."""
        embedded: Tensor = self.networks.image(pixel_values=pictures).image_embeds
        return embedded

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the contrast both ways, and what the label heads say of either embedding."""
        batch, networks = self._batch(chance), self.networks
        images, texts = self.embed_pictures(batch.pictures), self.embed_texts(batch.texts)
        stated, shown = batch.stated.to(self.device), batch.shown.to(self.device)
        similarity, fitting = networks.similarity(images, texts), fits(stated, shown).T
        count = len(images)
        losses = {"images": contrast(similarity, fitting) / 2}
        losses["texts"] = contrast(similarity[:, :count].T, fitting[:, :count].T) / 2
        seen_labels = shown[:, :-1].clamp(min=-1)
        labels = networks.image_heads.loss(images, seen_labels) + networks.text_heads.loss(texts, stated[:, :-1])
        like = nn.functional.cross_entropy(networks.image_quality(images).float(), shown[:, -1])
        return {**losses, "labels": LABEL_WEIGHT * labels, "quality": 0.2 * like}

    def measure(self) -> dict[str, float]:
        """Return how often the right caption is found among 64, and preferred to one with one thing changed; on flat pictures and looks."""
        figures: dict[str, float] = {}
        for prefix, pictures in zip(("clip.", "clip.looks."), self.held_out, strict=True):
            described = zip(pictures.labels, pictures.looks, strict=True)
            pairs = [caption_pair(labels, look, (9, index)) for index, (labels, look) in enumerate(described)]
            groups = [range(first, min(first + AMONG, len(pairs))) for first in range(0, len(pairs), AMONG)]
            images = torch.cat([self.embed_pictures(to_tensor(pictures.pixels(group), self.device)) for group in groups])
            right, wrong = (torch.cat([self.embed_texts([pairs[k][which] for k in group]) for group in groups]) for which in (0, 1))
            figures[f"{prefix}retrieval_top1"] = retrieval(images, right)
            differ = torch.tensor([states_one_other(*pair) for pair in pairs], device=self.device)
            figures[f"{prefix}one_attribute"] = preference(images[differ], right[differ], wrong[differ])
        return figures

    def sheet(self) -> None:
        """Show nothing: it makes no pictures."""

    def save(self, weights: Path) -> None:
        """Write tokenizer/, text_encoder/, image_encoder/ and feature_extractor/."""
        self.tokenizer.save_pretrained(weights / "tokenizer")
        finished: Any = copy.deepcopy(self.networks).half().cpu()
        finished.text.save_pretrained(weights / "text_encoder")
        finished.image.save_pretrained(weights / "image_encoder")
        make_image_processor().save_pretrained(weights / "feature_extractor")
