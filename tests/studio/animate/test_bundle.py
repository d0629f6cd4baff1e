"""Jobs for farms run for real: by the OpenJD runner, and Slurm's script by bash."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from sakuga import InputError, studio
from sakuga.cli import main
from sakuga.export import ExportError
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Cut, Shot, Storyboard
from sakuga.studio import FilmSettings, PixelArt

BINARIES = Path(sys.executable).parent


@pytest.fixture
def film(tiny_v_folder: Path) -> Film:
    """Two shots of two frames, with a cut between them."""
    shots = tuple(Shot(prompt=f"a castle at {time}", seconds=0.5, seed=1, transition=Cut()) for time in ("dawn", "night"))
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(64, 64), fps=4)
    return Film(settings=settings, storyboard=Storyboard(idea="a castle", bible=Bible(), shots=shots))


def run(words: list[str], folder: Path, **environment: str) -> str:
    environment = {**os.environ, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", **environment}
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def test_openjd_renders_the_frames_and_the_clip(film: Film, tmp_path: Path) -> None:
    made = studio.bundle(film, tmp_path / "job", chunk=4, first_frame=1001, store=tmp_path / "frames")
    assert made.stages == (("1001-1002", "1003-1004"),)
    one = studio.bundle(film, tmp_path / "job", clip="film.gif", first_frame=1001, store=tmp_path / "frames")
    template = yaml.safe_load((tmp_path / "job" / "template.yaml").read_text())
    template["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]["range"] = ["1001-1004"]  # one process in place of two
    (tmp_path / "job" / "template.yaml").write_text(yaml.safe_dump(template))
    run(["openjd", "run", "job/template.yaml"], tmp_path, SAKUGA_HOME=str(tmp_path / "home"))
    names = {path.name for path in (tmp_path / "job" / "output").iterdir()}
    assert names == {*(f"film.{number}.png" for number in range(1001, 1005)), "film.otio", "film.gif"}
    with Image.open(tmp_path / "job" / "output" / "film.gif") as clip:
        assert clip.size == (64, 64)
    assert one.tasks == 2
    assert len(list((tmp_path / "frames").glob("??/*.png"))) == len({*_generated(film, tmp_path)})


def _generated(film: Film, tmp_path: Path) -> list[str]:
    """Return the frames that the film itself needs, rendered from the store: nothing is left to generate."""
    made = studio.render(film, tmp_path / "again.gif", store=tmp_path / "frames").result()
    assert made.count.generated == 0
    return [path.stem for path in (tmp_path / "frames").glob("??/*.png")]


def test_slurm_submits_stages_in_order_and_its_script_renders(film: Film, tmp_path: Path) -> None:
    store = tmp_path / 'a "store" of $frames'
    studio.bundle(film, tmp_path / "job", store=store)
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "sbatch").write_text('#!/bin/bash\necho "$@" >> "$LOG"\necho 7\n')
    (fake / "sakuga").write_text('#!/bin/bash\necho "$SAKUGA_STORE" "$@" >> "$LOG"\n')
    for path in fake.iterdir():
        path.chmod(0o755)
    environment = {"LOG": str(tmp_path / "log"), "PATH": f"{fake}{os.pathsep}{os.environ['PATH']}"}
    run(["bash", "job/submit.sh"], tmp_path, **environment)
    run(["bash", "render.sbatch", "frames-1.txt"], tmp_path / "job", SLURM_ARRAY_TASK_ID="2", **environment)
    run(["bash", "clip.sbatch"], tmp_path / "job", **environment)
    assert (tmp_path / "log").read_text().splitlines() == [
        "--parsable --array=1-2 render.sbatch frames-1.txt",
        "--dependency=afterok:7 clip.sbatch",
        f"{store} render film.toml --frames 3-4 --first-frame 1 -o output/film.%04d.png --quiet",
        f"{store} render film.toml -o output/film.mp4 --quiet",
    ]


def test_what_a_farm_cannot_render_is_refused(film: Film, tmp_path: Path) -> None:
    from dataclasses import replace

    for changes, said in (
        ({"images": "film.png"}, "no place for frame numbers"),
        ({"images": "a/f.%04d.png"}, "a name without a folder"),
        ({"clip": "film.avi"}, "no known suffix"),
        ({"chunk": 0}, "chunk"),
    ):
        with pytest.raises(InputError, match=said):
            studio.bundle(film, tmp_path / "job", **changes)
    with pytest.raises(InputError, match="one palette"):
        studio.bundle(replace(film, settings=replace(film.settings, pixel=PixelArt(grid=16, colors=8))), tmp_path / "job")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("")
    with pytest.raises(ExportError, match=r"holds todo\.txt, which is no part of a job"):
        studio.bundle(film, tmp_path / "notes")


def test_the_command_says_how_to_run_the_job(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    studio.write_film(film, tmp_path / "film.toml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sakuga", "bundle", "film.toml", "-o", "job", "--store", "s", "--chunk", "1", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out) == {"job": "job", "stages": [["1-1", "3-3"], ["2-2", "4-4"]], "store": str(tmp_path / "s")}
