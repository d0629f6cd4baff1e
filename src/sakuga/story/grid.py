"""Axes of an X/Y/Z grid: one option each, with its values."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

from sakuga.story.options import SEED, Number, SettingsError
from sakuga.story.settings import OPTIONS, FilmSettings

T = TypeVar("T")
MAX_CELLS = 400
NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
SEED_AXIS, PROMPT_AXIS = "seed", "prompt"
IMAGE_OPTIONS = (
    "style", "negative", "size", "steps", "sampler", "schedule", "eta", "clip_skip", "weighting", "guidance", "guidance_start",
    "grain", "paper", "pixel", "model", "precision", "prediction", "vae", "upscaler",
)  # fmt: skip
PATHS = ("model", "vae", "upscaler")
"""Options that may be paths, of which a label shows the end."""
AXES = (*IMAGE_OPTIONS, SEED_AXIS, PROMPT_AXIS)
"""What an axis may change."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An option and the values that it takes along an axis."""

    name: str
    values: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what each row or column is called."""
        shown = (re.split(r"[/\\]", value)[-1] or value if self.name in PATHS else value for value in self.values)
        return tuple(value if self.name == PROMPT_AXIS else f"{self.name} {value}" for value in shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One image of a grid."""

    prompt: str
    seed: int
    settings: FilmSettings


def parse_axis(text: str) -> Axis:
    """Read "steps=10,20"; raises SettingsError.

    >>> parse_axis("style=watercolor:0.5, watercolor:1")
    Axis(name='style', values=('watercolor:0.5', 'watercolor:1'))
    """
    name, sign, rest = text.partition("=")
    name, values = name.strip().replace("-", "_"), tuple(value.strip() for value in rest.split(","))
    if not sign or name not in AXES:
        raise SettingsError(f"axis {text!r}: write NAME=VALUE,VALUE, where NAME is one of {', '.join(AXES)}")
    if not all(values):
        raise SettingsError(f"axis {text!r}: it has an empty value; write NAME=VALUE,VALUE")
    return Axis(name, values)


def grid_cells(prompt: str, seed: int, settings: FilmSettings, axes: Sequence[Axis]) -> tuple[Cell, ...]:
    """Return the cells of a grid, the first axis changing fastest; raises SettingsError.

    The values of a prompt axis replace the first of them in the prompt, which must have it.
    """
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise SettingsError(f"two axes change the same option: {', '.join(names)}; give each its own")
    start = Cell(prompt=prompt, seed=seed, settings=settings)
    combinations = list(product(*(axis.values for axis in reversed(axes))))
    if len(combinations) > MAX_CELLS:
        raise SettingsError(f"the grid has {len(combinations)} cells, and {MAX_CELLS} are the most: take fewer values")
    return tuple(_cell(start, axes, values[::-1]) for values in combinations)


def _cell(cell: Cell, axes: Sequence[Axis], values: Sequence[str]) -> Cell:
    for axis, value in zip(axes, values, strict=True):
        cell = _with(cell, axis, value)
    return cell


def _with(cell: Cell, axis: Axis, value: str) -> Cell:
    match axis.name:
        case "seed":
            if not value.isdecimal():
                raise SettingsError(f"axis seed: {value!r} is not a whole number")
            return replace(cell, seed=SEED.check("seed", int(value)))
        case "prompt":
            if axis.values[0] not in cell.prompt:
                raise SettingsError(f"axis prompt: {axis.values[0]!r} is not in the prompt, so nothing can replace it")
            return replace(cell, prompt=cell.prompt.replace(axis.values[0], value))
        case name:
            return replace(cell, settings=replace(cell.settings, **{name: _typed(name, value)}))


def _typed(name: str, value: str) -> Any:
    """Return a value as its option takes it: a number where it is one."""
    if not isinstance(OPTIONS[name], Number):
        return OPTIONS[name].check(name, value)
    if not NUMBER.fullmatch(value):
        raise SettingsError(f"axis {name}: {value!r} is not a number")
    return OPTIONS[name].check(name, int(value) if value.isdecimal() else float(value))


def pages(axes: Sequence[Axis], cells: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield what belongs to the cells of each value of the third axis, row by row."""
    size = len(axes[0].values) * (len(axes[1].values) if len(axes) > 1 else 1)
    for start in range(0, len(cells), size):
        yield cells[start : start + size]
