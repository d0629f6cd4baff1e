"""Metrics of an image set, alone or beside another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sakuga.evaluation.clip_score import Embeddings, clip_scores, directional_similarity, style_similarities
from sakuga.evaluation.confidence import SHARES, Values
from sakuga.evaluation.fidelity import SCENE_ATTRIBUTES
from sakuga.evaluation.frechet import Features, frechet_metric
from sakuga.evaluation.kernel_distance import cmmd, kid
from sakuga.evaluation.metric import Measurement, Metric, NotMeasured, mean, paired, share
from sakuga.evaluation.precision_recall import inception_score, precision_recall
from sakuga.evaluation.similarity import WINDOW, diversity, similarity_metrics
from sakuga.finishing.image import Image
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes, stated_codes
from sakuga.sketchbook.labels import LOOKS
from sakuga.studio.evaluation.image_set import ImageSet
from sakuga.studio.evaluation.metric_models import MetricModels

COPY_SSIM = 0.5
"""The SSIM from which images count as copies of each other, such as resized ones; other seeds are far below."""
LOOK = list(ATTRIBUTES).index("look")
SCENE_COLUMNS = [list(ATTRIBUTES).index(name) for name in SCENE_ATTRIBUTES]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredImages:
    """An image set with its scores.

    Rows have one value per image, NaN where unknown.
    """

    image_set: ImageSet
    embeddings: Embeddings | None
    """CLIP's image embeddings."""
    features: Features
    codes: Codes | None
    """Labels read by the classifier, (n, attributes)."""
    prompt_scores: Values
    """100 x cosine to the image's own prompt."""
    text_scores: Values
    """100 x cosine to one text for all images."""
    labels: Values
    """The share of the prompt's labels that the image shows, 0 to 1."""
    stated: Codes | None
    """Labels that the prompts state, -1 elsewhere."""


def measure_images(image_set: ImageSet, models: MetricModels, text: str | None = None) -> MeasuredImages:
    """Score each image of a set.

    By its prompt, its labels and an optional text.
    """
    known = image_set.with_prompt
    prompt_scores, text_scores, labels = (np.full(len(image_set), np.nan) for _ in range(3))
    embeddings = models.clip.embed_images(image_set.images) if models.clip else None
    if models.clip and embeddings is not None:
        if known:
            texts = models.clip.embed_texts([image_set.prompts[index] for index in known])
            prompt_scores[known] = clip_scores("words", embeddings[known], texts)
        if text:
            text_scores = clip_scores("text", embeddings, models.clip.embed_texts([text]))
    codes = models.labels(image_set.images)
    stated = np.stack([stated_codes(read_labels(prompt)) for prompt in image_set.prompts]) if codes is not None else None
    if codes is not None and stated is not None:
        labels = _shown_share(codes, stated)
    return MeasuredImages(
        image_set=image_set,
        embeddings=embeddings,
        features=models.feature_extractor.features(image_set.images),
        codes=codes,
        prompt_scores=prompt_scores,
        text_scores=text_scores,
        labels=labels,
        stated=stated,
    )


def _shown_share(codes: Codes, stated: Codes) -> Values:
    """Return the share of stated labels that each image shows.

    NaN where none is stated.
    """
    relevant = stated[:, SCENE_COLUMNS] >= 0
    right = (codes == stated)[:, SCENE_COLUMNS] & relevant
    count = relevant.sum(axis=1)
    return np.where(count > 0, right.sum(axis=1) / np.maximum(count, 1), np.nan)


