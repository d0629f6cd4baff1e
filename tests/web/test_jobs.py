"""Jobs from the page to the clip, with a real server and worker."""

import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sakuga import studio as verbs
from sakuga.client import ApiRefusal, Studio
from sakuga.export import read_recipe
from sakuga.story.film import from_document
from sakuga.web.schemas import DrawJob, Event, Job, MorphJob, RenderJob
from tests.web.conftest import StudioProcess, wait_for

SHOT = {"prompt": "a castle at night", "seconds": 1.0, "seed": 5, "transition": "cut"}


def film(process: StudioProcess, seconds: float = 1.0, seed: int = 5, **settings: Any) -> dict[str, Any]:
    return {"film": {**process.settings, **settings}, "shots": [{**SHOT, "seconds": seconds, "seed": seed}]}


def long_job(process: StudioProcess, seed: int) -> RenderJob:
    """Return a job of some seconds."""
    return RenderJob(film=film(process, 30.0, seed, keyframe_rate=6, steps=20))


def state_of(studio: Studio, job: Job, *states: str) -> Job:
    """Wait until a job is in one of some states."""

    def look() -> Job | None:
        now = studio.job(job.id)
        return now if now.state in states else None

    found = wait_for(look, f"job that is {' or '.join(states)}")
    assert isinstance(found, Job)
    return found


def test_an_idea_becomes_takes_an_approved_keyframe_and_the_clip_that_the_library_makes(
    studio: Studio, studio_process: StudioProcess, tmp_path: Path
) -> None:
    project = studio.plan("a castle at sunset", shots=2, seconds=2.0, settings=studio_process.settings)
    shot = project.shots[1]
    job = studio.wait(studio.generate_takes(shot.id, count=2).id)
    assert job.state == "done", job.error
    takes = studio.takes(shot.id)
    assert [take.state for take in takes] == ["done", "done"]
    assert [take.score for take in takes] == sorted((take.score for take in takes), key=lambda score: -(score or 0))
    assert len({take.frame for take in takes}) == 2
    other = next(take for take in takes if take.seed != shot.seed)
    approved = studio.approve(other.id).shots[1]
    assert (approved.seed, approved.seed_locked, approved.approved) == (other.seed, True, other.id)
    assert other.frame
    assert studio.frame(other.frame).startswith(b"\x89PNG")

    made = studio.wait(studio.render(project.id).id)
    assert made.state == "done", made.error
    assert made.result
    clip = studio.download(made.result["clip"], tmp_path / "clip.gif")
    recipe = read_recipe(clip)
    document = made.request["film"]
    alone = tmp_path / "alone.gif"
    verbs.render(from_document(document, "film"), alone, store=tmp_path / "store").result()
    assert clip.read_bytes() == alone.read_bytes()
    assert recipe


def test_a_changed_shot_makes_its_takes_stale(studio: Studio, studio_process: StudioProcess) -> None:
    project = studio.plan("a castle", shots=1, seconds=1.0, settings=studio_process.settings)
    shot = project.shots[0].id
    studio.wait(studio.generate_takes(shot, count=1).id)
    assert [take.stale for take in studio.takes(shot)] == [False]
    assert studio.change_shot(shot, seconds=2.0).takes[0].stale is False
    assert studio.change_shot(shot, prompt="a whale").takes[0].stale is True


def test_a_cancelled_job_ends_within_a_step_and_can_be_tried_again(studio: Studio, studio_process: StudioProcess) -> None:
    job = studio.submit(long_job(studio_process, 11))
    state_of(studio, job, "running")
    asked = time.monotonic()
    studio.cancel(job.id)
    assert state_of(studio, job, "cancelled").ended
    assert time.monotonic() - asked < 10
    studio.retry(job.id)
    state_of(studio, job, "running")
    studio.cancel(job.id)
    state_of(studio, job, "cancelled")


def test_a_paused_job_goes_on_from_its_frames(studio: Studio, studio_process: StudioProcess) -> None:
    job = studio.submit(RenderJob(film=film(studio_process, 8.0, 12, keyframe_rate=6)))
    wait_for(lambda: studio.job(job.id).progress.done >= 3, "three frames")
    studio.pause(job.id)
    state_of(studio, job, "paused")
    studio.resume(job.id)
    ended = studio.wait(job.id)
    assert ended.state == "done"
    assert ended.result
    assert ended.result["reused"] >= 3
    assert ended.result["generated"] + ended.result["reused"] == 48


def test_an_urgent_job_runs_before_a_running_one_ends(studio: Studio, studio_process: StudioProcess) -> None:
    slow = studio.submit(long_job(studio_process, 13))
    wait_for(lambda: studio.job(slow.id).progress.done >= 1, "a frame")
    urgent = studio.wait(studio.submit(DrawJob(prompts=["a castle"], settings=studio_process.settings), priority=10).id)
    assert urgent.state == "done", urgent.error
    assert studio.job(slow.id).state == "running"
    studio.cancel(slow.id)
    state_of(studio, slow, "cancelled")


