"""The main job, whole: an idea becomes a file, and only what is missing is generated, by a tiny real Stable Diffusion."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.studio import FilmSettings, WorkClosed
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.recipe_reading import parse_recipe


@pytest.fixture
def settings(tiny_v_folder: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), steps=2, size=(64, 64))


def animate(tmp_path: Path, settings: FilmSettings, name: str = "clip.gif", **given):
    return studio.animate(
        "a castle at sunset", tmp_path / name, shots=2, seconds=2.0, settings=settings, store=tmp_path / "frames", **given
    )


def test_an_idea_becomes_a_clip_of_the_length_and_size_requested(tmp_path: Path, settings: FilmSettings) -> None:
    made = animate(tmp_path, settings).result()
    with Image.open(made.clip) as clip:
        assert clip.size == (64, 64)
        lengths = []
        for place in range(clip.n_frames):
            clip.seek(place)
            lengths.append(clip.info["duration"])
    assert sum(lengths) == 2000
    assert made.frames == 24
    assert made.count.generated >= 8
    assert made.count.reused == 0


def test_a_second_call_generates_nothing_and_writes_the_same_bytes(tmp_path: Path, settings: FilmSettings) -> None:
    first = animate(tmp_path, settings).result()
    again = animate(tmp_path, settings, "again.gif").result()
    assert (again.count.generated, again.count.reused) == (0, first.count.generated)
    assert again.clip.read_bytes() == first.clip.read_bytes()


def test_where_nothing_is_missing_what_generates_is_not_opened(tmp_path: Path, settings: FilmSettings) -> None:
    made = animate(tmp_path, settings).result()
    studio.write_film(made.film, tmp_path / "film.toml")
    render = ["render", "film.toml", "-o", "again.gif", "--store", "frames", "--quiet"]
    watched = f"import sys, sakuga.cli; sys.argv = ['sakuga', *{render}]\ntry: sakuga.cli.main()\nexcept SystemExit: pass\n"
    result = subprocess.run(
        [sys.executable, "-c", watched + "print('diffusers' in sys.modules)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.stdout == "False\n", result.stderr
    assert (tmp_path / "again.gif").read_bytes() == made.clip.read_bytes()


def test_a_changed_last_shot_regenerates_only_itself(tmp_path: Path, settings: FilmSettings) -> None:
    made = animate(tmp_path, settings).result()
    *first, last = made.film.storyboard.shots
    changed = replace(made.film, storyboard=replace(made.film.storyboard, shots=(*first, replace(last, prompt="a castle in the snow"))))
    again = studio.render(changed, tmp_path / "changed.gif", store=tmp_path / "frames").result()
    assert 0 < again.count.generated < made.count.generated
    assert again.count.reused


def test_two_workers_write_the_same_frames_and_clip(tmp_path: Path, settings: FilmSettings) -> None:
    alone = animate(tmp_path / "alone", settings).result()
    shared = animate(tmp_path / "shared", settings, workers=2).result()
    assert shared.clip.read_bytes() == alone.clip.read_bytes()
    frames = [{path.name: path.read_bytes() for path in (tmp_path / name / "frames").glob("*/*.png")} for name in ("alone", "shared")]
    assert frames[0] == frames[1]
    assert shared.count == alone.count
    with pytest.raises(SakugaError, match="workers: 0 is out of range; choose 1 to 64"):
        animate(tmp_path, settings, workers=0)


def test_a_closed_work_keeps_what_was_generated(tmp_path: Path, settings: FilmSettings) -> None:
    work = animate(tmp_path, settings)
    drawn = next(step.done for step in work if step.stage == "rendering" and step.done == 3)
    work.close()
    with pytest.raises(WorkClosed, match="closed"):
        work.result()
    assert not (tmp_path / "clip.gif").exists()
    assert animate(tmp_path, settings).result().count.reused == drawn


def test_the_recipe_says_every_setting_and_nothing_of_this_machine(tmp_path: Path, settings: FilmSettings, tiny_v_folder: Path) -> None:
    made = animate(tmp_path, settings).result()
    recipe = read_recipe(made.clip)
    assert recipe is not None
    assert str(tiny_v_folder) not in recipe
    result = parse_recipe(recipe, "clip.gif")
    assert isinstance(result, FilmRecipe)
    film = result.read()
    assert film.storyboard == made.film.storyboard
    assert (film.settings.steps, film.settings.fps, film.settings.sampler) == (2, 12.0, "dpm++")
    assert read_recipe(animate(tmp_path, settings, "plain.gif", recipe=False).result().clip) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style": "watercolour"}, "watercolour"),
        ({"sampler": "dpm2"}, "dpm2"),
        ({"size": (8, 8)}, "8x8"),
        ({"size": (4000, 100)}, "narrow"),
        ({"steps": 0}, "steps"),
        ({"guidance": float("nan")}, "guidance"),
        ({"strength": 1.5}, "strength"),
        ({"model": "no-such-folder"}, "no-such-folder"),
    ],
)
def test_what_cannot_be_generated_is_refused_before_anything_is_generated(
    tmp_path: Path, settings: FilmSettings, change: dict, message: str
) -> None:
    with pytest.raises(SakugaError, match=message) as caught:
        animate(tmp_path, replace(settings, **change)).result()
    assert caught.value.exit_code == 2
    assert not list(tmp_path.glob("frames/*/*.png"))


@pytest.mark.parametrize(("idea", "shots", "name"), [("", 2, "a.gif"), ("sea", 0, "a.gif"), ("sea", 100_000, "a.gif"), ("sea", 2, "a.bmp")])
def test_bad_requests_end_with_exit_code_2(tmp_path: Path, settings: FilmSettings, idea: str, shots: int, name: str) -> None:
    with pytest.raises(SakugaError) as caught:
        studio.animate(idea, tmp_path / name, shots=shots, settings=settings, store=tmp_path / "frames").result()
    assert caught.value.exit_code == 2


def test_warnings_are_shown(tmp_path: Path, settings: FilmSettings) -> None:
    work = studio.animate("a (castle at night", tmp_path / "a.gif", shots=1, seconds=0.5, settings=settings, store=tmp_path / "frames")
    assert any("emphasis at character 3" in step.note for step in work)


@pytest.mark.parametrize("change", [{"shots": "3"}, {"seed": "a"}, {"seconds": None}, {"shots": True}])
def test_arguments_of_other_types_are_refused(tmp_path: Path, settings: FilmSettings, change: dict) -> None:
    with pytest.raises(SakugaError, match=r"is not a .*number; choose"):
        studio.animate("sea", tmp_path / "a.gif", settings=settings, **change)


def test_a_film_is_resolved_once(tmp_path: Path, settings: FilmSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    from sakuga.studio.animate import animate as module

    calls = {"model": 0, "settings": 0}

    def counted(name, function):
        def count(*given, **more):
            calls[name] += 1
            return function(*given, **more)

        return count

    monkeypatch.setattr(module, "find_model", counted("model", module.find_model))
    monkeypatch.setattr(module, "resolve_settings", counted("settings", module.resolve_settings))
    animate(tmp_path, settings).result()
    assert calls == {"model": 1, "settings": 1}
