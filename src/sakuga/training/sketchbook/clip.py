"""Train the tokenizer, the text encoder and the image encoder together, by contrast (Radford et al. 2021), with labels as a help."""

import copy
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import ATTRIBUTES, LabelHeads, codes_of, codes_stated
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
from sakuga.sketchbook.captions import caption, read_labels
from sakuga.sketchbook.labels import Labels, Look, Portrait
from sakuga.training.sketchbook import quality
from sakuga.training.sketchbook.loop import Chance, Plan
from sakuga.training.sketchbook.pictures import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, Pictures
from sakuga.training.sketchbook.vae import to_tensor

PLAN = Plan(samples=60_000, batch=32, rate=1e-3, pictures=12_288, warmup=3_000, decay=0.05, half_life=4_000)
SPOILT = 0.08
CALLED_GOOD = 0.08
LABEL_WEIGHT = 1.0
VOCABULARY_CAPTIONS = 40_000
GREATEST_SCALE = 50.0
LENGTHS = 4
"""On a CPU texts are embedded in as many groups of like length, because padding costs time."""
CHANGED = 0.5
"""The share of a batch that has a caption with one thing changed beside its own."""


@cache
def _choices(kind: type) -> dict[str, tuple[str, ...]]:
    hints = get_type_hints(kind)
    return {field.name: get_args(hints[field.name]) for field in fields(kind) if field.name not in ("extras", "portrait")}


def with_one_changed(labels: Labels, attribute: str, rng: np.random.Generator) -> Labels:
    """Return labels whose one attribute has another value, drawn by chance; "extra.moon" and its like are put in or out."""
    if attribute.startswith("extra."):
        return replace(labels, extras=labels.extras ^ {attribute.removeprefix("extra.")})
    kind = Portrait if attribute in _choices(Portrait) else Labels
    now = getattr(labels if kind is Labels else labels.portrait, attribute)
    values = [value for value in _choices(kind)[attribute] if value != now]
    changed = {attribute: values[int(rng.integers(len(values)))]}
    if labels.portrait is not None and kind is Portrait:
        return replace(labels, portrait=replace(labels.portrait, **changed))
    return replace(labels, **changed)


def caption_pair(labels: Labels, look: Look, seed: tuple[int, ...]) -> tuple[str, str]:
    """Return a caption and the same with one stated attribute changed; the second may fit too, where the wording hides the change."""
    text = caption(labels, np.random.default_rng(seed), look)
    rng = np.random.default_rng((*seed, 1))
    stated = codes_stated(read_labels(text))
    names = [name for name, code in zip(ATTRIBUTES, stated, strict=True) if code >= 0 and name not in ("portrait", "look")]
    if not names:
        return text, text
    changed = with_one_changed(labels, names[int(rng.integers(len(names)))], rng)
    return text, caption(changed, np.random.default_rng(seed), look)


def fits(stated: Tensor, shown: Tensor) -> Tensor:
    """Return which texts fit which pictures, (texts, pictures): whatever a text states is as it says. Both are codes."""
    said = stated[:, None, :]
    return ((said < 0) | (said == shown[None])).all(dim=-1)


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
        self.image_quality = nn.Linear(WIDTH, len(quality.NAMES))

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


