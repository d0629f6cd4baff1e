"""The command line: JSON on stdout, text on stderr, one sentence and an exit code for errors."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from sakuga import __version__
from sakuga.cli.app import app
from tests.cli.conftest import Run


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield " ".join(path), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS)
def test_help_shows_every_option_and_command(path: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    command = COMMANDS[path]
    code, out, _ = run(*path.split(), "--help")
    assert code == 0
    names = [name for parameter in command.params for name in parameter.opts if name.startswith("--")]
    missing = [name for name in (*names, *getattr(command, "commands", {})) if name not in out]
    assert not missing
    assert all(parameter.help for parameter in command.params)


def test_help_of_training_fits_a_narrow_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run("train", "lora", "--help")
    assert code == 0
    names = [name for parameter in COMMANDS["train lora"].params for name in parameter.opts if name.startswith("--")]
    assert [name for name in names if name not in out] == ["--gradient-checkpointing"], "beside its negative it fits no table"


def test_help_and_import_load_no_torch() -> None:
    script = "import sys; sys.argv = ['sakuga', '--help']; import sakuga.cli\ntry: sakuga.cli.main()\nexcept SystemExit: pass\n"
    result = subprocess.run([sys.executable, "-c", script + "print('torch' in sys.modules)"], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("False")
    assert "animate" in result.stdout


def test_the_version_is_reported(run: Run) -> None:
    assert run("--version") == (0, f"sakuga {__version__}\n", "")


def test_animate_render_and_reuse(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    options = ("--model", tiny_v_folder, "--steps", 2, "--size", 64, "--json")
    film, clip = tmp_path / "film.toml", tmp_path / "a.gif"
    code, out, err = run("animate", "a castle at night", "-o", clip, "--shots", 2, "--seconds", 1, "--film", film, *options)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["clip"] == str(clip)
    assert result["frames"] == 12
    assert set(result["seconds"]) == {"generation", "finishing", "export", "total"}
    code, out, _ = run("render", film, "-o", tmp_path / "b.gif", "--json")
    assert code == 0
    assert json.loads(out)["generated"] == 0
    assert clip.read_bytes() == (tmp_path / "b.gif").read_bytes()
    code, out, _ = run("store", "show", "--json")
    assert json.loads(out)["frames"] == result["generated"]
    code, out, _ = run("store", "clean", "--max-size", "0", "--json")
    assert json.loads(out)["deleted"] >= result["generated"], "in-betweens are stored too"


def test_a_film_is_replaced_only_while_nobody_has_edited_it(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    film, options = tmp_path / "keep.toml", ("--model", tiny_v_folder, "--steps", 1, "--size", 64, "--shots", 1, "--seconds", 0.5)
    clip = ("-o", tmp_path / "a.gif", "--film", film, *options)
    code, out, _ = run("animate", "a castle", *clip)
    assert (code, out.splitlines()[1]) == (0, f"film: {film}, to edit and `sakuga render`")
    code, _, err = run("animate", "a castle", *clip)
    assert (code, f"{film} is already exactly this film" in " ".join(err.split())) == (0, True)
    code, _, err = run("animate", "a windmill", *clip)
    assert (code, "held another film, unedited since it was written" in " ".join(err.split())) == (0, True)
    assert "a windmill" in film.read_text()
    film.write_text(film.read_text().replace("a windmill", "a ship"))
    edited = film.read_text()
    for words in (("animate", "a castle", *clip), ("storyboard", "a castle", "-o", film, "--shots", 1)):
        code, _, err = run(*words)
        assert (code, "--overwrite replaces it, or choose another name" in err) == (2, True)
        assert film.read_text() == edited
    assert run("storyboard", "a castle", "-o", film, "--shots", 1, "--overwrite")[0] == 0
    assert film.read_text() != edited
    code, out, _ = run("animate", "a castle", "-o", tmp_path / "b.gif", *options)
    assert "film: in the recipe of" in out


def test_storyboard_writes_a_film_and_shows_its_prompts(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    code, out, _ = run("storyboard", "a windmill in a meadow", "-o", tmp_path / "film.toml", "--model", tiny_v_folder)
    assert code == 0
    assert [line.split(".")[0] for line in out.splitlines() if line[:1].isdigit()] == list("12345")
    assert out.count("windmill") >= 5
    assert (tmp_path / "film.toml").read_text().count("[[shots]]") == 5


def test_draw_writes_images(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    code, out, _ = run("draw", "the sea", "-n", 2, "-o", tmp_path / "out", "--model", tiny_v_folder, "--steps", 2, "--json")
    assert code == 0
    assert [Path(path).name for path in json.loads(out)["images"]] == ["0001.png", "0002.png"]


def test_vary_reports_the_clip_and_the_variance_of_its_variants(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    Image.new("RGB", (48, 32), "teal").save(tmp_path / "a.png")
    options = ("-n", 2, "--between", 2, "--good", "crisp", "--model", tiny_v_folder, "--steps", 2, "--json")
    code, out, err = run("vary", tmp_path / "a.png", "-o", tmp_path / "a.gif", *options)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["frames"], result["generated"], result["collapsed"]) == (4, 4, False)
    assert 0 < result["variance"]["whole"] < 1
    assert (tmp_path / "a.gif").exists()


def test_morph_writes_a_clip_and_reports_its_steps(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    options = ("--model", tiny_v_folder, "--steps", 1, "--size", 32, "--frames", 4, "-o", tmp_path / "a.gif")
    code, out, err = run("morph", "the sea", "a (castle:1.2)", "--loop", "--ease", "linear", "--json", *options)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["clip"], result["frames"], result["generated"]) == (str(tmp_path / "a.gif"), 4, 4)
    assert result["loop_gap"] > 0
    assert result["step_variation_before"] is None
    code, out, _ = run("morph", "the sea", "a castle", "--even", *options)
    assert code == 0
    assert "Steps between frames vary by" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("morph", "sea"), "two prompts or more"),
        (("morph", "a", "castle", "at", "night"), 'put each in quotation marks, as in sakuga morph "a castle by day"'),
        (("morph", "sea", "castle", "--ease", "bouncy"), "there is no ease 'bouncy'; choose linear, smooth, smoother, in or out"),
        (("animate", ""), "idea is empty"),
        (("animate", "a", "castle", "at", "sea", "--shots", 2), 'as in sakuga animate "a castle at sea"'),
        (("draw", "a", "castle"), "put all of them in quotation marks"),
        (("storyboard", "sea", "-o", "film.json"), "end its name with .toml"),
        (("video", "absent"), "absent: there is no such folder or clip"),
        (("animate", "sea", "--max-size", "4"), "write a unit, such as 4MB"),
        (("animate", "sea", "--shots", 0), "shots: 0 is out of range; choose 1 to 60"),
        (("animate", "sea", "--shots", 100_000), "shots: 100000"),
        (("animate", "sea", "-o", "clip.bmp"), ".gif"),
        (("animate", "sea", "-o", "/proc/none/clip.gif"), "cannot write"),
        (("animate", "sea", "--style", "watercolour"), "no style 'watercolour'"),
        (("animate", "sea", "--size", "big"), "256"),
        (("animate", "sea", "--fps", "fast"), "24000/1001"),
        (("animate", "sea", "--between", "warp"), "crossfade"),
        (("sheet", "absent.toml"), "no such film"),
        (("draw", ""), "prompt is empty"),
        (("draw", "sea", "-o", "file"), "is a file, not a folder"),
        (("draw", "sea", "-o", "file/images"), "is a file, not a folder"),
        (("draw", "--prompts", "absent.txt"), "absent.txt: there is no such file"),
        (("animate", "sea", "-o", "sea.png"), "can hold only one of 72 frames"),
        (("morph", "sea", "land", "--frames", 4, "--ping-pong", "-o", "sea.png"), "can hold only one of 6 frames"),
        (("draw", "sea", "--init-image", "absent.png"), "no such image"),
        (("vary", "absent.png"), "no such image"),
        (("vary", "."), "is a folder"),
        (("vary", "absent.png", "--mode", "none"), "there is no 'none'"),
        (("render", "absent.toml"), "no such film"),
        (("render", "."), "is a folder; give the film.toml"),
        (("animate", "sea", "--strength", 0), "choose above 0 to 1"),
        (("animate", "sea", "--llm", "http://localhost:1/v1"), "add the model's name behind a #"),
        (("storyboard", "sea", "-o", "/proc/none/film.toml"), "cannot write in /proc"),
        (("storyboard", "sea", "-o", "file/film.toml"), "is a file, not a folder"),
        (("animate", "sea", "--film", "/proc/none/film.toml"), "cannot write in /proc"),
        (("animate", "sea", "--model", "no/such/folder"), "no checkpoint"),
        (("animate", "sea", "--hold-on", 0.5), "--hold-on is called --shot-strength"),
        (("animate", "sea", "--drawn-rate=6"), "--drawn-rate is called --keyframe-rate"),
        (("render", "absent.toml", "--follow", "chain"), "--follow is called --init-from"),
        (("draw", "sea", "--from", "a.png"), "--from is called --init-image"),
        (("draw", "sea", "--each", 2), "--each is called --images-per-prompt"),
        (("draw", "sea", "--cfg-scale", 7), "--cfg-scale is called --guidance"),
        (("animate", "sea", "--lora=comic"), "--lora is called --style"),
        (("draw", "sea", "--images_per_prompt", 2), "--images_per_prompt is called --images-per-prompt"),
        (("train", "lora", "absent", "-o", "run", "--network_dim=4"), "--network_dim is called --rank"),
        (("remake", "absent.gif", "--picture", "a.png"), "--picture is called --image"),
        (("train", "lora", "absent", "-o", "run", "--rate", 1e-3), "--rate is called --learning-rate"),
        (("sketchbook", "card", "--figures", "a.json"), "--figures is called --metrics"),
        (("draw", "sea", "--depth", "map"), "give one with --control"),
        (("draw", "sea", "-o", "sea.png"), "images go into a folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    run: Run, tiny_v_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    if words[0] in ("animate", "draw", "vary", "morph") and "--model" not in words:
        words = (*words, "--model", tiny_v_folder)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("*.gif"))


def test_a_broken_film_names_file_key_and_remedy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "film.toml").write_text('[[shots]]\nprompt = "sea"\nseconds = 1.0\nseed = 1\nzooom = 2\n')
    code, _, err = run("render", tmp_path / "film.toml")
    assert code == 2
    assert "film.toml" in err
    assert "zooom" in err


def test_ctrl_c_keeps_generated_frames(run: Run, tmp_path: Path, tiny_v_folder: Path) -> None:
    options = [
        "animate",
        "a castle",
        "-o",
        str(tmp_path / "a.gif"),
        "--model",
        str(tiny_v_folder),
        "--steps",
        "60",
        "--size",
        "64",
        "--json",
    ]
    environment = {**os.environ, "SAKUGA_HOME": str(tmp_path / "home")}
    process = subprocess.Popen([sys.executable, "-m", "sakuga", *options], env=environment, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "home").glob("frames/*/*.png"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    message = process.communicate()[1]
    assert process.returncode == 130
    assert message.count("\n") == 1
    code, out, _ = run(*options)
    assert code == 0
    assert json.loads(out)["reused"] >= 2
