"""Who judges pictures: a CLIP for words, the label classifier for what the Sketchbook's world shows, an eye for distances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sakuga.evaluation.interval import Values
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, Source
from sakuga.models.checkpoint_lookup import find_checkpoint

if TYPE_CHECKING:
    from sakuga.models.classifier import Codes
    from sakuga.models.feature_extractors import Clip, Eye


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judges:
    """The networks that look at pictures of one model."""

    source: Source | None
    """The model that drew them, where it is known and here."""
    clip: "Clip | None"
    blind: str
    """Why there is no CLIP."""
    eye: "Eye"
    classifier: Any
    """The label classifier, for what a model of the Sketchbook's kind draws."""

    @property
    def caution(self) -> str:
        """Say what is to be kept in mind of the CLIP, or else its name."""
        if self.clip is None:
            return ""
        return self.clip.caution(self.source.folder if self.source else None) or f"judged by {self.clip.name}"

    def labels(self, pictures: Sequence[Picture]) -> "Codes | None":
        """Read the labels of pictures of any sizes, (n, attributes); None where nobody can."""
        from sakuga.evaluation.fidelity import read

        return None if self.classifier is None else read(self.classifier, _squared(pictures))[0]

    def surely(self, pictures: Sequence[Picture], attribute: str) -> dict[str, Values] | None:
        """Tell how surely each picture shows each value of a label, 0 to 1, (n,); None where nobody can."""
        import torch

        from sakuga.evaluation.fidelity import read
        from sakuga.models.classifier import ATTRIBUTES

        if self.classifier is None:
            return None
        seen = torch.from_numpy(read(self.classifier, _squared(pictures))[1]).float()
        with torch.inference_mode():
            logits = self.classifier.heads(seen)[list(ATTRIBUTES).index(attribute)]
        shares: Values = logits.softmax(dim=-1).double().numpy()
        return {value: shares[:, place] for place, value in enumerate(ATTRIBUTES[attribute])}


def _squared(pictures: Sequence[Picture]) -> Picture:
    """Bring pictures of any sizes to what the classifier reads: (n, 128, 128, 3)."""
    import torch

    from sakuga.models.classifier import squared
    from sakuga.models.image_tensors import to_tensor

    square = [squared(to_tensor(one[None], torch.device("cpu")))[0] for one in pictures]
    return np.stack([((one.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy() for one in square])


def call_judges(model: str | None, clip: str | None, drawn_by: str | None = None) -> Judges:
    """Open who judges: CLIP by `clip`, else the model's own; `drawn_by` is the model's name in a recipe, where nobody names one.

    Raises CheckpointError for a model or CLIP that was named and is not to be had.
    """
    from sakuga.models.classifier import load_classifier
    from sakuga.models.feature_extractors import open_clip, open_eye

    source = _source(model, drawn_by)
    name = source.name if source else SKETCHBOOK
    classifier = source.folder / "classifier" if source else None
    found, blind = None, ""
    try:
        found = open_clip(clip or name)
    except CheckpointError as error:
        if clip:
            raise
        blind = str(error)
    return Judges(
        source=source,
        clip=found,
        blind=blind,
        eye=open_eye(SKETCHBOOK),
        classifier=load_classifier(classifier) if classifier and classifier.is_dir() else None,
    )


def _source(model: str | None, drawn_by: str | None) -> Source | None:
    """Find the model; one that only a recipe names is not fetched, and where it is not the built-in one nobody knows it."""
    if model:
        return find_checkpoint(model)
    return find_checkpoint(SKETCHBOOK) if drawn_by == SKETCHBOOK else None