def test_an_image_is_the_same_whether_its_job_suspended_another_or_not(
    studio: Studio, studio_process: StudioProcess, tmp_path: Path
) -> None:
    request = DrawJob(prompts=["a castle by the sea"], seed=77, settings=studio_process.settings)
    slow = studio.submit(long_job(studio_process, 14))
    wait_for(lambda: studio.job(slow.id).progress.done >= 1, "a frame")
    beside = studio.wait(studio.submit(request, priority=10).id)
    studio.cancel(slow.id)
    settings = verbs.FilmSettings(**{**studio_process.settings, "size": (32, 32)})
    alone = verbs.draw("a castle by the sea", seed=77, settings=settings, store=tmp_path).result()
    assert beside.result
    shown = studio_process.home / "frames" / beside.result["images"][0][:2] / f"{beside.result['images'][0]}.png"
    from sakuga.datasets.image_reading import read_image

    assert (read_image(shown).image == alone.images[0]).all()


def test_what_cannot_run_is_refused_before_it_is_queued(studio: Studio) -> None:
    with pytest.raises(ApiRefusal, match="prompt"):
        studio.submit(DrawJob(prompts=[" "]))
    with pytest.raises(ApiRefusal, match="no model"):
        studio.submit(DrawJob(prompts=["a"], settings={"model": "/nowhere"}))
    with pytest.raises(ApiRefusal, match="out of range"):
        studio.submit(MorphJob(prompts=["a", "b"], settings={"guidance": 1000}))


def test_a_job_that_fails_says_why_and_the_worker_goes_on(studio: Studio, studio_process: StudioProcess) -> None:
    request = RenderJob(film=film(studio_process, seed=15))
    with httpx2.Client(base_url=studio_process.address) as http:
        http.patch("/api/v1/queue", json={"paused": True})
        job = studio.submit(request)
        model = Path(studio_process.model)
        hidden = model.rename(model.with_name("hidden"))
        try:
            http.patch("/api/v1/queue", json={"paused": False})
            failed = studio.wait(job.id)
        finally:
            hidden.rename(model)
    assert failed.state == "failed"
    assert "checkpoint" in (failed.error or "")
    studio.retry(job.id)
    assert studio.wait(job.id).state == "done"


def test_two_pages_hear_the_same_within_a_second(studio: Studio, studio_process: StudioProcess) -> None:
    after = studio.status().last_event
    heard: list[list[tuple[float, Event]]] = [[], []]

    def listen(place: int) -> None:
        with studio_process.client() as client:
            for event in client.events(after):
                heard[place].append((time.monotonic(), event))
                if event.kind == "job" and event.data["state"] == "done":
                    return

    pages = [threading.Thread(target=listen, args=(place,)) for place in range(2)]
    for page in pages:
        page.start()
    studio.submit(RenderJob(film=film(studio_process, seed=16)))
    for page in pages:
        page.join(60)
    first, second = ([event for _, event in page] for page in heard)
    assert first == second
    assert {"job", "frame"} <= {event.kind for event in first}
    assert [event.id for event in first] == sorted({event.id for event in first})
    assert max(abs(one - other) for (one, _), (other, _) in zip(*heard, strict=True)) < 1


def test_an_event_stream_goes_on_where_it_broke(studio: Studio, http: httpx2.Client) -> None:
    after = studio.status().last_event
    for title in ("one", "two", "three"):
        http.post("/api/v1/projects", json={"idea": "a castle", "title": title})
    events = [event.id for event in islice(studio.events(after), 3)]
    with http.stream("GET", "/api/v1/events", headers={"last-event-id": str(events[0])}) as answer:
        lines = answer.iter_lines()
        resumed = [int(line.removeprefix("id: ")) for line in islice((line for line in lines if line.startswith("id:")), 2)]
    assert resumed == events[1:]


def test_a_page_that_was_away_too_long_is_told_to_load_again(http: httpx2.Client) -> None:
    with http.stream("GET", "/api/v1/events", headers={"last-event-id": "999999999"}) as answer:
        assert next(line for line in answer.iter_lines() if line.startswith("event:")) == "event: reset"


def test_the_waiting_order_can_be_changed(http: httpx2.Client, studio: Studio, studio_process: StudioProcess) -> None:
    http.patch("/api/v1/queue", json={"paused": True})
    try:
        jobs = [studio.submit(RenderJob(film=film(studio_process, seed=20 + number))) for number in range(3)]
        assert http.patch(f"/api/v1/jobs/{jobs[2].id}", json={"before": jobs[0].id}).status_code == 200
        http.patch(f"/api/v1/jobs/{jobs[1].id}", json={"priority": 5})
        waiting = [job.id for job in studio.queue().jobs if job.state == "queued"]
        assert waiting == [jobs[1].id, jobs[2].id, jobs[0].id]
    finally:
        for job in jobs:
            studio.cancel(job.id)
        http.patch("/api/v1/queue", json={"paused": False})
