"""Progress of a Work."""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["story", "loading", "inspecting", "rendering", "finishing", "export", "running", "encoding", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Progress of one stage: a unit is done."""

    stage: Stage
    done: int = 0
    total: int = 0
    """Units of the stage, known from its plan; 0 where they are not counted."""
    note: str = ""
    """A message for the user, such as a warning."""
    frame: str | None = None
    """Digest of the frame that was just stored: its image can be read from the store at once."""
    device: str = ""
    """Where a cluster rendered that frame, such as "node7 cuda"."""
    share: float | None = None
    """Share of the stage's computation that is done, 0 to 1, where units differ in cost (a frame of more steps or pixels costs more)."""
    seconds_left: float | None = None
    """Estimated seconds to the end of the stage, from its speed so far."""
    denoising: bool = False
    """Whether frames are being denoised: their styles are applied to the networks, which no other work may use before the next step."""

    @property
    def fraction(self) -> float:
        """Share of the stage that is done, 0 to 1."""
        if self.share is not None:
            return self.share
        return self.done / self.total if self.total else 0.0
