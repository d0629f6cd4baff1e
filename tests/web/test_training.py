"""Training sets and trainings, from uploads to a style in the library."""

import io

import httpx2
import numpy as np
from PIL import Image as PILImage

from sakuga.client import Studio
from sakuga.web.schemas import TrainJob
from tests.web.conftest import StudioProcess


def image(seed: int) -> bytes:
    made = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    PILImage.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def test_uploads_become_a_set_a_training_and_a_style(studio: Studio, studio_process: StudioProcess, http: httpx2.Client) -> None:
    uploads = [http.post("/api/v1/uploads", params={"name": f"{seed}.png"}, content=image(seed)).json()["id"] for seed in range(4)]
    captions = dict.fromkeys(uploads[:3], "a castle")
    made = http.post("/api/v1/sets", json={"name": "noise", "uploads": uploads, "captions": captions, "trigger": "zk"})
    assert made.json() == {"name": "noise", "images": 4, "cover": "/api/v1/sets/noise/images/0?w=256"}
    assert http.post("/api/v1/sets", json={"name": "noise", "uploads": uploads}).status_code == 409

    changed = http.patch("/api/v1/sets/noise/images/3", json={"caption": "a whale"}).json()
    assert changed["caption"] == "a whale, zk"
    details = http.delete("/api/v1/sets/noise/images/0").json()
    assert [one["caption"] for one in details["images"]] == ["a castle, zk", "a castle, zk", "a whale, zk"]
    assert http.get("/api/v1/sets/noise/images/0?w=64").content[8:12] == b"WEBP"

    settings = {"steps": 2, "batch": 1, "size": 32, "rank": 2, "sample_every": 0, "validate_every": 0, "log_every": 1}
    job = studio.wait(studio.submit(TrainJob(set="noise", name="noisy", model=studio_process.model, settings=settings)).id)
    assert job.state == "done", job.error
    run = http.get("/api/v1/runs/noisy").json()
    assert (run["state"], run["step"], run["steps"]) == ("done", 2, 2)
    assert [point["step"] for point in run["points"]] == [1, 2]
    assert "noisy" in {style["name"] for style in http.get("/api/v1/styles", params={"model": studio_process.model}).json()}


def test_a_training_names_its_set_and_its_options(http: httpx2.Client) -> None:
    for request, words in (
        ({"set": "../noise", "name": "x"}, "no training set"),
        ({"set": "none", "name": "x"}, "no training set"),
        ({"set": "none", "name": "../x"}, "request.train.name"),
        ({"set": "none", "name": "x\n"}, "request.train.name"),
    ):
        answer = http.post("/api/v1/jobs", json={"request": {"kind": "train", **request}})
        assert answer.status_code in (404, 422)
        assert words in answer.json()["error"]["message"]
