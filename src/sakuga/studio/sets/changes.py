"""Training sets derived from others by splitting and balancing; the source is never changed."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from sakuga.datasets.balancing import MANY_REPEATS, Ratio, balance_by_repeats, balance_by_selection, check_ratio, epoch_counts
from sakuga.datasets.splitting import hold_out
from sakuga.datasets.training_set import Composition, Example, SetError, TrainingSet, read_set
from sakuga.datasets.writing import write_set_steps
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.story.options import SEED
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_set_folder
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.compositions import label_compositions
from sakuga.timeline.clip import Image

BalanceMethod = Literal["repeats", "selection"]
BALANCE_METHODS = {"repeats": balance_by_repeats, "selection": balance_by_selection}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSet:
    """Result of `split_set`."""

    out: Path
    training: int
    held_out: int


@checked(seed=SEED)
def split_set(source: Path | str, out: Path | str, *, holdout: float = 0.1, seed: int = 0) -> Work[Step, SplitSet]:
    """Write a set with a random part held out.

    `holdout` is a share below 1, or a number of images from 1 on. Raises SetError.
    """
    original = read_source(source, out)
    examples = hold_out(original.examples, holdout, seed)
    held = sum(example.held_out for example in examples)
    return Work(_split(Derived(source=original, out=Path(out), change=f"{held} held out by seed {seed}"), examples))


def _split(derived: "Derived", examples: tuple[Example, ...]) -> Generator[Step, None, SplitSet]:
    made = yield from write_derived_set(derived, derived.unchanged(examples), len(examples))
    return SplitSet(out=derived.out, training=len(made.training), held_out=len(made.held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedSet:
    """Result of `balance_set`, in examples per epoch."""

    out: Path
    by: BalanceMethod
    before: dict[Composition, int]
    after: dict[Composition, int]
    images: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balancing:
    ratio: Ratio
    by: BalanceMethod
    seed: int
    clip: str


@checked(seed=SEED)
def balance_set(
    source: Path | str,
    out: Path | str,
    *,
    portraits: float | None = None,
    figures: float | None = None,
    landscapes: float | None = None,
    by: str = "repeats",
    seed: int = 0,
    clip: str = SKETCHBOOK,
) -> Work[Step, BalancedSet]:
    """Write a set with compositions in a ratio.

    Such as 2 portraits to 1 landscape; None leaves a composition as it is.
    By "repeats" no image is lost, and some are used more than once per epoch; by "selection" some are left out. Where rows have no
    composition, faces, the CLIP model `clip` and captions determine it, and it is written into the rows. Raises SakugaError.
    """
    if by not in BALANCE_METHODS:
        raise SetError(f"a set cannot be balanced by {by!r}: use {' or '.join(BALANCE_METHODS)}")
    parts: dict[Composition, float | None] = {"portrait": portraits, "figure": figures, "landscape": landscapes}
    ratio = {kind: part for kind, part in parts.items() if part is not None}
    check_ratio(ratio)
    balancing = _Balancing(ratio=ratio, by=cast(BalanceMethod, by), seed=seed, clip=clip)
    return Work(_balance(read_source(source, out), Path(out), balancing))


def _balance(original: TrainingSet, out: Path, balancing: _Balancing) -> Generator[Step, None, BalancedSet]:
    labeled = yield from label_compositions(original, balancing.clip)
    examples = BALANCE_METHODS[balancing.by](labeled, balancing.ratio, balancing.seed)
    parts = " to ".join(f"{part:g} {kind}" for kind, part in balancing.ratio.items())
    derived = Derived(source=original, out=out, change=f"balanced by {balancing.by} to {parts}")
    made = yield from write_derived_set(derived, derived.unchanged(examples), len(examples))
    most = max(example.repeats for example in made.training)
    note = f"some images are used {most} times per epoch and may be memorized: add more of them"
    notes = [note] if most > MANY_REPEATS else []
    for note in notes:
        yield Step(stage="export", note=note)
    return BalancedSet(
        out=out,
        by=balancing.by,
        before=epoch_counts(labeled),
        after=epoch_counts(made.examples),
        images=len(made.examples),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A set that is made from another."""

    source: TrainingSet
    out: Path
    change: str
    """What was done, for the new set's provenance."""

    def unchanged(self, examples: Iterable[Example]) -> Iterable[tuple[Example, Path]]:
        """Pair examples with the source's image files."""
        return ((example, self.source.path(example)) for example in examples)


def read_source(source: Path | str, out: Path | str) -> TrainingSet:
    """Read the set from which another is made.

    Raises SetError, also where `out` is not new.
    """
    check_set_folder(Path(out))
    return read_set(source)


def write_derived_set(
    derived: Derived, images: Iterable[tuple[Example, Path | Image]], count: int, trigger: str | None = None
) -> Generator[Step, None, TrainingSet]:
    """Write examples as a new set, extending the provenance.

    There are `count` examples; None keeps the trigger word.
    """
    original = derived.source
    provenance = f"{original.provenance}; then {derived.change}" if original.provenance else derived.change
    word = original.trigger if trigger is None else trigger
    writing = Work(
        write_set_steps(derived.out, images, trigger=word, licence=original.licence, provenance=provenance, masks=original.masks)
    )
    for done in writing:
        yield Step(stage="export", done=done, total=count)
    return writing.result()
