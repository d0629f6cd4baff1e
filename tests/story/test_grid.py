"""Axes of a grid give every combination, and refuse what no cell can have."""

import pytest

from sakuga.story.grid import grid_cells, pages, parse_axis
from sakuga.story.options import SettingsError
from sakuga.story.settings import FilmSettings


def test_the_first_axis_changes_fastest_and_all_else_stays() -> None:
    axes = [parse_axis(text) for text in ("steps=10,20", "style=comic:0.5,cel", "seed=1,2")]
    cells = grid_cells("a castle", 7, FilmSettings(guidance=3.0), axes)
    assert [(cell.settings.steps, cell.settings.style, cell.seed) for cell in cells[:5]] == [
        (10, "comic:0.5", 1), (20, "comic:0.5", 1), (10, "cel", 1), (20, "cel", 1), (10, "comic:0.5", 2)
    ]  # fmt: skip
    assert {(cell.prompt, cell.settings.guidance) for cell in cells} == {("a castle", 3.0)}
    assert [len(page) for page in pages(axes, cells)] == [4, 4]


def test_a_prompt_axis_replaces_its_first_value() -> None:
    cells = grid_cells("a castle by the sea", 0, FilmSettings(), [parse_axis("prompt=castle,windmill")])
    assert [cell.prompt for cell in cells] == ["a castle by the sea", "a windmill by the sea"]


@pytest.mark.parametrize(
    ("axes", "reason"),
    [
        (["strength=1,2"], "NAME is one of style, negative"),
        (["steps"], "write NAME=VALUE"),
        (["steps=1,,2"], "it has an empty value"),
        (["steps=few"], "'few' is not a number"),
        (["steps=0"], "steps"),
        (["seed=-1"], "'-1' is not a whole number"),
        (["sampler=nothing"], "there is no 'nothing'"),
        (["prompt=tower,house"], "'tower' is not in the prompt"),
        (["steps=1,2", "steps=3"], "two axes change the same option"),
        ([f"seed={','.join(map(str, range(401)))}"], "401 cells"),
    ],
)
def test_axes_that_cannot_be_are_refused(axes: list[str], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        grid_cells("a castle", 0, FilmSettings(), [parse_axis(text) for text in axes])