def image_metrics(measured: MeasuredImages, models: MetricModels, prefix: str = "", looks: Sequence[str] = ()) -> list[Measurement]:
    """Return the metrics of one image set under `prefix`.

    `looks` limits the looks that are counted.
    """
    metrics = [_prompt_score(measured, models, prefix)]
    if np.isfinite(measured.text_scores).any():
        metrics.append(mean(f"{prefix}text.clip", measured.text_scores, note="100 x cosine to the one text"))
    if measured.codes is not None and measured.stated is not None:
        metrics += _label_metrics(measured.codes, measured.stated, measured, prefix)
        read = measured.codes[:, LOOK]
        looks = looks or [LOOKS[code] for code in np.unique(read)]
        note = "read by the label classifier"
        metrics += [share(f"{prefix}look.{look}", read == LOOKS.index(look), note=note) for look in looks]
    note = "perceptual distance of images of one prompt, by the label classifier's layers"
    distance = models.feature_extractor.distance
    return [*metrics, diversity(f"{prefix}diversity", measured.image_set.images, _groups(measured), distance, note=note)]


def _groups(measured: MeasuredImages) -> list[str]:
    """Name each image by its prompt, else by its name."""
    return [prompt or name for prompt, name in zip(measured.image_set.prompts, measured.image_set.names, strict=True)]


def _prompt_score(measured: MeasuredImages, models: MetricModels, prefix: str) -> Measurement:
    key, known = f"{prefix}words.clip", measured.image_set.with_prompt
    if models.clip is None:
        return NotMeasured(key=key, reason=models.clip_error, instead="name a CLIP model with --clip")
    if not known:
        return NotMeasured(key=key, reason="the prompts of these images are unknown", instead="give them with --prompts FILE")
    groups = [measured.image_set.prompts[index] for index in known]
    return mean(key, measured.prompt_scores[known], groups=groups, note=f"100 x cosine of each image to its prompt; {models.caveat}")


def _label_metrics(codes: Codes, stated: Codes, measured: MeasuredImages, prefix: str) -> list[Measurement]:
    """Return the share of correct images by label."""
    metrics: list[Measurement] = []
    for name, column in zip(SCENE_ATTRIBUTES, SCENE_COLUMNS, strict=True):
        relevant = stated[:, column] >= 0
        if relevant.any():
            metrics.append(share(f"{prefix}labels.{name}", (codes == stated)[relevant, column]))
    known = np.isfinite(measured.labels)
    if known.any():
        groups = [prompt for prompt, there in zip(measured.image_set.prompts, known, strict=True) if there]
        note = "share of the prompt's labels that the image shows"
        metrics.append(mean(f"{prefix}labels.all", measured.labels[known], groups=groups, within=SHARES, note=note))
    return metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePairs:
    """Two image sets of the same prompts and seeds."""

    base: MeasuredImages
    other: MeasuredImages
    gain: Values
    """Per pair, the gain in similarity to the references; without any, the distance of the two images."""

    @property
    def groups(self) -> list[str]:
        return _groups(self.base)


def pair_images(base: MeasuredImages, other: MeasuredImages, references: MeasuredImages | None = None) -> ImagePairs:
    """Pair two image sets of the same prompts and seeds."""
    if base.embeddings is None or other.embeddings is None:
        gain = np.linalg.norm(other.features - base.features, axis=1)
    elif references is not None and references.embeddings is not None:
        before, after = (style_similarities("style", one, references.embeddings) for one in (base.embeddings, other.embeddings))
        gain = after - before
    else:
        gain = np.linalg.norm(other.embeddings - base.embeddings, axis=1).astype(np.float64)
    return ImagePairs(base=base, other=other, gain=gain)


def difference_metrics(pairs: ImagePairs, prefix: str = "more.", looks: Sequence[str] = ()) -> list[Measurement]:
    """Return the differences to the base, pair by pair."""
    base, other, groups = pairs.base, pairs.other, pairs.groups
    metrics: list[Measurement] = []
    note = "pair by pair, same prompt and seed"
    for key, before, after, within in (
        ("words.clip", base.prompt_scores, other.prompt_scores, None),
        ("text.clip", base.text_scores, other.text_scores, None),
        ("labels.all", base.labels, other.labels, SHARES),
    ):
        known = np.isfinite(before) & np.isfinite(after)
        if known.any():
            inside = [group for group, there in zip(groups, known, strict=True) if there]
            metrics.append(paired(f"{prefix}{key}", before[known], after[known], groups=inside, within=within, note=note))
    if base.codes is not None and other.codes is not None:
        for look in looks:
            before, after = (codes[:, LOOK] == LOOKS.index(look) for codes in (base.codes, other.codes))
            metrics.append(paired(f"{prefix}look.{look}", before, after, groups=groups, within=SHARES, note=note))
    return metrics


