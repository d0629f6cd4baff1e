"""Training sets made of training sets; what they are made of is never changed."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.splitting import held_out
from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.datasets.writing import check_new_set, writing_set
from sakuga.studio.progress import Step
from sakuga.studio.work import Work


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


def taken_over(whole: TrainingSet, examples: Sequence[Example], out: Path, done: str) -> Generator[Step, None, TrainingSet]:
    """Write examples of a set as another, their pictures copied, and add to its provenance what was done."""
    pictures = ((example, whole.path(example)) for example in examples)
    provenance = f"{whole.provenance}; then {done}" if whole.provenance else done
    writing = Work(writing_set(out, pictures, trigger=whole.trigger, licence=whole.licence, provenance=provenance))
    for count in writing:
        yield Step(stage="export", done=count, total=len(examples))
    return writing.result()
