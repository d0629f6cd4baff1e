"""Networks that score images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sakuga.evaluation.confidence import Values
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint

if TYPE_CHECKING:
    from sakuga.models.feature_extractors import ClipModel, FeatureExtractor
    from sakuga.sketchbook.label_codes import Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricModels:
    """The networks that score images of one base model."""

    source: CheckpointFiles | None
    """The base model that generated the images; None if unknown."""
    clip: "ClipModel | None"
    clip_error: str
    """Why no CLIP was loaded; "" with one."""
    feature_extractor: "FeatureExtractor"
    classifier: Any
    """The label classifier; None for models other than the Sketchbook."""

    @property
    def caveat(self) -> str:
        """Name the CLIP that scores prompts, and its known bias.

        "" without one.
        """
        if self.clip is None:
            return ""
        return self.clip.caveat(self.source.folder if self.source else None) or f"scored by {self.clip.name}"

    def names(self) -> dict[str, str | None]:
        """Return the models' names for `config.json`."""
        return {"clip": self.clip.name if self.clip else None, "features": self.feature_extractor.name}

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what a report says of the models."""
        features = f"the label classifier's 256 features of {self.feature_extractor.name}"
        return (("prompts are scored by", self.caveat or self.clip_error), ("distances are by", features))

    def labels(self, images: Sequence[Image]) -> "Codes | None":
        """Classify images of any sizes.

        Codes (n, attributes), or None without a classifier.
        """
        from sakuga.models.classifier import classify

        return None if self.classifier is None else classify(self.classifier, _squared(images))[0]

    def probabilities(self, images: Sequence[Image], attribute: str) -> dict[str, Values] | None:
        """Return the probability of each attribute value.

        By image, (n,) in 0 to 1.

        None without a classifier.
        """
        import torch

        from sakuga.models.classifier import classify
        from sakuga.sketchbook.label_codes import ATTRIBUTES

        if self.classifier is None:
            return None
        features = torch.from_numpy(classify(self.classifier, _squared(images))[1]).float()
        with torch.inference_mode():
            logits = self.classifier.heads(features)[list(ATTRIBUTES).index(attribute)]
        shares: Values = logits.softmax(dim=-1).double().numpy()
        return {value: shares[:, place] for place, value in enumerate(ATTRIBUTES[attribute])}


def _squared(images: Sequence[Image]) -> Image:
    """Resize images to the classifier's input.

    Of any sizes, to (n, 128, 128, 3) uint8.
    """
    import torch

    from sakuga.models.classifier import resize_square
    from sakuga.models.image_tensors import to_tensor

    square = [resize_square(to_tensor(one[None], torch.device("cpu")))[0] for one in images]
    return np.stack([((one.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy() for one in square])


def load_metric_models(model: str | None, clip: str | None, recipe_model: str | None = None) -> MetricModels:
    """Load the networks that score images of a model.

    `clip` names a CLIP, by default the model's own; `recipe_model` is the model that a recipe names. Raises CheckpointError where a named
    model or CLIP is not available.
    """
    from sakuga.models.classifier import load_classifier
    from sakuga.models.feature_extractors import load_clip, load_feature_extractor

    source = _source(model, recipe_model)
    name = source.name if source else SKETCHBOOK
    classifier = source.folder / "classifier" if source else None
    loaded, clip_error = None, ""
    try:
        loaded = load_clip(clip or name)
    except CheckpointError as error:
        if clip:
            raise
        clip_error = str(error)
    return MetricModels(
        source=source,
        clip=loaded,
        clip_error=clip_error,
        feature_extractor=load_feature_extractor(SKETCHBOOK),
        classifier=load_classifier(classifier) if classifier and classifier.is_dir() else None,
    )


def _source(model: str | None, recipe_model: str | None) -> CheckpointFiles | None:
    """Find the base model.

    A model that only a recipe names is never downloaded.
    """
    if model:
        return find_checkpoint(model)
    return find_checkpoint(SKETCHBOOK) if recipe_model == SKETCHBOOK else None