def style_metrics(
    pairs: ImagePairs, references: MeasuredImages | None, texts: Embeddings | None, styled_texts: Embeddings | None
) -> list[Measurement]:
    """Return directional and reference similarity."""
    base, other, groups = pairs.base, pairs.other, pairs.groups
    metrics: list[Measurement] = []
    if base.embeddings is None or other.embeddings is None:
        return metrics
    if texts is not None and styled_texts is not None:
        metrics.append(
            directional_similarity("style.direction", base.embeddings, other.embeddings, texts, styled_texts, groups=groups)
        )  # fmt: skip
    if references is not None and references.embeddings is not None:
        before, after = (style_similarities("style", one, references.embeddings) for one in (base.embeddings, other.embeddings))
        note = f"100 x mean cosine to {len(references.image_set)} references"
        metrics += [mean(f"{name}.style.similarity", row, groups=groups, note=note) for name, row in (("base", before), ("style", after))]
        metrics.append(paired("more.style.similarity", before, after, groups=groups, note="pair by pair, same prompt and seed"))
    return metrics


def distance_metrics(first: MeasuredImages, second: MeasuredImages, prefix: str) -> list[Measurement]:
    """Return the distances of two image sets.

    KID, Frechet distance, CMMD, precision and recall.
    """
    features = first.features, second.features
    metrics: list[Measurement] = [kid(f"{prefix}kid", *features), frechet_metric(f"{prefix}fd", *features)]
    if first.embeddings is not None and second.embeddings is not None:
        metrics.append(cmmd(f"{prefix}cmmd", first.embeddings.astype(np.float64), second.embeddings.astype(np.float64)))
    metrics += precision_recall(prefix.rstrip(".") or "set", *features)
    return metrics


def pixel_metrics(first: MeasuredImages, second: MeasuredImages) -> list[Measurement]:
    """Return SSIM and PSNR of copies, else why not."""
    pairs = list(zip(first.image_set.images, second.image_set.images, strict=True))
    reason = _size_mismatch(pairs)
    metrics: tuple[Metric, ...] = ()
    if not reason:
        metrics = similarity_metrics(first.image_set.images, second.image_set.images)
        reason = f"the pairs are no copies of each other (SSIM {metrics[0].value:.2f})" if metrics[0].value < COPY_SSIM else ""
    if reason:
        return [NotMeasured(key=key, reason=reason, instead="use the differences pair by pair") for key in ("ssim", "psnr_db")]
    return list(metrics)


def _size_mismatch(pairs: Sequence[tuple[Image, Image]]) -> str:
    """Return why pairs cannot be compared by pixels.

    "" if all can.
    """
    for number, (one, other) in enumerate(pairs, 1):
        if one.shape != other.shape:
            sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (one, other))
            return f"pair {number} has {sizes} pixels"
        if min(one.shape[:2]) < WINDOW:
            return f"pair {number} is smaller than {WINDOW} pixels"
    return ""


def inception_metric(measured: MeasuredImages, models: MetricModels) -> Measurement:
    """Return the inception score over the label classifier's subjects."""
    subjects = models.probabilities(measured.image_set.images, "subject")
    if subjects is None:
        reason = "there is no classifier for this model's images"
        return NotMeasured(key="inception", reason=reason, instead="use the diversity of one prompt's images, or compare with other images")
    return inception_score("inception", np.stack(list(subjects.values()), axis=1))


def worst_first(values: Sequence[float]) -> list[int]:
    """Return the indices of finite values, lowest first."""
    row = np.asarray(values, np.float64)
    return [int(index) for index in np.argsort(row) if np.isfinite(row[index])]
