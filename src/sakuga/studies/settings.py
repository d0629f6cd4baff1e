"""Shared settings of the studies: budget, prompts and training sets."""

from dataclasses import dataclass, replace

from sakuga import InputError
from sakuga.studies.runs import GenerationRun, RenderedSet, SetSource, TrainedStyle, TrainingRun
from sakuga.studio.evaluation.style_comparison import PORTRAIT_PREFIXES, PromptKind, default_prompts, filter_prompts

LOOKS = ("watercolor", "cel", "luminous", "comic", "pixel")
PROMPTS, QUICK_PROMPTS = 24, 3
"""Prompts of a study and of its quick edition, the same in all so that studies share runs."""
STEPS, QUICK_STEPS = 12, 4
"""Sampling steps; at 12 the Sketchbook's images are as clean as at 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySettings:
    """A study's model, prompts, training sets and grid."""

    model: str
    """The name of the base model."""
    digest: str
    quick: bool = False
    prompts: tuple[str, ...] = ()
    sets: tuple[SetSource, ...] = ()
    """The user's training sets in place of rendered ones."""
    grid: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Training settings of an ablation with their values."""
    search: int = 0
    """The number of grid points to search; 0 runs all."""

    def sized(self, full: int, quick: int) -> int:
        """Return the size for the full or quick edition."""
        return quick if self.quick else full

    def base_run(self, kind: PromptKind = "any", default: int = PROMPTS) -> GenerationRun:
        """Return the base model's generation run.

        Of the given prompts, or of held-out captions without a look.

        Raises InputError where no given prompt is of the kind.
        """
        prompts = (
            filter_prompts(self.prompts, kind)
            if self.prompts
            else tuple(default_prompts(self.model, self.sized(default, QUICK_PROMPTS), kind))
        )
        if not prompts:
            raise InputError(
                f"no prompt is for a {kind}: portrait prompts begin with {' or '.join(map(repr, PORTRAIT_PREFIXES))}, others are landscapes"
            )
        return GenerationRun(model=self.digest, prompts=prompts, steps=self.sized(STEPS, QUICK_STEPS))

    def with_style(self, base: GenerationRun, training_set: SetSource, **changes: object) -> GenerationRun:
        """Return a run with a style trained on a set."""
        return replace(
            base, applied_styles=(TrainedStyle(training=self.training_run(training_set, **changes)),), suffix=training_set.trigger
        )

    def training_run(self, training_set: SetSource, **changes: object) -> TrainingRun:
        """Return a training run with the default budget."""
        defaults = {"steps": self.sized(200, 4), "batch": self.sized(8, 2), "rank": 8, "rate": 2e-3}
        return TrainingRun(model=self.digest, training_set=training_set, **(defaults | changes))  # type: ignore[arg-type]

    def rendered_set(self, look: str, *, count: int = 48, portraits: int | None = None, seed: int = 0) -> RenderedSet:
        """Return a rendered training set of a look.

        Half of it are portraits by default.
        """
        size = self.sized(count, min(count, 6))
        faces = count // 2 if portraits is None else portraits
        return RenderedSet(look=look, count=size, portraits=round(faces * size / count), seed=seed)
