"""Training sets and trainings, from uploads to a style in the library."""

import io
import shutil
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image as PILImage

from sakuga.client import Studio
from sakuga.datasets.verdict import COMMANDS
from sakuga.web.routes.sets import BUTTONS
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
    looked = http.get("/api/v1/sets/noise", params={"inspect": True}).json()
    assert looked["inspected"]
    assert looked["verdict"] == "not ready"
    assert "3 images to train on" in looked["findings"][0]
    assert any("licence" in finding for finding in looked["findings"])
    found = [finding for one in looked["images"] for finding in one["findings"]]
    assert any("have the caption" in finding for finding in found)
    assert not any("licence" in finding for finding in found), "what concerns every image is said once"

    settings = {"steps": 2, "batch": 1, "size": 32, "rank": 2, "sample_every": 0, "validate_every": 0, "log_every": 1}
    wanted = {"set": "noise", "name": "noisy", "model": studio_process.model, "settings": settings}
    foretold = http.post("/api/v1/runs/plan", json=wanted).json()
    assert (foretold["steps"], foretold["images"]) == (2, 3)
    assert foretold["seconds"] > 0 < foretold["memory"]
    assert any("only 3 images to train on" in note for note in foretold["notes"])
    assert http.get("/api/v1/runs").json() == [], "what is only asked about leaves nothing"
    refused = http.post("/api/v1/runs/plan", json={**wanted, "method": "slider"})
    assert (refused.status_code, "two different ends" in refused.json()["error"]["message"]) == (422, True)

    job = studio.wait(studio.submit(TrainJob(set="noise", name="noisy", model=studio_process.model, settings=settings)).id)
    assert job.state == "done", job.error
    run = http.get("/api/v1/runs/noisy").json()
    assert (run["state"], run["step"], run["steps"]) == ("done", 2, 2)
    assert [point["step"] for point in run["points"]] == [1, 2]
    assert "noisy" in {style["name"] for style in http.get("/api/v1/styles", params={"model": studio_process.model}).json()}


def animation(seed: int) -> bytes:
    frames = [PILImage.open(io.BytesIO(image(seed + place))) for place in range(6)]
    made = io.BytesIO()
    frames[0].save(made, "WEBP", save_all=True, append_images=frames[1:], duration=125)
    return made.getvalue()


def test_uploaded_clips_become_a_motion_lora_in_the_library(
    studio: Studio, studio_process: StudioProcess, http: httpx2.Client, tiny_moving_folder: Path
) -> None:
    model = shutil.copytree(tiny_moving_folder, studio_process.home / "models" / "moving")
    clips = [http.post("/api/v1/uploads", params={"name": f"{seed}.webp"}, content=animation(seed)).json()["id"] for seed in (50, 60)]
    settings = {"steps": 2, "size": 32, "rank": 2, "frames": 4, "sample_every": 0, "log_every": 1}
    wanted = TrainJob(clips=clips, name="sway", method="motion-lora", model=str(model), settings=settings)
    assert http.post("/api/v1/runs/plan", json=wanted.model_dump()).json()["images"] == 2
    without = http.post("/api/v1/jobs", json={"request": wanted.model_copy(update={"clips": []}).model_dump()})
    assert (without.status_code, without.json()["error"]["field"]) == (422, "clips")
    job = studio.wait(studio.submit(wanted).id)
    assert job.state == "done", job.error
    run = http.get("/api/v1/runs/sway").json()
    assert (run["method"], run["step"]) == ("motion-lora", 2)
    assert "sway" in {style["name"] for style in http.get("/api/v1/styles", params={"model": str(model)}).json()}


def test_the_doctor_tells_every_page_how_far_it_is_and_when_it_ends(studio: Studio, http: httpx2.Client) -> None:
    uploads = [http.post("/api/v1/uploads", params={"name": f"{seed}.png"}, content=image(seed)).json()["id"] for seed in range(40, 43)]
    http.post("/api/v1/sets", json={"name": "watched", "uploads": uploads})
    began = http.get("/api/v1/status").json()["last_event"]
    http.get("/api/v1/sets/watched", params={"inspect": True})
    heard = list[dict[str, Any]]()
    for event in studio.events(after=began):
        if event.kind == "doctor" and event.subject == "watched":
            heard.append(event.data)
        if heard and "ended" in heard[-1]:
            break
    assert (heard[0]["done"], heard[0]["total"]) == (1, 3)
    assert heard[0]["seconds_left"] > 0
    assert heard[-1] == {"ended": True}


def test_the_doctor_names_buttons_where_the_command_line_names_commands() -> None:
    assert BUTTONS.keys() == COMMANDS.keys()
    assert not any("`" in words or "sakuga" in words for words in BUTTONS.values())


def test_a_tenth_of_a_larger_set_is_held_out_and_can_be_mended_too(http: httpx2.Client) -> None:
    uploads = [http.post("/api/v1/uploads", params={"name": f"{seed}.png"}, content=image(seed)).json()["id"] for seed in range(20, 30)]
    assert http.post("/api/v1/sets", json={"name": "split", "uploads": uploads}).json()["images"] == 10
    images = http.get("/api/v1/sets/split").json()["images"]
    held = [one["index"] for one in images if one["held_out"]]
    assert len(held) == 1
    assert http.patch(f"/api/v1/sets/split/images/{held[0]}", json={"caption": "a whale"}).json()["caption"] == "a whale"
    assert len([one for one in http.get("/api/v1/sets/split").json()["images"] if one["held_out"]]) == 1


def test_an_image_of_a_set_is_cropped_and_counts_more_in_its_place(http: httpx2.Client) -> None:
    uploads = [http.post("/api/v1/uploads", params={"name": f"{seed}.png"}, content=image(seed)).json()["id"] for seed in range(10, 13)]
    assert http.post("/api/v1/sets", json={"name": "mended", "uploads": uploads}).status_code == 201

    def change(index: int, **values: object) -> httpx2.Response:
        return http.patch(f"/api/v1/sets/mended/images/{index}", json=values)

    whole = read_png(http.get("/api/v1/sets/mended/images/0").content)
    cropped = change(0, crop={"left": 8, "top": 0, "right": 40, "bottom": 24}).json()
    assert (cropped["width"], cropped["height"]) == (32, 24)
    assert whole.shape[:2] == (48, 48)
    assert "leaves the image" in change(0, crop={"left": 8, "top": 0, "right": 48, "bottom": 24}).json()["error"]["message"]
    assert "too small" in change(0, crop={"left": 8, "top": 0, "right": 9, "bottom": 24}).json()["error"]["message"]
    for index, kind in enumerate(("portrait", "landscape", "landscape")):
        assert change(index, composition=kind).json()["composition"] == kind
    balanced = http.post("/api/v1/sets/mended/balance", json={}).json()
    assert [one["repeats"] for one in balanced["images"]] == [2, 1, 1]
    assert change(1, repeats=5).json()["repeats"] == 5
    assert change(1, composition="portrait").json()["repeats"] == 5
    change(2, composition="portrait")
    assert "nothing to balance" in http.post("/api/v1/sets/mended/balance", json={}).json()["error"]["message"]


def read_png(content: bytes) -> np.ndarray:
    return np.asarray(PILImage.open(io.BytesIO(content)))


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
