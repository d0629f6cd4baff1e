"""Studies: plans, and how far they are."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from sakuga.web.names import check_model
from sakuga.web.queue import get_job
from sakuga.web.refusal import missing
from sakuga.web.schemas import Id, Job, StudyInfo, StudyJob, StudyPlan, StudyProgress
from sakuga.web.state import State, StudioState
from sakuga.web.studies import list_studies, plan_of, progress_of, strip_of

router = APIRouter(tags=["training"])


@router.get("/studies")
def list_all_studies() -> list[StudyInfo]:
    """List the studies that can be started."""
    return list_studies()


@router.post("/studies/plan")
def plan_study(request: StudyJob, state: State) -> StudyPlan:
    """Return the runs of a study and an estimate of their time; `POST /api/v1/jobs` starts it."""
    check_model(request.model, state.data)
    return plan_of(request, state.data)


@router.get("/studies/{job}")
def read_study(job: Id, state: State) -> StudyProgress:
    """Return how far a study is, run by run."""
    return progress_of(_study_job(job, state), state.data)


@router.get("/studies/{job}/runs/{number}/strip", response_class=FileResponse, responses={200: {"content": {"image/webp": {}}}})
def study_strip(job: Id, number: Annotated[int, Path(ge=0, le=9999)], state: State) -> FileResponse:
    """Return the first images of a run."""
    path = strip_of(job, number, StudyJob.model_validate(_study_job(job, state).request), state.data)
    if path is None:
        raise missing("image of run", str(number))
    return FileResponse(path)


def _study_job(job: str, state: StudioState) -> Job:
    with state.database.read() as connection:
        found = get_job(connection, job)
    if found.kind != "study":
        raise missing("study", job)
    return found
