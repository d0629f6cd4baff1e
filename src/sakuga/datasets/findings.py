"""Findings of a training-set inspection."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sakuga.datasets.training_set import Composition, TrainingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of an image, a caption, or several."""

    rule: str
    """A key of RULES."""
    files: tuple[str, ...]
    """The affected files: of duplicates the whole group; empty for the set as a whole."""
    message: str
    """Text that follows the file's name, or a sentence of its own."""


RULES = {
    "unreadable": "unreadable images",
    "duplicate": "near duplicates",
    "leak": "near duplicates of held-out images",
    "small": "too small",
    "aspect": "extreme aspect ratio",
    "blur": "blurred",
    "border": "borders",
    "watermark": "watermark suspected",
    "empty": "no caption",
    "trigger": "trigger word missing",
    "trigger twice": "trigger word more than once",
    "tokens": "over the token limit",
    "repetition": "captions that repeat a phrase",
    "same caption": "identical captions",
    "common phrase": "a phrase in most captions",
    "writing": "captions that mention writing",
    "licence": "licence unknown",
}
"""All checks by key, with their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The results of all checks of a training set."""

    set: TrainingSet
    sizes: Mapping[str, tuple[int, int]]
    """Width and height of each image, by file."""
    compositions: Mapping[str, Composition]
    """By file, where one could be determined."""
    label_sources: Mapping[str, int]
    """How many compositions come from rows, faces, captions and CLIP."""
    clip_note: str
    """Which CLIP classified the compositions, in words."""
    size: int
    """The training resolution in pixels."""
    changed: bool
    """Whether the set was edited after it was written."""
    findings: tuple[Finding, ...]

    def files_with(self, rule: str) -> list[str]:
        """Return the files that a rule found, each once."""
        return list(dict.fromkeys(file for finding in self.findings if finding.rule == rule for file in finding.files))

    def count(self, rule: str) -> int:
        """Count a rule's files, or its findings without files.

        Of a group of duplicates all but one count.
        """
        found = [finding for finding in self.findings if finding.rule == rule]
        if rule == "duplicate":
            return sum(len(finding.files) - 1 for finding in found)
        return len(self.files_with(rule)) or len(found)

    @property
    def shares(self) -> Mapping[Composition, float]:
        """Return each composition's share of the labeled training images."""
        labeled = [self.compositions[e.file] for e in self.set.training if e.file in self.compositions]
        return {kind: count / len(labeled) for kind, count in Counter(labeled).items()}
