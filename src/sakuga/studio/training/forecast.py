"""What a training would take, told before it starts."""

from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.training_set import TrainingSet
from sakuga.studio.training.open_sets import clip_set, find_folder, is_image_folder, provisional_set
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.training.advice import advice
from sakuga.training.method_settings import MotionLora


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingForecast:
    """Time and memory of a training, and what to know of it."""

    steps: int
    step_seconds: float
    memory: int
    """Bytes, of the process; on a GPU, of the device."""
    images: int
    """Images or clips to train on."""
    notes: tuple[str, ...]
    """Warnings, and advice on rank and steps."""

    @property
    def seconds(self) -> float:
        """Return the seconds of all steps."""
        return self.steps * self.step_seconds

    def text(self) -> str:
        """Return it in words."""
        from sakuga.training.estimate import Estimate

        return "; ".join([f"about {Estimate(step_seconds=self.step_seconds, memory=self.memory).text(self.steps)}", *self.notes])


def forecast_training(settings: TrainSettings) -> TrainingForecast:
    """Estimate a training from a forward pass of a batch; nothing is written.

    Of a folder of images what the set would leave out counts, too. Raises InputError for what cannot be trained.
    """
    from sakuga.training.estimate import estimate
    from sakuga.training.setup import load_for_training, make_method
    from sakuga.training.speed import pick_device

    resolved = resolve_training(settings, _folder_as_set(settings))
    plan, images = resolved.plan, len(resolved.training_set.training)
    method = make_method(plan, load_for_training(plan, resolved.source, pick_device(settings.device)))
    try:
        made = estimate(method, plan)
    finally:
        method.close()
    notes = tuple(filter(None, (*resolved.warnings, advice(plan, images))))
    return TrainingForecast(steps=plan.steps, step_seconds=made.step_seconds, memory=made.memory, images=images, notes=notes)


def _folder_as_set(settings: TrainSettings) -> TrainingSet | None:
    """Return the clips or images of a folder as a set; None for what is one."""
    source = Path(settings.set)
    if isinstance(settings.method, MotionLora):
        return clip_set(source, settings.trigger)
    if is_image_folder(source):
        return provisional_set(find_folder(source, Path(settings.out), settings.trigger))
    return None
