"""What the studies have in common: their budget, their prompts, their words."""

from dataclasses import dataclass

from sakuga.studies.values import Lesson, Source, Teach
from sakuga.studio.evaluation.styles import Kind, usual_prompts

LOOKS = ("watercolor", "cel", "luminous", "comic", "pixel")


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

    def sized(self, usual: int, small: int) -> int:
        """Choose a size by edition."""
        return small if self.quick else usual

    def said(self, usual: int, small: int, kind: Kind = "any") -> tuple[str, ...]:
        """Return the prompts to draw: those that were given, or held-out captions that name no look."""
        return self.prompts or tuple(usual_prompts(self.model, self.sized(usual, small), kind))

    def teach(self, source: Source, **changes: object) -> Teach:
        """Say a training with the usual budget."""
        usual = {"steps": self.sized(300, 4), "batch": self.sized(8, 2), "rank": 8, "rate": 1e-3}
        return Teach(model=self.digest, source=source, **(usual | changes))  # type: ignore[arg-type]

    def lesson(self, look: str, *, count: int = 48, portraits: int | None = None, seed: int = 0) -> Lesson:
        """Say a set of a look; half of it portraits unless said."""
        many = self.sized(count, min(count, 6))
        faces = count // 2 if portraits is None else portraits
        return Lesson(look=look, count=many, portraits=round(faces * many / count), seed=seed)
