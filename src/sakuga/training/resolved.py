"""A training with every choice made."""

from dataclasses import dataclass

from sakuga.datasets.training_set import TrainingSet
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.training.plan import TrainingPlan
from sakuga.training.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTraining:
    """A training with every choice made.

    Everything downstream takes it whole.
    """

    plan: TrainingPlan
    source: CheckpointFiles
    training_set: TrainingSet
    class_set: TrainingSet | None
    """Class images for prior preservation, or the other images of a slider's pairs; None where there are none, or the model generates
    them first."""
    run: RunFolder
    device: str
    resumed: bool
    """Whether the run is there already, to be continued."""
    warnings: tuple[str, ...]
