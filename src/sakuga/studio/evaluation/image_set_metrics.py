"""What is measured of a gallery, alone or beside another: rows with a value for each picture, and figures over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sakuga.evaluation.clip import Embeddings, clip_scores, directional, style_similarities
from sakuga.evaluation.fidelity import SCORED
from sakuga.evaluation.figure import Figure, Outcome, Refused, mean, paired, share
from sakuga.evaluation.frechet import Features, fd
from sakuga.evaluation.interval import SHARES, Values
from sakuga.evaluation.kernel_distance import cmmd, kid
from sakuga.evaluation.precision_recall import inception_score, precision_recall
from sakuga.evaluation.similarity import WINDOW, diversity, likenesses
from sakuga.finishing.image import Picture
from sakuga.models.classifier import ATTRIBUTES, Codes, codes_stated
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.labels import LOOKS
from sakuga.studio.evaluation.gallery import Gallery
from sakuga.studio.evaluation.judges import Judges

COPY = 0.5
"""The structural similarity from which on pictures are copies of each other, as after writing them smaller; other draws are far below."""
LOOK = list(ATTRIBUTES).index("look")
JUDGED = [list(ATTRIBUTES).index(name) for name in SCORED]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A gallery as the judges see it; each row has a value for each picture, NaN where there is none."""

    gallery: Gallery
    embeddings: Embeddings | None
    features: Features
    codes: Codes | None
    words: Values
    """100 x cosine to its own words."""
    text: Values
    """100 x cosine to a fixed text."""
    labels: Values
    """The share of what its words state that it shows, as the label classifier reads it."""
    stated: Codes | None


def see(gallery: Gallery, judges: Judges, text: str | None = None) -> Seen:
    """Let the judges look at a gallery."""
    n, told = len(gallery), gallery.told
    words, fixed, labels = (np.full(n, np.nan) for _ in range(3))
    embeddings = judges.clip.pictures(gallery.pictures) if judges.clip else None
    if judges.clip and embeddings is not None:
        if told:
            words[told] = clip_scores("words", embeddings[told], judges.clip.texts([gallery.prompts[place] for place in told]))
        if text:
            fixed = clip_scores("text", embeddings, judges.clip.texts([text]))
    codes = judges.labels(gallery.pictures)
    stated = np.stack([codes_stated(read_labels(prompt)) for prompt in gallery.prompts]) if codes is not None else None
    if codes is not None and stated is not None:
        asked = stated[:, JUDGED] >= 0
        right = (codes == stated)[:, JUDGED] & asked
        count = asked.sum(axis=1)
        labels = np.where(count > 0, right.sum(axis=1) / np.maximum(count, 1), np.nan)
    features = judges.eye.features(gallery.pictures)
    return Seen(
        gallery=gallery, embeddings=embeddings, features=features, codes=codes, words=words, text=fixed, labels=labels, stated=stated
    )


def own_figures(seen: Seen, judges: Judges, prefix: str = "", looks: Sequence[str] = ()) -> list[Outcome]:
    """Return the figures of one gallery, their keys after `prefix`; of all looks that are read in it unless some are named."""
    made = [_words(seen, judges, prefix)]
    if np.isfinite(seen.text).any():
        made.append(mean(f"{prefix}text.clip", seen.text, note="100 x cosine to the one text"))
    if seen.codes is not None and seen.stated is not None:
        made += _labels(seen, prefix)
        looks = looks or [LOOKS[code] for code in np.unique(seen.codes[:, LOOK])]
        reader = "read by the label classifier"
        made += [share(f"{prefix}look.{one}", seen.codes[:, LOOK] == LOOKS.index(one), note=reader) for one in looks]
    prompts = [prompt or name for prompt, name in zip(seen.gallery.prompts, seen.gallery.names, strict=True)]
    note = "perceptual distance of pictures of one prompt, by the label classifier's layers"
    return [*made, diversity(f"{prefix}diversity", seen.gallery.pictures, prompts, judges.eye.distance, note=note)]


def _words(seen: Seen, judges: Judges, prefix: str) -> Outcome:
    key, told = f"{prefix}words.clip", seen.gallery.told
    if judges.clip is None:
        return Refused(key=key, reason=judges.blind, instead="name a CLIP model with --clip")
    if not told:
        return Refused(key=key, reason="nothing tells what the pictures were to show", instead="give their prompts with --prompts FILE")
    groups = [seen.gallery.prompts[place] for place in told]
    return mean(key, seen.words[told], groups=groups, note=f"100 x cosine of each picture to its words; {judges.caution}")


def _labels(seen: Seen, prefix: str) -> list[Outcome]:
    """How often a picture shows what its words state, for each kind of label."""
    assert seen.codes is not None
    assert seen.stated is not None
    made: list[Outcome] = []
    for name, column in zip(SCORED, JUDGED, strict=True):
        told = seen.stated[:, column] >= 0
        if told.any():
            made.append(share(f"{prefix}labels.{name}", (seen.codes == seen.stated)[told, column]))
    known = np.isfinite(seen.labels)
    if known.any():
        groups = [prompt for prompt, there in zip(seen.gallery.prompts, known, strict=True) if there]
        note = "share of what its words state, picture by picture"
        made.append(mean(f"{prefix}labels.all", seen.labels[known], groups=groups, within=SHARES, note=note))
    return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairing:
    """Two galleries of the same prompts and seeds."""

    base: Seen
    other: Seen
    gain: Values
    """How much more like the references (or, without any, how far moved) each picture of `other` is."""

    @property
    def groups(self) -> list[str]:
        return [prompt or name for prompt, name in zip(self.base.gallery.prompts, self.base.gallery.names, strict=True)]


