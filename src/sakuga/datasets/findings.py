"""What an inspection of a training set finds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sakuga.datasets.training_set import Composition, TrainingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One doubt about one picture or caption, or about several together."""

    rule: str
    """A key of RULES."""
    files: tuple[str, ...]
    """Of duplicates the whole group; empty where it is about the set."""
    message: str
    """What follows the file's name, or a sentence of its own."""


RULES = {
    "unreadable": "pictures that cannot be read",
    "duplicate": "near duplicates",
    "leak": "near duplicates of held-out pictures",
    "small": "too small",
    "aspect": "extreme aspect",
    "blur": "blurred",
    "border": "borders",
    "watermark": "watermark suspected",
    "empty": "no caption",
    "trigger": "trigger word missing",
    "trigger twice": "trigger word more than once",
    "tokens": "over the token limit",
    "repetition": "repeating themselves",
    "same caption": "the same caption",
    "common phrase": "a phrase in most captions",
    "writing": "captions that speak of writing",
    "licence": "licence unknown",
}
"""What is looked for, and what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A training set, looked through."""

    set: TrainingSet
    sizes: Mapping[str, tuple[int, int]]
    """Width and height of each picture, by its file."""
    compositions: Mapping[str, Composition]
    """Of the pictures where one could be told."""
    told_by: Mapping[str, int]
    """How many were told by the rows, a face, the caption or CLIP."""
    judge: str
    """Who told the compositions, in words."""
    size: int
    """Pixels of the side that a training would see."""
    changed: bool
    """Whether somebody changed the set since it was written."""
    findings: tuple[Finding, ...]

    def touched(self, rule: str) -> list[str]:
        """List the files that a rule found, each once."""
        return list(dict.fromkeys(file for finding in self.findings if finding.rule == rule for file in finding.files))

    def count(self, rule: str) -> int:
        """Count the files that a rule found; of what is about the whole set the findings. Of a group of duplicates all but one."""
        found = [finding for finding in self.findings if finding.rule == rule]
        if rule == "duplicate":
            return sum(len(finding.files) - 1 for finding in found)
        return len(self.touched(rule)) or len(found)

    @property
    def shares(self) -> Mapping[Composition, float]:
        """The share of each composition among the pictures to learn from of which it was told."""
        learnt = [self.compositions[e.file] for e in self.set.training if e.file in self.compositions]
        return {kind: count / len(learnt) for kind, count in Counter(learnt).items()}
