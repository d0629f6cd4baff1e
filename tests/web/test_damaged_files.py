"""Files that are damaged, deleted or of an unusual kind hurt no page but their own."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from starlette.testclient import TestClient

from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import write_set
from sakuga.web.app import create_app
from tests.web.test_uploads import bring, gif, png

ORIENTATION, TURN_RIGHT = 0x0112, 6
"""The tag of EXIF, and its value for an image whose top is its left side."""


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        yield client


def shown(content: bytes) -> PILImage.Image:
    return PILImage.open(io.BytesIO(content))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A set of three images of the studio: a plain one, one that lies on its side by EXIF, and one of 16 bits."""
    sources = tmp_path / "sources"
    sources.mkdir()
    lying = np.zeros((64, 96, 3), dtype=np.uint8)
    lying[:, :48] = 255  # upright, the upper half is white
    exif = PILImage.Exif()
    exif[ORIENTATION] = TURN_RIGHT
    (sources / "0.png").write_bytes(png(96, 64))
    PILImage.fromarray(lying).save(sources / "1.jpg", exif=exif, quality=95)
    PILImage.fromarray(np.full((64, 96), 40_000, dtype=np.uint16)).save(sources / "2.png")
    paths = sorted(sources.iterdir())
    examples = [Example(file=path.name, text="a castle", source="mine", licence="CC0", composition="portrait") for path in paths]
    folder = tmp_path / "studio" / "sets" / "mine"
    write_set(folder, zip(examples, paths, strict=True))
    return folder


def test_a_damaged_image_of_a_set_is_told_and_the_others_are_shown(local: TestClient, images: Path) -> None:
    (images / "images" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    details = local.get("/api/v1/sets/mine")
    assert details.status_code == 200
    assert [len(image["findings"]) for image in details.json()["images"]] == [1, 0, 0]
    answer = local.get("/api/v1/sets/mine/images/0")
    assert answer.status_code == 422
    assert "0.png is not an image" in answer.json()["error"]["message"]
    assert local.get("/api/v1/sets/mine/images/1").status_code == 200


def test_a_photograph_that_lies_on_its_side_is_shown_and_cropped_upright(local: TestClient, images: Path) -> None:
    described = local.get("/api/v1/sets/mine").json()["images"][1]
    assert (described["width"], described["height"]) == (64, 96)
    upright = np.asarray(shown(local.get("/api/v1/sets/mine/images/1").content))
    assert upright.shape == (96, 64, 3)
    assert upright[:40].min() > 200
    assert upright[56:].max() < 50
    crop = {"crop": {"left": 0, "top": 0, "right": 64, "bottom": 40}}
    assert local.patch("/api/v1/sets/mine/images/1", json=crop).status_code == 200
    kept = np.asarray(shown(local.get("/api/v1/sets/mine/images/1").content))
    assert kept.shape == (40, 64, 3)
    assert kept.min() > 200


def test_an_image_of_16_bits_is_shown_as_it_is_trained_on(local: TestClient, images: Path) -> None:
    assert abs(int(np.asarray(shown(local.get("/api/v1/sets/mine/images/2").content)).mean()) - 40_000 // 257) <= 2


@pytest.mark.parametrize("content", [None, b"", b"GIF89a"])
def test_a_clip_that_was_deleted_or_damaged_is_one_refusal_and_the_library_goes_on(
    local: TestClient, tmp_path: Path, content: bytes | None
) -> None:
    clips = [bring(local, gif()).json()["id"], bring(local, png()).json().get("id")]
    for file in (tmp_path / "studio" / "clips").rglob("*.gif"):
        file.unlink() if content is None else file.write_bytes(content)
    listed = local.get("/api/v1/library")
    assert listed.status_code == 200
    assert clips[0] in str(listed.json())
    for place in ("", "/file", "/poster", "/timeline", "/frames/0", "/recipe"):
        answer = local.get(f"/api/v1/clips/{clips[0]}{place}")
        assert answer.status_code < 500, (place, answer.text)
    for path in ("/api/v1/status", "/api/v1/jobs", "/api/v1/library"):
        assert local.get(path).status_code == 200


def test_an_upload_that_was_deleted_is_refused_by_name(local: TestClient, tmp_path: Path) -> None:
    upload = local.post("/api/v1/uploads", params={"name": "mine.gif"}, content=gif()).json()["id"]
    for file in (tmp_path / "studio" / "uploads").iterdir():
        file.unlink()
    for kind in ({"upload": upload},):
        assert 400 <= local.post("/api/v1/clips", json=kind).status_code < 500
    assert local.delete(f"/api/v1/uploads/{upload}").status_code == 204


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/", "/\\evil.example/", "/api/v1//evil.example/"])
def test_no_address_leads_to_another_site(local: TestClient, path: str) -> None:
    answer = local.get(f"http://127.0.0.1:8765{path}", follow_redirects=False)
    assert "evil" not in answer.headers.get("location", "").split("?")[0].replace("http://127.0.0.1:8765/", "")


def test_transparent_parts_of_an_image_are_shown_white_as_they_are_trained_on(local: TestClient, images: Path) -> None:
    PILImage.new("RGBA", (96, 64), (0, 0, 0, 0)).save(images / "images" / "0.png")
    assert np.asarray(shown(local.get("/api/v1/sets/mine/images/0").content)).min() > 250
