"""What came of a table of runs: figures over pictures, differences pair by pair, and the pictures themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sakuga.evaluation.figure import Figure, Outcome, Refused, mean, paired
from sakuga.evaluation.interval import Values
from sakuga.evaluation.report import Picture, Strip
from sakuga.studies.folders import INFERENCE, RunFolder
from sakuga.studies.values import Run, Teach, Trial, digest
from sakuga.studio.evaluation.trials import span


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The finished runs of a study, by digest."""

    folders: dict[str, RunFolder]
    performed: int
    """Runs that were not finished before."""

    def folder(self, run: Run) -> RunFolder:
        """Return a run's folder."""
        return self.folders[digest(run)]

    def row(self, trial: Trial, key: str) -> Values:
        """Return what was measured of each picture, NaN where it was not."""
        values = self.folder(trial).rows().get(key, [])
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def prompts(self, trial: Trial) -> list[str]:
        """Return each picture's prompt."""
        return list(self.folder(trial).rows()["prompt"])

    def figure(self, key: str, trial: Trial, row: str) -> Outcome:
        """Return the mean of a row, its interval over prompts."""
        return self.pooled(key, [trial], row)

    def pooled(self, key: str, trials: Sequence[Trial], row: str) -> Outcome:
        """Return the mean of a row over several trials, such as several seeds of a training."""
        values = np.concatenate([self.row(trial, row) for trial in trials])
        groups = [prompt for trial in trials for prompt in self.prompts(trial)]
        known = np.isfinite(values)
        if not known.any():
            return Refused(key=key, reason=f"{row} was not measured", instead="name a model that has a classifier or a CLIP")
        inside = [group for group, there in zip(groups, known, strict=True) if there]
        return mean(key, values[known], groups=inside, within=span(row))

    def more(self, key: str, base: Sequence[Trial], other: Sequence[Trial], row: str) -> Outcome:
        """Return how much more `other` has than `base`, picture by picture of the same prompt and seed."""
        before, after = (np.concatenate([self.row(trial, row) for trial in trials]) for trials in (base, other))
        groups = [prompt for trial in base for prompt in self.prompts(trial)]
        known = np.isfinite(before) & np.isfinite(after)
        if not known.any():
            return Refused(key=key, reason=f"{row} was not measured", instead="name a model that has a classifier or a CLIP")
        inside = [group for group, there in zip(groups, known, strict=True) if there]
        return paired(key, before[known], after[known], groups=inside, within=span(row))

    def teaching(self, teach: Teach, key: str) -> float:
        """Return a figure of a training, such as its seconds."""
        return float(self.folder(teach).metrics().get(key, float("nan")))

    def picture(self, trial: Trial, place: int, below: str = "") -> Picture:
        """Read a picture of a trial."""
        with Image.open(self.folder(trial) / INFERENCE / f"{place + 1:04d}.webp") as image:
            return Picture(pixels=np.asarray(image.convert("RGB")), about=self.prompts(trial)[place], below=below)

    def strip(self, title: str, columns: Sequence[tuple[str, Trial]], places: Sequence[int], caption: str, row: str = "") -> Strip:
        """Show the same prompts and seeds in several ways, beside each other; below each what `row` measured."""
        prompts = self.prompts(columns[0][1])
        rows = tuple(
            (prompts[place], tuple(self.picture(trial, place, self._below(trial, place, row)) for _, trial in columns)) for place in places
        )
        return Strip(title=title, columns=tuple(name for name, _ in columns), rows=rows, caption=caption)

    def _below(self, trial: Trial, place: int, row: str) -> str:
        values = self.row(trial, row) if row else np.array([])
        return f"{values[place]:.2f}" if values.size and np.isfinite(values[place]) else ""


def value(outcome: Outcome) -> float:
    """Return a figure's value, NaN for one that was refused."""
    return outcome.value if isinstance(outcome, Figure) else float("nan")


def spread(count: int, shown: int) -> list[int]:
    """Choose places evenly from a row of pictures.

    >>> spread(10, 3)
    [0, 4, 9]
    """
    return sorted({round(place) for place in np.linspace(0, count - 1, min(shown, count))})
