"""What a Work tells of its way."""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["story", "loading", "inspecting", "drawing", "finishing", "export", "running", "encoding", "training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing done, out of `total` of its stage; `note` is a word to the person, such as a warning."""

    stage: Stage
    done: int = 0
    total: int = 0
    note: str = ""
