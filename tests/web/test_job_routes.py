"""Requests about jobs, in this process and without a worker: order, changes, deletion."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sakuga.web.app import create_app

DRAW = {"request": {"kind": "draw", "prompts": ["a castle"]}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1:8765/api/v1") as client:
        yield client


def added(api: TestClient, count: int) -> list[dict[str, Any]]:
    return [api.post("jobs", json=DRAW).json() for _ in range(count)]


def waiting(api: TestClient) -> list[str]:
    return [job["id"] for job in api.get("queue").json()["jobs"] if job["state"] == "queued"]


def test_a_job_goes_directly_before_another_whatever_stood_there(api: TestClient) -> None:
    first, second, third, fourth = (job["id"] for job in added(api, 4))
    api.patch(f"jobs/{third}", json={"before": second})
    assert waiting(api) == [first, third, second, fourth]
    api.patch(f"jobs/{fourth}", json={"before": first})
    assert waiting(api) == [fourth, first, third, second]
    api.patch(f"jobs/{second}", json={"before": third})
    assert waiting(api) == [fourth, first, second, third]


def test_an_ended_job_keeps_its_place_and_takes_another_title(api: TestClient) -> None:
    ended, other = (job["id"] for job in added(api, 2))
    assert api.delete(f"jobs/{ended}").status_code == 409
    api.post(f"jobs/{ended}/cancel")
    for change in ({"priority": 3}, {"before": other}):
        assert api.patch(f"jobs/{ended}", json=change).status_code == 409
    assert api.patch(f"jobs/{ended}", json={"title": "a castle"}).json()["title"] == "a castle"
    assert api.patch(f"jobs/{other}", json={"priority": 3}).json()["priority"] == 3


def test_an_ended_job_can_be_deleted(api: TestClient) -> None:
    ended, other = (job["id"] for job in added(api, 2))
    api.post(f"jobs/{ended}/cancel")
    assert api.delete(f"jobs/{ended}").status_code == 204
    assert [job["id"] for job in api.get("jobs").json()] == [other]


def test_jobs_are_listed_by_state_and_not_more_than_asked_for(api: TestClient) -> None:
    ended, *others = (job["id"] for job in added(api, 3))
    api.post(f"jobs/{ended}/cancel")
    assert [job["id"] for job in api.get("jobs", params={"state": "cancelled"}).json()] == [ended]
    assert {job["id"] for job in api.get("jobs", params={"state": "queued"}).json()} == set(others)
    assert len(api.get("jobs", params={"limit": 2}).json()) == 2
