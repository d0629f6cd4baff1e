"""A line of the terminal for each device that renders."""

from datetime import timedelta
from time import monotonic

from rich.progress import Progress, ProgressColumn, Task, TaskID
from rich.text import Text

MOST = 12
"""Lines at most; devices beyond are counted in the last one."""


class TimeColumn(ProgressColumn):
    """The time that a stage has taken, or since a device's last frame."""

    def render(self, task: Task) -> Text:
        """Return "0:00:12", or "last 3 s ago" for a device."""
        if (last := task.fields.get("last")) is not None:
            return Text(f"last {monotonic() - last:.0f} s ago")
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text("-:--:--" if elapsed is None else str(timedelta(seconds=max(0, int(elapsed)))), style="progress.elapsed")


class Lanes:
    """Counts the frames of each device below the bar of the stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._frames: dict[str, int] = {}
        self._lines: dict[str, TaskID] = {}

    @property
    def devices(self) -> int:
        """How many devices have rendered."""
        return len(self._frames)

    def landed(self, device: str, total: int) -> None:
        """Count a frame of a device, of `total` frames of the render."""
        self._frames[device] = self._frames.get(device, 0) + 1
        shown = device if device in self._lines or len(self._lines) < MOST else ""
        if shown not in self._lines:
            self._lines[shown] = self._bars.add_task(shown, total=total, done=0, units=total, seconds_left=None, last=monotonic())
        others = sorted(set(self._frames) - set(self._lines))
        done = self._frames[device] if shown else sum(self._frames[one] for one in others)
        title = shown or f"{len(others)} more"
        self._bars.update(self._lines[shown], description=title, total=total, completed=done, done=done, units=total, last=monotonic())
