"""The Python client, its example, and the command line beside a studio."""

import runpy
import sys
from functools import partialmethod
from pathlib import Path

import httpx2
import pytest

from sakuga import InputError
from sakuga.cli import main
from sakuga.client import Studio
from sakuga.rendering.store_lock import StoreInUse
from sakuga.story.film import from_document, write_film
from sakuga.studio import clean_store, replay, show_store
from sakuga.web.schemas import DrawJob, MorphJob, TakeNode, UndoLast
from tests.web.conftest import StudioProcess, wait_for

EXAMPLE = Path(__file__).parents[2] / "examples" / "studio_client.py"


def test_the_example_makes_a_clip(studio_process: StudioProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Studio, "plan", partialmethod(Studio.plan, settings=studio_process.settings))
    runpy.run_path(str(EXAMPLE))["main"]("a boat on the sea", str(tmp_path / "boat.gif"), studio_process.address)
    assert (tmp_path / "boat.gif").read_bytes().startswith(b"GIF89a")


def test_a_client_without_a_studio_says_how_to_start_one() -> None:
    with Studio("http://127.0.0.1:9") as client:
        with pytest.raises(InputError, match="sakuga studio"):
            client.status()
        with pytest.raises(InputError, match="sakuga studio"):
            next(client.events())