def vocabulary_texts(count: int) -> list[str]:
    """Return captions of every kind, foreign words and words of quality: what the tokenizer learns from."""
    from sakuga.sketchbook.labels import LOOKS
    from sakuga.sketchbook.sampling import sample_labels

    rng = np.random.default_rng(5)
    drawn = [sample_labels(np.random.default_rng((5, index)), held_back=True) for index in range(count // 4)]
    texts = [caption(labels, rng, LOOKS[int(rng.integers(len(LOOKS)))]) for labels in drawn for _ in range(4)]
    return texts + [words for ways in quality.QUALITIES.values() for words in ways] * 200


class ClipTask:
    """Both encoders in training, on pictures of every look."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        if start is None:
            known = work / "runs" / "clip" / "tokenizer"
            opened = (known / "merges.txt").exists()
            self.tokenizer = (
                CLIPTokenizer.from_pretrained(known) if opened else train_tokenizer(vocabulary_texts(VOCABULARY_CAPTIONS), known)
            )
            networks = ClipNetworks(make_text_encoder(self.tokenizer), make_image_encoder())
        else:
            self.tokenizer = open_tokenizer(start / "tokenizer")
            networks = ClipNetworks(open_text_encoder(start), open_image_encoder(start))
        self.networks: ClipNetworks = networks.to(device).train()
        self.pictures = Pictures(EVERYTHING, plan.pictures, work, processes)
        self.held_out = [Pictures(album, min(512, plan.pictures), work) for album in (HELD_OUT, HELD_OUT_LOOKS)]

    def _batch(self, chance: Chance) -> Batch:
        rng = chance.rng()
        chosen = rng.integers(len(self.pictures), size=self.plan.batch)
        pictures = to_tensor(self.pictures.pixels(chosen), self.device)
        pictures = pictures * float(rng.normal(1.0, 0.03)) + float(rng.normal(0.0, 0.02))
        texts, changed, shown, stated, stated_changed = [], [], [], [], []
        for place, index in enumerate(chosen):
            labels, look = self.pictures.labels[index], self.pictures.looks[index]
            text, other = caption_pair(labels, look, (self.plan.seed, chance.seen, place))
            codes, like, said, said_other = codes_of(labels, look), quality.GOOD, -1, -1
            facts, facts_other = codes_stated(read_labels(text)), codes_stated(read_labels(other))
            kind = rng.random()
            if kind < SPOILT:
                like = int(rng.integers(quality.GOOD))
                pictures[place] = quality.spoil(pictures[place], quality.NAMES[like], rng)
            if kind < SPOILT + CALLED_GOOD:
                text, said = quality.say(quality.NAMES[like], text, rng), like
                facts = codes_stated(read_labels(text))
                wrong = int(rng.choice([k for k in range(len(quality.NAMES)) if k != like]))
                other, said_other = quality.say(quality.NAMES[wrong], text if like == quality.GOOD else other, rng), wrong
                facts_other = codes_stated(read_labels(other))
                if quality.NAMES[like] in ("empty", "texture"):
                    codes = np.full_like(codes, -2)
                facts, facts_other = (self._loosened(known) for known in (facts, facts_other))
            texts.append(text)
            shown.append([*codes, like])
            stated.append([*facts, said])
            if place < CHANGED * self.plan.batch:
                changed.append(other)
                stated_changed.append([*facts_other, said_other])
        codes_of_texts = torch.tensor(np.array(stated + stated_changed))
        return Batch(pictures=pictures, texts=texts + changed, shown=torch.tensor(np.array(shown)), stated=codes_of_texts)

    @staticmethod
    def _loosened(facts: np.ndarray) -> np.ndarray:
        """Return what a text about quality states: of a text with no other facts, not even that it asks for a landscape."""
        column = list(ATTRIBUTES).index("portrait")
        alone = (facts >= 0).sum() == 1
        facts[column] = -1 if alone else facts[column]
        return facts

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
        seen_labels = torch.where(shown[:, :-1] == -2, -1, shown[:, :-1])
        labels = networks.image_heads.loss(images, seen_labels) + networks.text_heads.loss(texts, stated[:, :-1])
        like = nn.functional.cross_entropy(networks.image_quality(images).float(), shown[:, -1])
        return {**losses, "labels": LABEL_WEIGHT * labels, "quality": 0.2 * like}

    def measure(self) -> dict[str, float]:
        """Return how often the right caption is found among 64 with distinct labels, and preferred to one with one thing changed."""
        figures: dict[str, float] = {}
        for prefix, pictures in zip(("clip.", "clip.looks."), self.held_out, strict=True):
            seeds = [(9, index) for index in range(len(pictures))]
            pairs = [caption_pair(*shown, seed) for *shown, seed in zip(pictures.labels, pictures.looks, seeds, strict=True)]
            pixels = to_tensor(pictures.pixels(range(len(pictures))), self.device)
            images = torch.cat([self.embed_pictures(part) for part in pixels.split(64)])
            right = torch.cat([self.embed_texts([text for text, _ in pairs[k : k + 64]]) for k in range(0, len(pairs), 64)])
            wrong = torch.cat([self.embed_texts([text for _, text in pairs[k : k + 64]]) for k in range(0, len(pairs), 64)])
            figures[f"{prefix}retrieval_top1"] = retrieval(images, right)
            differ = torch.tensor([_states_one_other(*pair) for pair in pairs], device=self.device)
            cosine = nn.functional.cosine_similarity
            preferred = cosine(images, right) > cosine(images, wrong)
            figures[f"{prefix}one_attribute"] = float(preferred[differ].float().mean())
        return figures

    def sheet(self) -> None:
        """Show nothing: it makes no pictures."""

    def save(self, weights: Path) -> None:
        """Write tokenizer/, text_encoder/, image_encoder/ and feature_extractor/."""
        self.tokenizer.save_pretrained(weights / "tokenizer")
        copy.deepcopy(self.networks.text).half().cpu().save_pretrained(weights / "text_encoder")
        copy.deepcopy(self.networks.image).half().cpu().save_pretrained(weights / "image_encoder")
        make_image_processor().save_pretrained(weights / "feature_extractor")


def retrieval(images: Tensor, texts: Tensor, among: int = 64) -> float:
    """Return how often picture i is nearest to text i among the texts of its group of 64."""
    unit = nn.functional.normalize
    groups = zip(unit(images, dim=-1).split(among), unit(texts, dim=-1).split(among), strict=True)
    found = [(image @ text.T).argmax(dim=1) == torch.arange(len(image), device=image.device) for image, text in groups]
    return float(torch.cat(found).float().mean())


def _states_one_other(right: str, wrong: str) -> bool:
    """Return whether exactly one attribute, stated by both, differs."""
    first, second = codes_stated(read_labels(right)), codes_stated(read_labels(wrong))
    return bool(((first >= 0) == (second >= 0)).all() and (first != second).sum() == 1)
