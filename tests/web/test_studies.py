"""Studies: the plan before, the runs meanwhile, the report after."""

import time

import pytest

from sakuga.client import ApiRefusal, Studio
from sakuga.studies import service
from sakuga.web.schemas import StudyJob
from tests.web.conftest import wait_for


def test_every_study_can_be_started_and_says_what_it_costs(studio: Studio) -> None:
    found = studio.studies()
    assert [one.name for one in found] == list(service.STUDIES)
    assert all(one.runs >= one.quick_runs > 1 and one.seconds > one.quick_seconds > 0 for one in found)
    plan = studio.plan_study("ablation", quick=True, grid=["rank=2,4"])
    assert [run.name for run in plan.runs if run.kind == "training"] == ["train rank 2", "train rank 4"]
    assert {run.state for run in plan.runs} == {"waiting"}


def test_a_study_that_cannot_run_is_refused_with_the_reason(studio: Studio) -> None:
    with pytest.raises(ApiRefusal, match="no training set 'nowhere'"):
        studio.plan_study("methods", sets=["nowhere"])
    with pytest.raises(ApiRefusal, match="is no training setting"):
        studio.plan_study("ablation", grid=["colour=1,2"])
    with pytest.raises(ApiRefusal, match="has no grid"):
        studio.plan_study("styles", grid=["rank=1,2"])


def test_a_running_study_shows_its_runs_and_can_be_cancelled(studio: Studio) -> None:
    job = studio.submit(StudyJob(name="prompting"))
    wait_for(lambda: any(run.state == "running" for run in studio.study(job.id).runs) or studio.job(job.id).error, "run that has begun")
    progress = studio.study(job.id)
    assert progress.state == "running", studio.job(job.id).error
    assert progress.report is None
    asked = time.monotonic()
    studio.cancel(job.id)
    wait_for(lambda: studio.job(job.id).state == "cancelled", "cancelled study")
    assert time.monotonic() - asked < 30
