"""Uploads: what is taken, and what is refused."""

import io
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image as PILImage
from starlette.testclient import TestClient

from sakuga.web.app import create_app
from sakuga.web.routes import uploads
from tests.web.conftest import StudioProcess, wait_for


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1:8765") as client:
        yield client


def png(width: int = 20, height: int = 10) -> bytes:
    made = io.BytesIO()
    PILImage.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)).save(made, "PNG")
    return made.getvalue()


def huge_png() -> bytes:
    """Return a PNG whose header announces 30,000 x 30,000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_an_image_is_kept_under_a_name_of_the_servers_own(local: TestClient, tmp_path: Path) -> None:
    answer = local.post("/api/v1/uploads", params={"name": "../../evil\x00.py"}, content=png())
    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["kind"], upload["width"], upload["height"], upload["name"]) == ("image", 20, 10, "evil.py")
    assert [path.name for path in (tmp_path / "studio" / "uploads").iterdir()] == [f"{upload['id']}.png"]
    assert local.get(f"/frames/{upload['frame']}").content.startswith(b"\x89PNG")
    assert local.delete(f"/api/v1/uploads/{upload['id']}").status_code == 204
    assert not list((tmp_path / "studio" / "uploads").iterdir())


def gif(comment: str = "") -> bytes:
    """Return a clip of three frames, with a comment that may be a recipe."""
    made = io.BytesIO()
    frames = [PILImage.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=100, comment=comment.encode())
    return made.getvalue()


def bring(local: TestClient, content: bytes) -> httpx2.Response:
    """Upload a clip and bring it into the library."""
    upload = local.post("/api/v1/uploads", params={"name": "mine.gif"}, content=content).json()["id"]
    return local.post("/api/v1/clips", json={"upload": upload})


def test_a_clip_of_another_program_plays_and_says_why_it_cannot_be_edited(local: TestClient, tmp_path: Path) -> None:
    clip = bring(local, gif()).json()
    assert (clip["title"], clip["frames"], clip["has_recipe"]) == ("mine", 3, False)
    timeline = local.get(f"/api/v1/clips/{clip['id']}/timeline").json()
    assert len(timeline["frames"]) == 3
    assert "carries no recipe" in timeline["reason"]
    assert str(tmp_path) not in timeline["reason"]
    assert local.get(f"/api/v1/clips/{clip['id']}/frames/2").content.startswith(b"\x89PNG")
    assert local.get("/api/v1/library").json()["entries"][0]["id"] == clip["id"]


@pytest.mark.parametrize(
    ("recipe", "status", "words"),
    [
        ({"kind": "film", "recipe": 99, "film": {}}, 201, "mine"),
        ({"kind": "film", "film": {"model": "/etc/models/secret"}}, 422, "no model"),
        ({"kind": "film", "film": {"model": "sketchbook"}, "shots": "none"}, 201, "mine"),
    ],
    ids=["version", "model", "broken"],
)
def test_a_recipe_that_cannot_be_followed_leaves_a_clip_that_plays(
    local: TestClient, recipe: dict[str, object], status: int, words: str
) -> None:
    answer = bring(local, gif(json.dumps(recipe)))
    assert answer.status_code == status, answer.text
    assert words in answer.text


def test_a_clip_is_known_by_its_frames(local: TestClient) -> None:
    upload = local.post("/api/v1/uploads", params={"name": "x.png"}, content=gif()).json()
    assert (upload["kind"], upload["frames"], upload["has_recipe"]) == ("clip", 3, False)
    answer = local.post("/api/v1/projects", json={"clip": upload["id"]})
    assert answer.status_code == 422
    assert "carries no recipe" in answer.json()["error"]["message"]


def test_a_film_is_read_and_its_errors_name_the_line(local: TestClient) -> None:
    film = "[film]\nidea = 'x'\n[[shots]]\nprompt = 'a castle'\nseconds = 1.0\nseed = 1\n"
    upload = local.post("/api/v1/uploads", params={"name": "film.toml"}, content=film.encode()).json()
    assert upload["kind"] == "film"
    assert local.post("/api/v1/projects", json={"clip": upload["id"]}).json()["shots"][0]["prompt"] == "a castle"
    broken = local.post("/api/v1/uploads", params={"name": "film.toml"}, content=film.replace("1.0", "0.0").encode())
    assert broken.json()["error"]["line"] == 5


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"just a text", 422, "no film.toml"),
        (b"", 422, "empty"),
        (b"<html><script>alert(1)</script>", 422, "bring an image"),
        (b"\x00\x01\x02" * 1000, 422, "not an image"),
        (png()[:-60], 422, "truncated"),
        (huge_png(), 413, "million pixels"),
        (b"%PDF-1.4\xff\xff" + bytes(100), 422, "not an image"),
        (b"GIF89a" + b"\xff" * 200, 422, ""),
        (b"\x1aE\xdf\xa3" + b"\xff" * 2000, 422, ""),
        (b"\x80\x04\x95" + b"." * 50, 422, "not an image"),
    ],
    ids=["text", "empty", "page", "bytes", "half", "huge", "pdf", "gif", "webm", "pickle"],
)
def test_what_is_no_image_clip_or_film_is_refused_in_a_sentence(
    local: TestClient, tmp_path: Path, content: bytes, status: int, words: str
) -> None:
    answer = local.post("/api/v1/uploads", params={"name": "mine.png"}, content=content)
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]["message"]
    assert words in message
    assert ".part" not in message
    assert str(tmp_path) not in message
    assert not list((tmp_path / "studio" / "uploads").iterdir())


def test_too_many_bytes_are_refused_before_they_are_read(local: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST", 1000)
    assert local.post("/api/v1/uploads", content=png(100, 100)).status_code == 413
    answer = local.post("/api/v1/uploads", content=(bytes(100) for _ in range(20)))
    assert answer.status_code == 413
    assert not list((tmp_path / "studio" / "uploads").iterdir())


def test_the_quota_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path, quota=100), base_url="http://127.0.0.1:8765") as client:
        (tmp_path / "frames").mkdir()
        (tmp_path / "frames" / "large.png").write_bytes(bytes(1000))
        job = {"request": {"kind": "draw", "prompts": ["a castle"]}}
        for answer in (client.post("/api/v1/uploads", content=png()), client.post("/api/v1/jobs", json=job)):
            assert answer.status_code == 507
            assert "--quota" in answer.json()["error"]["message"]


def test_an_interrupted_upload_leaves_nothing(studio_process: StudioProcess, http: httpx2.Client) -> None:
    folder = studio_process.home / "studio" / "uploads"
    before = set(folder.iterdir())
    host, port = studio_process.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(f"POST /api/v1/uploads?name=a.png HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n".encode() + bytes(5000))
        wait_for(lambda: set(folder.iterdir()) != before, "half an upload")
    wait_for(lambda: set(folder.iterdir()) == before, "tidy folder")
    assert http.get("/api/v1/uploads").status_code == 200
