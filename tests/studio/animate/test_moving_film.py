"""A film with a motion adapter: its clip, its settings, its recipe, and what is refused before anything is generated."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from sakuga import InputError, studio
from sakuga.export import read_recipe
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion import make_motion_adapter, motion_modules
from sakuga.rendering.store import FrameStore
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Cut, Morph, Shot, Storyboard
from sakuga.studio import FilmSettings, RecipeError
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.shot_notes import shot_notes
from sakuga.timeline.spec import MotionFrame


@pytest.fixture(scope="module")
def adapter(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random motion adapter of the tiny checkpoint."""
    torch.manual_seed(0)
    network = make_motion_adapter(load_checkpoint(find_checkpoint(str(tiny_v_folder))).unet)
    for module in motion_modules(network):
        torch.nn.init.normal_(module.proj_out.weight, std=0.3)
    folder = tmp_path_factory.mktemp("motion") / "wind"
    network.save_pretrained(folder)
    return folder


@pytest.fixture
def settings(tiny_v_folder: Path, adapter: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), motion=str(adapter), steps=1, size=(32, 32), guidance=1.0)


@pytest.fixture
def own(tiny_moving_folder: Path) -> FilmSettings:
    """Settings of a checkpoint that has an adapter of its own."""
    return FilmSettings(model=str(tiny_moving_folder), steps=2, size=(32, 32), guidance=1.0)


def film(settings: FilmSettings, seconds: float = 0.7, shots: int = 2, **first) -> Film:
    board = [Shot(prompt=f"castle {number}", seconds=seconds, seed=number, transition=Morph(seconds=0.3)) for number in range(shots)]
    board = [replace(board[0], **first), *board[1:-1], *([replace(board[-1], transition=Cut())] if shots > 1 else [])]
    return Film(settings=settings, storyboard=Storyboard(idea="castles", bible=Bible(), shots=tuple(board)))


def render(tmp_path: Path, wanted: Film, name: str = "clip.apng") -> studio.Animation:
    return studio.render(wanted, tmp_path / name, store=tmp_path / "frames").result()


def moving_frames(folder: Path) -> list[MotionFrame]:
    store = FrameStore(folder / "frames")
    return [spec for spec in map(store.spec, store.names()) if isinstance(spec, MotionFrame)]


def images(clip: Path) -> np.ndarray:
    with Image.open(clip) as opened:
        return np.stack([np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(opened)]).astype(float)


