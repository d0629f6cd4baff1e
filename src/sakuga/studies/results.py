"""Results of a study's runs: metrics, differences and images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage

from sakuga.evaluation.confidence import Values
from sakuga.evaluation.metric import Measurement, Metric, NotMeasured, mean, paired
from sakuga.evaluation.report import PageImage, Strip
from sakuga.studies.run_folders import INFERENCE, RunFolder
from sakuga.studies.runs import GenerationRun, Run, TrainingRun, digest
from sakuga.studio.evaluation.scored_images import value_range


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The finished runs of a study, by digest."""

    folders: dict[str, RunFolder]

    def folder(self, run: Run) -> RunFolder:
        """Return a run's folder."""
        return self.folders[digest(run)]

    def row(self, trial: GenerationRun, key: str) -> Values:
        """Return the scores of each image, NaN where unknown."""
        values = self.folder(trial).rows().get(key, [])
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def prompts(self, trial: GenerationRun) -> list[str]:
        """Return each image's prompt."""
        return list(self.folder(trial).rows()["prompt"])

    def mean_metric(self, key: str, trial: GenerationRun, row: str) -> Measurement:
        """Return the mean and interval of a row."""
        return self.pooled(key, [trial], row)

    def pooled(self, key: str, trials: Sequence[GenerationRun], row: str) -> Measurement:
        """Return the mean of a row over several runs.

        Such as several training seeds.
        """
        values = np.concatenate([self.row(trial, row) for trial in trials])
        groups = [prompt for trial in trials for prompt in self.prompts(trial)]
        known = np.isfinite(values)
        if not known.any():
            return NotMeasured(key=key, reason=f"{row} was not measured", instead="use a model with a label classifier or CLIP")
        inside = [group for group, there in zip(groups, known, strict=True) if there]
        return mean(key, values[known], groups=inside, within=value_range(row))

    def difference(self, key: str, base: Sequence[GenerationRun], other: Sequence[GenerationRun], row: str) -> Measurement:
        """Return the mean of `other` minus `base`.

        Image by image of the same prompt and seed.
        """
        before, after = (np.concatenate([self.row(trial, row) for trial in trials]) for trials in (base, other))
        groups = [prompt for trial in base for prompt in self.prompts(trial)]
        known = np.isfinite(before) & np.isfinite(after)
        if not known.any():
            return NotMeasured(key=key, reason=f"{row} was not measured", instead="use a model with a label classifier or CLIP")
        inside = [group for group, there in zip(groups, known, strict=True) if there]
        return paired(key, before[known], after[known], groups=inside, within=value_range(row))

    def training_metric(self, training: TrainingRun, key: str) -> float:
        """Return a metric of a training, such as its seconds."""
        return float(self.folder(training).metrics().get(key, float("nan")))

    def image(self, trial: GenerationRun, place: int, caption: str = "") -> PageImage:
        """Read one image of a run."""
        with PILImage.open(self.folder(trial) / INFERENCE / f"{place + 1:04d}.webp") as image:
            return PageImage(pixels=np.asarray(image.convert("RGB")), alt=self.prompts(trial)[place], caption=caption)

    def strip(self, title: str, columns: Sequence[tuple[str, GenerationRun]], places: Sequence[int], caption: str, row: str = "") -> Strip:
        """Build a strip of one prompt and seed per row.

        Each column is a run; below the images are the scores of `row`.
        """
        prompts = self.prompts(columns[0][1])
        rows = tuple(
            (prompts[place], tuple(self.image(trial, place, self._score_text(trial, place, row)) for _, trial in columns))
            for place in places
        )
        return Strip(title=title, columns=tuple(name for name, _ in columns), rows=rows, caption=caption)

    def _score_text(self, trial: GenerationRun, place: int, row: str) -> str:
        values = self.row(trial, row) if row else np.array([])
        return f"{values[place]:.2f}" if values.size and np.isfinite(values[place]) else ""


def metric_value(metric: Measurement) -> float:
    """Return a metric's value, else NaN."""
    return metric.value if isinstance(metric, Metric) else float("nan")


def evenly_spaced(count: int, shown: int) -> list[int]:
    """Return evenly spaced indices.

    >>> evenly_spaced(10, 3)
    [0, 4, 9]
    """
    return sorted({round(place) for place in np.linspace(0, count - 1, min(shown, count))})