def test_the_command_line_hands_a_render_over_and_watches_it(
    studio_process: StudioProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAKUGA_HOME", str(studio_process.home))
    shots = [{"prompt": "a castle", "seconds": 1.0, "seed": 31, "transition": "cut"}]
    write_film(from_document({"film": studio_process.settings, "shots": shots}, "film"), tmp_path / "film.toml")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sakuga", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    code, said = run("render", str(tmp_path / "film.toml"), "-o", str(tmp_path / "out.gif"), "--queue")
    assert code == 0
    job = said.split()[2].rstrip(":")
    assert run("queue", job)[0] == 0
    assert (tmp_path / "out.gif").read_bytes().startswith(b"GIF89a")
    assert job in run("queue")[1]
    assert run("render", str(tmp_path / "film.toml"), "-o", str(tmp_path / "folder"), "--queue")[0] == 2


def test_a_frame_can_be_redone_and_nothing_else_changes(studio: Studio, studio_process: StudioProcess, tmp_path: Path) -> None:
    project = studio.plan("a castle", shots=1, seconds=2.0, settings={**studio_process.settings, "motion": "none"})
    clip = studio.wait(studio.render(project.id).id).id
    with httpx2.Client(base_url=studio_process.address, timeout=60) as http:
        timeline = http.get(f"/api/v1/clips/{clip}/timeline").json()
        assert timeline["can_redo"], timeline["reason"]
        assert len(timeline["frames"]) == 12
        place = next(frame["index"] for frame in timeline["frames"][4:] if frame["kind"] == "generated")
        job = http.post(f"/api/v1/clips/{clip}/takes", json={"frames": [place], "count": 2}).json()
        ended = studio.wait(job["id"])
        assert ended.state == "done", ended.error
        takes = http.get(f"/api/v1/clips/{clip}/takes").json()
        assert all(studio.frame(take["digest"]) for take in takes)
        edited = http.post(f"/api/v1/clips/{clip}/choose", json={"takes": [takes[0]["id"]]}).json()
        assert studio.wait(edited["id"]).state == "done"
        after = http.get(f"/api/v1/clips/{edited['id']}/timeline").json()
        assert after["frames"][place]["digest"] == takes[0]["digest"]
        assert after["frames"][place]["redone"]
        changed = [new["index"] for new, old in zip(after["frames"], timeline["frames"], strict=True) if new["digest"] != old["digest"]]
        assert place in changed
        keys = [frame["index"] for frame in timeline["frames"] if frame["kind"] == "generated"]
        beside = range(max(key for key in keys if key < place) + 1, min([key for key in keys if key > place], default=12))
        assert set(changed) <= set(beside)
        slow = http.post(f"/api/v1/clips/{clip}/retime", json={"speed": 0.5, "holds": [{"frame": 0, "frames": 2}]}).json()
        assert studio.wait(slow["id"]).state == "done"
        assert studio.clip(slow["id"]).frames == 14
        assert studio.clip(slow["id"]).seconds == pytest.approx(14 / 3)
        small = http.post(f"/api/v1/clips/{clip}/export", json={"format": "webp"}).json()
        assert studio.wait(small["id"]).state == "done"
        assert studio.download(small["id"], tmp_path / "x.webp").read_bytes()[8:12] == b"WEBP"
        assert http.get(f"/api/v1/clips/{small['id']}/timeline").json()["can_redo"]


def test_the_library_finds_clips_by_their_prompts_and_names_what_differs(studio: Studio, studio_process: StudioProcess) -> None:
    settings = {key: studio_process.settings[key] for key in ("model", "size", "steps")}
    for seed in (41, 42):
        studio.wait(studio.submit(MorphJob(prompts=["a lighthouse", "a whale"], frames=3, seed=seed, settings=settings)).id)
    found = studio.library("lighthouse whale", order="oldest").entries
    assert len(found) == 2
    assert studio.library("nothing%").total == 0
    with httpx2.Client(base_url=studio_process.address) as http:
        compared = http.get("/api/v1/library/compare", params={"first": found[0].id, "second": found[1].id}).json()
        assert [one["key"] for one in compared["differences"]] == ["seed"]
        drawn = studio.wait(studio.submit(DrawJob(prompts=["a lighthouse", "a whale"], seed=41, settings=settings)).id)
        assert drawn.result
        first, second = drawn.result["images"]
        compared = http.get("/api/v1/library/compare", params={"first": first, "second": second}).json()
        assert compared["differences"] == [{"key": "prompt", "first": "a lighthouse", "second": "a whale"}]
        assert http.put(f"/api/v1/library/{found[0].id}/star").json()["starred"]
        assert [entry.id for entry in studio.library(starred=True).entries] == [found[0].id]
        image = http.get(f"/api/v1/clips/{found[0].id}/file", headers={"range": "bytes=0-5"})
        assert (image.status_code, image.content) == (206, b"GIF89a")


def test_frames_never_change_and_have_thumbnails(studio: Studio, studio_process: StudioProcess) -> None:
    ended = studio.wait(studio.submit(DrawJob(prompts=["a castle"], seed=9, settings=studio_process.settings)).id)
    assert ended.result
    digest = ended.result["images"][0]
    with httpx2.Client(base_url=studio_process.address) as http:
        answer = http.get(f"/frames/{digest}")
        assert "immutable" in answer.headers["cache-control"]
        assert http.get(f"/frames/{digest}", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        small = http.get(f"/frames/{digest}?w=10")
        assert small.headers["content-type"] == "image/webp"
        assert small.headers["etag"] != answer.headers["etag"]
    wait_for(lambda: studio.library(kind="image").total >= 1, "image")


def test_images_are_chosen_and_become_a_clip_that_its_log_replays(studio: Studio, studio_process: StudioProcess, tmp_path: Path) -> None:
    settings = {key: studio_process.settings[key] for key in ("model", "size", "steps")}
    drawn = studio.wait(studio.submit(DrawJob(prompts=["a castle"], seed=3, settings=settings)).id)
    assert drawn.result
    session = studio.begin_choosing(drawn.result["images"][0], variants=2, between=2, settings=settings).id
    for _ in range(2):
        shown = studio.images_to_choose(session).shown
        state = studio.decide(session, TakeNode(node=shown[1]))
    assert len(state.path) == 3
    assert studio.decide(session, UndoLast()).path == state.path[:-1]
    assert session in {one.id for one in studio.sessions()}
    made = studio.wait(studio.export_session(session, node=state.current).id)
    assert made.state == "done", made.error
    clip = studio.download(made.id, tmp_path / "chosen.gif").read_bytes()
    log = studio.download_log(session, tmp_path / "session.jsonl")
    replay(log, tmp_path / "again.gif", node=state.current, model=studio_process.model, store=studio_process.home / "frames").result()
    assert (tmp_path / "again.gif").read_bytes() == clip
    studio.delete_session(session)
    assert session not in {one.id for one in studio.sessions()}


def test_the_store_can_be_cleaned_while_the_studio_rests(studio: Studio, studio_process: StudioProcess) -> None:
    settings = {key: studio_process.settings[key] for key in ("model", "size", "steps")}
    drawn = studio.wait(studio.submit(DrawJob(prompts=["a boat"], seed=4, settings=settings)).id)
    assert drawn.result
    session = studio.begin_choosing(drawn.result["images"][0], variants=1, settings=settings).id
    studio.images_to_choose(session)
    frames = studio_process.home / "frames"

    def cleaned() -> bool:
        try:
            return clean_store(show_store(frames).bytes, frames) == 0
        except StoreInUse:
            return False

    wait_for(cleaned, "moment at which nothing is rendered")
    studio.delete_session(session)
