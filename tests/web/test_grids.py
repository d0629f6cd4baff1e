"""Grids: cells as they land, the sheet, and what a cell is kept as."""

from pathlib import Path

import numpy as np
import pytest

from sakuga import studio as verbs
from sakuga.client import ApiRefusal, Studio
from sakuga.datasets.image_reading import read_image
from tests.web.conftest import StudioProcess

AXES = ["steps=1,2", "seed=3,4"]


def test_cells_land_one_by_one_and_make_the_sheet_of_the_command_line(
    studio: Studio, studio_process: StudioProcess, tmp_path: Path
) -> None:
    settings = {"model": studio_process.model, "size": "32"}
    after = studio.status().last_event
    job = studio.grid("a castle", AXES, settings=settings)
    landed = list[int]()
    for event in studio.events(after):
        if event.kind == "grid" and event.subject == job.id and "number" in event.data:
            landed.append(event.data["number"])
        if event.kind == "job" and event.subject == job.id and event.data["state"] in ("done", "failed"):
            break
    assert landed == [0, 1, 2, 3]
    grid = studio.read_grid(job.id)
    assert [axis.name for axis in grid.axes] == ["steps", "seed"]
    assert [(cell.settings["steps"], cell.seed) for cell in grid.images] == [(1, 3), (2, 3), (1, 4), (2, 4)]
    assert grid.images[1].labels == ["steps 2", "seed 3"]
    assert (grid.done, grid.cells, len(grid.sheets)) == (4, 4, 1)
    sheet = studio.download_sheet(job.id, tmp_path / "sheet.png")
    alone = verbs.FilmSettings(model=studio_process.model, size=(32, 32))
    verbs.grid("a castle", AXES, tmp_path / "alone.png", settings=alone, store=tmp_path / "frames").result()
    assert np.array_equal(read_image(sheet).image, read_image(tmp_path / "alone.png").image)

    film = studio.film_of_cell(job.id, 3)
    assert (film.shots[0].prompt, film.shots[0].seed, film.settings["steps"]) == ("a castle", 4, 2)
    assert job.id in {one.id for one in studio.grids()}


def test_a_grid_stays_when_its_job_leaves_the_list(studio: Studio, studio_process: StudioProcess) -> None:
    job = studio.wait(studio.grid("a castle", ["steps=1"], settings={"model": studio_process.model, "size": "32"}).id)
    assert job.state == "done", job.error
    studio._request("DELETE", f"/api/v1/jobs/{job.id}")
    assert (studio.read_grid(job.id).done, studio.read_grid(job.id).state) == (1, None)
    studio._request("DELETE", f"/api/v1/grids/{job.id}")
    with pytest.raises(ApiRefusal, match="no grid"):
        studio.read_grid(job.id)


def test_what_no_grid_can_be_made_of_is_refused_at_once(studio: Studio) -> None:
    with pytest.raises(ApiRefusal, match="NAME=VALUE"):
        studio.grid("a castle", ["nothing=1,2"])
    with pytest.raises(ApiRefusal, match="no style 'nowhere'"):
        studio.grid("a castle", ["style=comic,nowhere"])
    with pytest.raises(ApiRefusal, match="could be a file"):
        studio.grid("a castle", ["style=/etc/passwd"])
    with pytest.raises(ApiRefusal, match="400 are the most"):
        studio.grid("a castle", ["seed=" + ",".join(map(str, range(401)))])