def test_a_film_moves_and_a_second_render_generates_nothing_and_opens_no_network(tmp_path: Path, settings: FilmSettings) -> None:
    made = render(tmp_path, film(settings))
    assert made.frames == 17
    assert {spec.window.steps for spec in moving_frames(tmp_path)} == {1}
    assert made.film.settings.motion == settings.motion
    studio.write_film(made.film, tmp_path / "film.toml")
    words = ["render", "film.toml", "-o", "again.apng", "--store", "frames", "--quiet"]
    watched = f"import sys, sakuga.cli; sys.argv = ['sakuga', *{words}]\ntry: sakuga.cli.main()\nexcept SystemExit: pass\n"
    result = subprocess.run(
        [sys.executable, "-c", watched + "print('diffusers' in sys.modules)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.stdout == "False\n", result.stderr
    assert (tmp_path / "again.apng").read_bytes() == made.clip.read_bytes()


def test_none_is_the_way_without_an_adapter_for_a_film_or_a_shot(tmp_path: Path, settings: FilmSettings) -> None:
    render(tmp_path, film(replace(settings, motion="none"), shots=1))
    assert not moving_frames(tmp_path)
    render(tmp_path, film(settings, motion="none"))
    assert {spec.window.keys[0].conditioning.prompt for spec in moving_frames(tmp_path)} == {"castle 0", "castle 1"}, "the morph moves too"


def test_scale_0_differs_from_scale_1(tmp_path: Path, settings: FilmSettings) -> None:
    render(tmp_path, film(settings, shots=1))
    render(tmp_path, film(settings, shots=1, motion_scale=0.0), "still.apng")
    assert {spec.window.motion.scale for spec in moving_frames(tmp_path)} == {0.0, 1.0}
    assert not np.array_equal(images(tmp_path / "clip.apng"), images(tmp_path / "still.apng"))


def test_auto_takes_a_checkpoints_own_adapter(tmp_path: Path, settings: FilmSettings, adapter: Path, tiny_v_folder: Path) -> None:
    whole = tmp_path / "model"
    shutil.copytree(tiny_v_folder, whole)
    shutil.copytree(adapter, whole / "motion_adapter")
    made = render(tmp_path, film(replace(settings, model=str(whole), motion="auto"), shots=1))
    assert made.film.settings.motion == "auto"
    assert made.film.settings.strength == 0.5
    assert moving_frames(tmp_path)


def test_films_of_a_checkpoint_with_an_adapter_move_by_default(tmp_path: Path, own: FilmSettings) -> None:
    made = render(tmp_path, film(own, shots=1))
    assert (made.film.settings.motion, bool(moving_frames(tmp_path))) == ("auto", True)
    assert not made.notes


def test_a_shot_whose_keys_windows_do_not_read_is_the_old_way_and_said(tmp_path: Path, own: FilmSettings) -> None:
    chained = film(own, init_from="previous", transition=Cut())
    made = render(tmp_path, chained)
    assert {spec.window.keys[0].conditioning.prompt for spec in moving_frames(tmp_path)} == {"castle 1"}
    (note,) = (note for note in made.notes if "motion adapter" in note)
    assert note.startswith('shot 1: generated frame by frame, as a motion adapter cannot follow init_from = "previous"')
    still = film(replace(own, motion="none", strength=0.5), init_from="previous", transition=Cut())
    alone = render(tmp_path, still, "still.apng")
    assert np.array_equal(images(alone.clip)[:8], images(made.clip)[:8])
    again = studio.remake(made.clip, tmp_path / "again.apng", model=own.model, store=tmp_path / "empty").result()
    assert again.path.read_bytes() == made.clip.read_bytes()


def test_a_film_of_such_shots_alone_is_one_without_motion(tmp_path: Path, own: FilmSettings) -> None:
    made = render(tmp_path, film(replace(own, init_from="previous")))
    assert (made.film.settings.motion, made.film.settings.strength) == ("none", 0.7)
    assert not moving_frames(tmp_path)


def test_plan_sheet_and_lint_say_which_shots_do_not_move(tmp_path: Path, own: FilmSettings) -> None:
    wanted = film(own, init_from="previous", transition=Cut())
    (linted,) = (note for note in shot_notes(wanted) if note.rule == "motion")
    assert linted.shot == 0
    assert f"shot 1: {linted.message}" in [step.note for step in studio.sheet(wanted, tmp_path / "sheet.csv")]
    planned = studio.storyboard("a castle AND a boat", shots=2, seconds=2, model=own.model).result()
    assert any("frame by frame" in note and "AND" in note for note in planned.notes)


def test_auto_is_none_where_a_checkpoint_has_no_adapter(tmp_path: Path, settings: FilmSettings) -> None:
    made = render(tmp_path, film(replace(settings, motion="auto"), shots=1, init_from="previous"))
    assert (made.film.settings.motion, made.notes) == ("none", ())
    assert render(tmp_path, made.film, "again.apng").count.generated == 0


def test_an_adapter_that_is_named_beside_such_a_key_moves_and_says_so(tmp_path: Path, own: FilmSettings) -> None:
    made = render(tmp_path, film(own, shots=1, init_from="previous", motion="auto"))
    assert moving_frames(tmp_path)
    assert 'shot 1: its motion adapter cannot follow init_from = "previous": leave that out, or write motion = "none"' in made.notes


def test_a_recipe_says_itself_what_moves(tmp_path: Path, own: FilmSettings) -> None:
    made = render(tmp_path, film(own, shots=1))
    kept = studio.recipe_of(made.clip, {"shots.1.init_from": '"previous"'})
    assert isinstance(kept, FilmRecipe)
    laid = kept.laid_out(find_checkpoint(own.model), FrameStore(tmp_path / "frames"))
    assert any(isinstance(spec, MotionFrame) for spec in laid.sheet.specs.values())


def test_prompts_that_and_composes_are_generated_without_the_adapter(tmp_path: Path, own: FilmSettings) -> None:
    render(tmp_path, film(own, shots=1, prompt="a castle AND snow"))
    assert not moving_frames(tmp_path)
    with pytest.raises(InputError, match="takes no prompts that AND composes"):
        render(tmp_path, film(own, shots=1, prompt="a castle AND snow", motion="auto"))


def test_pixel_art_grain_and_twos_come_after_it(tmp_path: Path, settings: FilmSettings) -> None:
    made = render(tmp_path, film(replace(settings, on=2, grain=0.2, pixel="gameboy"), shots=1))
    assert len(np.unique(images(made.clip).reshape(-1, 3), axis=0)) <= 4


def test_a_clip_is_remade_to_the_byte_and_wants_its_adapter_back(tmp_path: Path, settings: FilmSettings, adapter: Path) -> None:
    made = render(tmp_path, film(settings))
    recipe = json.loads(read_recipe(made.clip) or "")
    (known,) = recipe["motion"]
    assert recipe["film"]["motion"] == known["name"] == f"wind@{known['digest'][:8]}"
    with pytest.raises(RecipeError, match=r"moves by an adapter from outside, 'wind@.*: give it with --motion"):
        studio.remake(made.clip, tmp_path / "again.apng", model=settings.model)
    again = studio.remake(
        made.clip, tmp_path / "again.apng", model=settings.model, motion=[str(adapter)], store=tmp_path / "empty"
    ).result()
    assert again.reused == 0
    assert again.path.read_bytes() == made.clip.read_bytes()


def test_a_recipe_that_names_no_adapter_is_one_without(tmp_path: Path, settings: FilmSettings) -> None:
    made = render(tmp_path, film(replace(settings, motion="none"), shots=1))
    from sakuga.studio.animate.recipe_reading import parse_recipe

    document = json.loads(read_recipe(made.clip) or "")
    del document["film"]["motion"]
    read = parse_recipe(json.dumps(document), "clip.apng")
    assert read.values()["film"]["motion"] == "none"


def test_a_preview_takes_few_steps_of_the_same_windows(tmp_path: Path, settings: FilmSettings) -> None:
    studio.render(film(replace(settings, steps=12), shots=1), tmp_path / "clip.apng", store=tmp_path / "frames", preview=True).result()
    assert {spec.window.steps for spec in moving_frames(tmp_path)} == {8}


def test_the_frames_between_stills_are_generated_by_the_models_own_adapter(
    tmp_path: Path, settings: FilmSettings, adapter: Path, tiny_v_folder: Path
) -> None:
    whole = tmp_path / "model"
    shutil.copytree(tiny_v_folder, whole)
    shutil.copytree(adapter, whole / "motion_adapter")
    made = render(tmp_path, film(replace(settings, model=str(whole), motion="none", between="motion", keyframe_rate=1), shots=1))
    assert all(len(spec.window.given) == 2 for spec in moving_frames(tmp_path))
    again = studio.remake(made.clip, tmp_path / "again.apng", model=str(whole), store=tmp_path / "empty").result()
    assert again.path.read_bytes() == made.clip.read_bytes()


@pytest.mark.parametrize("shots", [1, 2])
def test_a_loop_goes_on_from_its_end_to_its_start(tmp_path: Path, settings: FilmSettings, shots: int) -> None:
    made = render(tmp_path, film(replace(settings, loop=True, steps=4), seconds=1.5, shots=shots))
    shown = images(made.clip)
    steps = [float(np.abs(after - before).mean()) for before, after in zip(shown, [*shown[1:], shown[0]], strict=True)]
    assert 0.2 * np.median(steps) < steps[-1] < 3 * np.median(steps)


REFUSED = {
    "a window of one": ({"motion_window": 1}, "motion_window: 1 is out of range; choose 2 to 64"),
    "more frames than positions": ({"motion_window": 40}, "has positions for 32 frames, not 40: choose 2 to 32"),
    "all of a window shared": ({"motion_window": 8, "motion_overlap": 8}, "8 frames are no part of a window of 8: choose 0 to 7"),
    "no such adapter": ({"motion": "nowhere"}, "no motion adapter 'nowhere'"),
    "another UNet": ({"motion": "sketchbook"}, "for another UNet|an adapter of its own family|adapter for this kind"),
    "a scale without an adapter": ({"motion": None, "motion_scale": 1.5}, "has no motion adapter .* name one with motion"),
    "a loop without an adapter": ({"motion": None, "loop": True}, "loop: shot 1 has no motion adapter"),
    "in-betweens without an adapter": ({"motion": None, "between": "motion"}, "between: .* has no motion adapter to make in-betweens"),
    "a rate of zero": ({"motion_fps": 0}, "motion_fps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_move_is_refused_before_anything_is_generated(tmp_path: Path, settings: FilmSettings, case: str) -> None:
    changed, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence) as caught:
        studio.render(film(replace(settings, **changed)), tmp_path / "clip.apng", store=tmp_path / "frames")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "frames").exists()


def test_a_loop_of_one_shot_has_a_limit(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(InputError, match="a single shot of 40 s is too long; choose up to 30 s, or several shots"):
        studio.render(film(replace(settings, loop=True), seconds=40, shots=1), tmp_path / "clip.apng")
