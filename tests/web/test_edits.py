"""Edits of frames: what a project keeps of them, and what the scorecard marks."""

from pathlib import Path

import pytest

from sakuga import studio as verbs
from sakuga.client import ApiRefusal, Studio
from sakuga.export import read_recipe
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.core.recipe import EditedRecipe
from sakuga.timeline.edits import Hold, Redo
from sakuga.web.schemas import EvaluateJob, Job, Project
from tests.web.conftest import StudioProcess


@pytest.fixture
def project(studio: Studio, studio_process: StudioProcess) -> Project:
    return studio.plan("a castle", shots=2, seconds=2.0, settings={**studio_process.settings, "motion": "none"})


def done(studio: Studio, job: Job) -> str:
    """Return the clip of a job."""
    ended = studio.wait(job.id)
    assert ended.state == "done", ended.error
    assert ended.result
    return str(ended.result["clip"])


def edited(studio: Studio, clip: str) -> str:
    """Redo a generated frame of a clip, hold its first one, and return the clip with both."""
    place = next(frame.index for frame in studio.timeline(clip).frames[4:] if frame.kind == "generated")
    studio.wait(studio.redo(clip, [place], seeds=[77]).id)
    redone = done(studio, studio.put_in_place(clip, [studio.frame_takes(clip)[0].id]))
    return done(studio, studio.retime(redone, holds=[{"frame": 0, "frames": 2}]))


def test_a_film_that_is_rendered_again_keeps_the_edits_of_its_frames(studio: Studio, project: Project, tmp_path: Path) -> None:
    clip = edited(studio, done(studio, studio.render(project.id)))
    known = studio.project(project.id)
    assert [edit.kind for edit in known.edits] == ["redo", "hold"]
    assert known.edits_fit
    again = done(studio, studio.render(project.id))
    first, second = (studio.download(one, tmp_path / f"{one}.gif").read_bytes() for one in (clip, again))
    assert first == second
    recipe = parse_recipe(read_recipe(tmp_path / f"{again}.gif") or "", "the clip")
    assert isinstance(recipe, EditedRecipe)
    assert list(recipe.edits) == known.edits
    verbs.remake(tmp_path / f"{again}.gif", tmp_path / "remade.gif", model=studio.project(project.id).settings["model"]).result()
    assert (tmp_path / "remade.gif").read_bytes() == first


def test_a_clip_that_is_opened_as_a_film_brings_its_edits(studio: Studio, project: Project) -> None:
    clip = edited(studio, done(studio, studio.render(project.id)))
    opened = studio.plan("", clip=clip)
    assert opened.edits == studio.project(project.id).edits
    assert opened.edits_fit


def test_a_film_of_other_times_is_rendered_without_edits_until_they_are_taken_on(studio: Studio, project: Project) -> None:
    edited(studio, done(studio, studio.render(project.id)))
    studio.change_shot(project.shots[1].id, prompt="a whale")
    assert studio.project(project.id).edits_fit, "other words move no frame"
    studio.change_shot(project.shots[0].id, seconds=1.5)
    known = studio.project(project.id)
    assert (len(known.edits), known.edits_fit) == (2, False)
    assert studio.job(studio.cancel(studio.render(project.id).id).id).request["edits"] == []
    assert studio.change_edits(project.id, known.edits).edits_fit
    assert len(studio.job(studio.cancel(studio.render(project.id).id).id).request["edits"]) == 2
    assert studio.change_edits(project.id, []).edits == []


def test_an_edit_of_a_frame_that_is_not_there_is_refused(studio: Studio, project: Project) -> None:
    with pytest.raises(ApiRefusal, match="no frame 400"):
        studio.change_edits(project.id, [Redo(frame=400, seed=1)])
    assert studio.change_edits(project.id, [Hold(frame=1, frames=2)]).edits_fit


def test_what_the_scorecard_names_is_marked_beside_what_a_person_marks(studio: Studio, project: Project) -> None:
    clip = done(studio, studio.render(project.id))
    studio.mark(clip, [1])
    settings = {"model": project.settings["model"]}
    ended = studio.wait(studio.submit(EvaluateJob(subject=clip, settings=settings)).id)
    assert ended.state == "done", ended.error
    marks = [frame.marks for frame in studio.timeline(clip).frames]
    assert "bad" in marks[1]
    assert {fault for one in marks for fault in one} - {"bad"}, "a random model's clip has faults"
    assert set().union(*marks) <= {"bad", "blank", "jump", "off prompt", "drifted"}