def pair_up(base: Seen, other: Seen, references: Seen | None = None) -> Pairing:
    """Put two galleries of the same prompts and seeds beside each other."""
    if base.embeddings is None or other.embeddings is None:
        gain = np.linalg.norm(other.features - base.features, axis=1)
    elif references is not None and references.embeddings is not None:
        before, after = (style_similarities("style", one, references.embeddings) for one in (base.embeddings, other.embeddings))
        gain = after - before
    else:
        gain = np.linalg.norm(other.embeddings - base.embeddings, axis=1).astype(np.float64)
    return Pairing(base=base, other=other, gain=gain)


def paired_figures(pairing: Pairing, prefix: str = "more.", looks: Sequence[str] = ()) -> list[Outcome]:
    """Return how much more the other gallery has than the base, pair by pair."""
    base, other, groups = pairing.base, pairing.other, pairing.groups
    made: list[Outcome] = []
    note = "pair by pair, same prompt and seed"
    for key, before, after, within in (
        ("words.clip", base.words, other.words, None),
        ("text.clip", base.text, other.text, None),
        ("labels.all", base.labels, other.labels, SHARES),
    ):
        known = np.isfinite(before) & np.isfinite(after)
        if known.any():
            inside = [group for group, stays in zip(groups, known, strict=True) if stays]
            made.append(paired(f"{prefix}{key}", before[known], after[known], groups=inside, within=within, note=note))
    if base.codes is not None and other.codes is not None:
        for look in looks:
            before, after = (codes[:, LOOK] == LOOKS.index(look) for codes in (base.codes, other.codes))
            made.append(paired(f"{prefix}look.{look}", before, after, groups=groups, within=SHARES, note=note))
    return made


def style_figures(pairing: Pairing, references: Seen | None, said: Embeddings | None, said_styled: Embeddings | None) -> list[Outcome]:
    """Return what tells a style: whether pictures moved as their words did, and towards the references."""
    base, other, groups = pairing.base, pairing.other, pairing.groups
    made: list[Outcome] = []
    if base.embeddings is None or other.embeddings is None:
        return made
    if said is not None and said_styled is not None:
        made.append(directional("style.direction", base.embeddings, other.embeddings, said, said_styled, groups=groups))
    if references is not None and references.embeddings is not None:
        before, after = (style_similarities("style", one, references.embeddings) for one in (base.embeddings, other.embeddings))
        note = f"100 x mean cosine to {len(references.gallery)} references"
        made += [mean(f"{name}.style.similarity", row, groups=groups, note=note) for name, row in (("base", before), ("style", after))]
        made.append(paired("more.style.similarity", before, after, groups=groups, note="pair by pair, same prompt and seed"))
    return made


def distance_figures(first: Seen, second: Seen, prefix: str, eye: str) -> list[Outcome]:
    """Return how far two sets of pictures are from each other, by an eye's features and by CLIP."""
    made: list[Outcome] = [kid(f"{prefix}kid", first.features, second.features), fd(f"{prefix}fd", first.features, second.features)]
    if first.embeddings is not None and second.embeddings is not None:
        made.append(cmmd(f"{prefix}cmmd", first.embeddings.astype(np.float64), second.embeddings.astype(np.float64)))
    made += precision_recall(prefix.rstrip(".") or "set", first.features, second.features)
    return made


def copy_figures(first: Seen, second: Seen) -> list[Outcome]:
    """Return how near pairs are pixel by pixel, where they are copies of each other; else nothing is said by that, and why."""
    pairs = list(zip(first.gallery.pictures, second.gallery.pictures, strict=True))
    why = _unlike_copies(pairs)
    near: tuple[Figure, ...] = ()
    if not why:
        near = likenesses(first.gallery.pictures, second.gallery.pictures)
        why = f"the pairs are no copies of each other (SSIM {near[0].value:.2f})" if near[0].value < COPY else ""
    if why:
        return [Refused(key=key, reason=why, instead="go by what differs pair by pair") for key in ("ssim", "psnr_db")]
    return list(near)


def _unlike_copies(pairs: Sequence[tuple[Picture, Picture]]) -> str:
    """Say which pair cannot be compared pixel by pixel, and why."""
    for place, (one, other) in enumerate(pairs, 1):
        if one.shape != other.shape:
            sizes = " and ".join(f"{picture.shape[1]}x{picture.shape[0]}" for picture in (one, other))
            return f"pair {place} is of {sizes} pixels"
        if min(one.shape[:2]) < WINDOW:
            return f"pair {place} is smaller than {WINDOW} pixels"
    return ""


def sureness(seen: Seen, judges: Judges) -> Outcome:
    """Return the inception score of the subjects that the label classifier reads."""
    read = judges.surely(seen.gallery.pictures, "subject")
    if read is None:
        reason = "no classifier knows what these pictures may be of"
        return Refused(key="inception", reason=reason, instead="look at the variety of one prompt's pictures, or hold them against others")
    return inception_score("inception", np.stack(list(read.values()), axis=1))


def worst_first(values: Sequence[float]) -> list[int]:
    """Return places from the lowest value up; what has none is left out."""
    row = np.asarray(values, np.float64)
    return [int(place) for place in np.argsort(row) if np.isfinite(row[place])]
