"""What the studies have in common: their budget, their prompts, their words."""

from dataclasses import dataclass, replace

from sakuga import InputError
from sakuga.studies.values import Lesson, Source, Teach, Trial, Wear
from sakuga.studio.evaluation.styles import PEOPLE, Kind, of_kind, usual_prompts

LOOKS = ("watercolor", "cel", "luminous", "comic", "pixel")
PROMPTS, FEW = 24, 3
"""Prompts of a study, and of its small edition: the same in all, so that what two studies both draw is drawn once."""
STEPS, FEW_STEPS = 12, 4
"""Of drawing: in twelve this model's pictures are as clean as in twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a study is done with; None leaves it to the study."""

    model: str
    """The name of the base."""
    digest: str
    quick: bool = False
    prompts: tuple[str, ...] = ()
    sets: tuple[Source, ...] = ()
    """Training sets of one's own, instead of those that the Sketchbook's world draws."""
    grid: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Fields of an ablation with their values."""
    search: int = 0
    """Places of an ablation's grid that are searched; 0 runs them all."""

    def sized(self, usual: int, small: int) -> int:
        """Choose a size by edition."""
        return small if self.quick else usual

    def trial(self, kind: Kind = "any", usual: int = PROMPTS) -> Trial:
        """Say pictures of the base: of the prompts that were given, or of held-out captions that name no look; raises InputError."""
        said = of_kind(self.prompts, kind) if self.prompts else tuple(usual_prompts(self.model, self.sized(usual, FEW), kind))
        if not said:
            raise InputError(
                f"none of the prompts asks for a {kind}: portraits begin with {' or '.join(map(repr, PEOPLE))}, landscapes do not"
            )
        return Trial(model=self.digest, prompts=said, steps=self.sized(STEPS, FEW_STEPS))

    def worn(self, base: Trial, source: Source, **changes: object) -> Trial:
        """Say the same pictures with what a set teaches, worn and called."""
        return replace(base, wears=(Wear(taught=self.teach(source, **changes)),), suffix=source.trigger)

    def teach(self, source: Source, **changes: object) -> Teach:
        """Say a training with the usual budget."""
        usual = {"steps": self.sized(200, 4), "batch": self.sized(8, 2), "rank": 8, "rate": 2e-3}
        return Teach(model=self.digest, source=source, **(usual | changes))  # type: ignore[arg-type]

    def lesson(self, look: str, *, count: int = 48, portraits: int | None = None, seed: int = 0) -> Lesson:
        """Say a set of a look; half of it portraits unless said."""
        many = self.sized(count, min(count, 6))
        faces = count // 2 if portraits is None else portraits
        return Lesson(look=look, count=many, portraits=round(faces * many / count), seed=seed)
