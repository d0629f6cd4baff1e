"""The API against its own schema."""

import io
import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image as PILImage
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from starlette.testclient import TestClient

from sakuga.story.film import BibleTable, ShotTable
from sakuga.web.app import create_app
from sakuga.web.names import FILES
from sakuga.web.schemas import BibleText, ShotFields
from sakuga.web.security import Access

LEFT_OUT = ("/api/v1/events", "/api/v1/choose")
"""A stream without an end, and sessions that render at once."""


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


BOUNDS = settings(
    max_examples=int(os.environ.get("SAKUGA_SCHEMA", "3")),  # a longer search by hand
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


def rows_of(client: TestClient) -> dict[str, str]:
    """Make a row of each kind that a path can name; returns their ids."""
    project = client.post("/api/v1/projects", json={"idea": "a castle", "shots": 2, "seconds": 1.0}).json()
    shot = project["shots"][0]["id"]
    job = client.post(f"/api/v1/shots/{shot}/takes", json={"count": 2}).json()
    take = client.get(f"/api/v1/shots/{shot}/takes").json()[0]
    image = io.BytesIO()
    PILImage.new("RGB", (16, 16)).save(image, "PNG")
    upload = client.post("/api/v1/uploads", content=image.getvalue()).json()
    rows = {"project": project["id"], "shot": shot, "take": take["id"], "job": job["id"], "upload": upload["id"], "digest": upload["frame"]}
    return {**rows, "name": "comic"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("known", [False, True], ids=["random-names", "known-names"])
def test_no_request_is_a_fault_and_every_answer_is_in_the_schema(tmp_path: Path, known: bool) -> None:
    """The app is called in this process; it has no workers, so jobs only wait."""
    app = create_app(tmp_path, Access("testserver"))
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app).exclude(path_regex="|".join(LEFT_OUT))
    operations = sorted((found.ok() for found in schema.get_all_operations()), key=lambda operation: operation.method == "delete")
    rows = rows_of(TestClient(app)) if known else {}
    failed = list[str]()

    def answer(case: schemathesis.Case) -> None:
        for name in rows.keys() & case.path_parameters.keys():
            case.path_parameters[name] = rows[name]
        case.validate_response(case.call(), checks=CHECKS)

    for operation in operations:
        try:
            BOUNDS(given(operation.as_strategy())(answer))()
        except (Exception, BaseExceptionGroup) as error:
            failed.append(f"{operation.label}: {error}")
    assert not failed, "\n".join(failed)
    assert len(operations) > 70


def test_every_key_of_a_film_can_be_changed_by_a_page() -> None:
    assert set(ShotTable.model_fields) - set(FILES) <= set(ShotFields.model_fields)
    assert set(BibleTable.model_fields) == set(BibleText.model_fields)


def test_the_schema_lies_where_clients_look_for_it(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1") as client:
        document = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/jobs" in document["paths"]
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
