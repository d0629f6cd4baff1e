"""Training sets made of training sets; what they are made of is never changed."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from sakuga.datasets.balancing import OFTEN, Ratio, check_ratio, repeated, selected, weights
from sakuga.datasets.splitting import held_out
from sakuga.datasets.training_set import Composition, Example, SetError, TrainingSet, read_set
from sakuga.datasets.writing import check_new_set, writing_set
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.compositions import with_compositions

By = Literal["repeats", "selection"]
BALANCINGS = {"repeats": repeated, "selection": selected}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSet:
    """A set that was split."""

    out: Path
    training: int
    held_out: int


def split_set(source: Path | str, out: Path | str, *, holdout: float = 0.1, seed: int = 0) -> Work[Step, SplitSet]:
    """Write a set of which a share below 1, or so many pictures from 1 on, is held out; raises SetError."""
    return Work(_split(Path(source), Path(out), holdout, seed))


def _split(source: Path, out: Path, holdout: float, seed: int) -> Generator[Step, None, SplitSet]:
    check_new_set(out)
    whole = read_set(source)
    parted = held_out(whole.examples, holdout, seed)
    made = yield from taken_over(whole, parted, out, f"{sum(e.held_out for e in parted)} held out by seed {seed}")
    return SplitSet(out=out, training=len(made.training), held_out=len(made.held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedSet:
    """A set that was balanced: how often each composition is seen in an epoch, before and after, in how many pictures."""

    out: Path
    by: By
    before: dict[Composition, int]
    after: dict[Composition, int]
    pictures: int
    notes: tuple[str, ...]


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
    """Write a set in which compositions are seen in a ratio, such as two portraits for one landscape; None leaves one as it is.

    By "repeats" no picture is lost, and some are seen again in an epoch; by "selection" some are left out. Where rows
    do not say what pictures are of, it is told by faces, `clip` and captions, and written into the rows. Raises SakugaError.
    """
    if by not in BALANCINGS:
        raise SetError(f"a set cannot be balanced by {by!r}: there are {', '.join(BALANCINGS)}")
    parts: dict[Composition, float | None] = {"portrait": portraits, "figure": figures, "landscape": landscapes}
    ratio = {kind: part for kind, part in parts.items() if part is not None}
    return Work(_balance(Path(source), Path(out), ratio, cast(By, by), seed, clip))


def _balance(source: Path, out: Path, ratio: Ratio, by: By, seed: int, clip: str) -> Generator[Step, None, BalancedSet]:
    check_new_set(out)
    check_ratio(ratio)
    whole = read_set(source)
    whole = replace(whole, examples=(yield from with_compositions(whole, clip)))
    examples = BALANCINGS[by](whole.examples, ratio, seed)
    said = " to ".join(f"{part:g} {kind}" for kind, part in ratio.items())
    made = yield from taken_over(whole, examples, out, f"balanced by {by} to {said}")
    most = max(example.repeats for example in made.training)
    notes = [f"some pictures are seen {most} times in an epoch and may be learnt by heart: bring more of them"] if most > OFTEN else []
    for note in notes:
        yield Step(stage="export", note=note)
    before, after = weights(whole.examples), weights(made.examples)
    return BalancedSet(out=out, by=by, before=before, after=after, pictures=len(made.examples), notes=tuple(notes))


def taken_over(whole: TrainingSet, examples: Sequence[Example], out: Path, done: str) -> Generator[Step, None, TrainingSet]:
    """Write examples of a set as another, their pictures copied, and add to its provenance what was done."""
    pictures = ((example, whole.path(example)) for example in examples)
    provenance = f"{whole.provenance}; then {done}" if whole.provenance else done
    writing = Work(writing_set(out, pictures, trigger=whole.trigger, licence=whole.licence, provenance=provenance))
    for count in writing:
        yield Step(stage="export", done=count, total=len(examples))
    return writing.result()
