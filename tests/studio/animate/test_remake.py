"""A file makes itself again; a recipe that cannot be followed, or is none, is refused in one sentence."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import studio
from sakuga.export import read_recipe
from sakuga.models.upscaler import Upscaler
from sakuga.studio import FilmSettings, RecipeError
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.timeline.clip import Clip
from sakuga.timeline.spec import ENGINE

DIGEST = "0" * 64
FILM = {
    "recipe": 3,
    "kind": "film",
    "engine": ENGINE,
    "checkpoint": DIGEST,
    "model": "sketchbook",
    "film": {"idea": "a castle", "fps": 12.0, "size": "64x64"},
    "shots": [
        {"prompt": "a castle at dawn", "seconds": 1.0, "seed": 1},
        {"prompt": "a castle at night", "seconds": 1.0, "seed": 2, "camera": {"zoom": 1.1}},
    ],
}


@pytest.fixture
def settings(tiny_v_folder: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32), fps=4.0)


def film(folder: Path, settings: FilmSettings, name: str = "clip.gif") -> Path:
    return studio.animate("a castle", folder / name, shots=2, seconds=1.0, settings=settings, store=folder / "frames").result().clip


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".webp"])
def test_a_film_is_remade_to_the_byte_in_an_empty_store(tmp_path: Path, settings: FilmSettings, suffix: str) -> None:
    clip = film(tmp_path, settings, f"clip{suffix}")
    made = studio.remake(clip, tmp_path / f"again{suffix}", model=settings.model, store=tmp_path / "empty").result()
    assert (made.reused, made.frames) == (0, 4)
    assert made.generated > 0
    assert made.path.read_bytes() == clip.read_bytes()


def test_a_changed_shot_is_the_only_one_generated_again(tmp_path: Path, settings: FilmSettings) -> None:
    clip = film(tmp_path, settings)
    given = {"model": settings.model, "store": tmp_path / "frames"}
    made = studio.remake(clip, tmp_path / "other.gif", changes={"shots.2.prompt": "a boat"}, **given).result()
    assert 0 < made.generated < made.generated + made.reused
    recipe = json.loads(read_recipe(made.path) or "")
    assert [shot["prompt"] for shot in recipe["shots"]][1] == "a boat"
    larger = studio.remake(clip, tmp_path / "larger.gif", changes={"film.size": "48x48"}, **given).result()
    with Image.open(larger.path) as image:
        assert image.size == (48, 48)


def test_images_are_remade_and_what_they_start_from_is_requested(tmp_path: Path, settings: FilmSettings) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "start.png")
    Image.fromarray(255 - noise).save(tmp_path / "wrong.png")
    settings = replace(settings, fps=None)
    drawn = studio.draw(
        ["a castle", "the sea"], tmp_path / "out", settings=settings, init_image=tmp_path / "start.png", store=tmp_path / "a"
    )
    second = drawn.result().paths[1]
    given = {"model": settings.model, "store": tmp_path / "b"}
    with pytest.raises(RecipeError, match="give it with --image"):
        studio.remake(second, tmp_path / "again.png", images=[tmp_path / "wrong.png"], **given).result()
    studio.remake(second, tmp_path / "again.png", images=[tmp_path / "start.png"], **given).result()
    assert (tmp_path / "again.png").read_bytes() == second.read_bytes()


def test_another_model_or_engine_is_refused_unless_anyway_is_given(tmp_path: Path, settings: FilmSettings, tiny_folder: Path) -> None:
    clip = film(tmp_path, settings)
    with pytest.raises(RecipeError, match=r"was made with a model from a folder \([0-9a-f]{12}\): give it with --model"):
        studio.remake(clip, tmp_path / "b.gif").result()
    with pytest.raises(RecipeError, match=r"another model \([0-9a-f]{12}, and this is [0-9a-f]{12}\).*--anyway"):
        studio.remake(clip, tmp_path / "b.gif", model=str(tiny_folder), store=tmp_path / "frames")
    assert not (tmp_path / "b.gif").exists()
    steps = list(studio.remake(clip, tmp_path / "b.gif", model=str(tiny_folder), store=tmp_path / "frames", anyway=True))
    assert any("another model" in step.note for step in steps)
    assert (tmp_path / "b.gif").exists()


def test_another_upscaler_is_reported(tmp_path: Path, settings: FilmSettings, tiny_v_folder: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(tiny_v_folder, own)
    Upscaler(width=4, blocks=1).save(own / "upscaler")
    settings = replace(settings, model=str(own))
    clip = film(tmp_path, settings)
    given = {"model": str(own), "store": tmp_path / "frames"}
    assert studio.remake(clip, tmp_path / "same.gif", **given).result().generated == 0
    Upscaler(width=6, blocks=1).save(own / "upscaler")
    with pytest.raises(RecipeError, match="upscaler"):
        studio.remake(clip, tmp_path / "other.gif", **given).result()
    assert studio.remake(clip, tmp_path / "other.gif", anyway=True, **given).result().generated == 0
    shutil.rmtree(own / "upscaler")
    with pytest.raises(RecipeError, match="enlarged by another upscaler"):
        studio.remake(clip, tmp_path / "none.gif", **given).result()


def test_a_missing_recipe_is_reported(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(RecipeError, match="carries no recipe"):
        studio.recipe_of(tmp_path / "plain.png")


def test_version_1_is_still_read() -> None:
    toml = '[film]\nidea = "a castle"\nmodel = "sketchbook"\nsteps = 3\n[[shots]]\nprompt = "a castle"\nseconds = 1.0\nseed = 4\n'
    recipe = parse_recipe(json.dumps({"recipe": 1, "engine": 1, "checkpoint": DIGEST, "film": toml}), "old.gif")
    assert recipe.values() == {
        "recipe": 3,
        "kind": "film",
        "engine": 1,
        "checkpoint": DIGEST,
        "model": "sketchbook",
        "film": {"idea": "a castle", "motion": "none", "steps": 3},
        "shots": [{"prompt": "a castle", "seconds": 1.0, "seed": 4}],
    }


MORPH = {key: FILM[key] for key in ("recipe", "engine", "checkpoint")} | {
    "kind": "morph", "prompts": ["a", "b"], "seed": 1, "frames": 4, "ease": "linear", "settings": {}
}  # fmt: skip


MOVE = {key: FILM[key] for key in ("recipe", "engine", "checkpoint")} | {
    "kind": "move", "prompt": "a", "seed": 1, "seconds": 1.0, "given": [DIGEST], "settings": {}
}  # fmt: skip


def tampered(**changed: object) -> str:
    return json.dumps({**FILM, **changed})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a poem", "no recipe of sakuga"),
        ("[" * 100_000, "no recipe of sakuga"),
        ("9" * 10_000, "no recipe of sakuga"),
        ('{"recipe": "2"}', "no recipe of sakuga"),
        (" " * 2_000_000, "1,000,000 are the most"),
        (tampered(recipe=4, kind="dream"), "version 4, and this sakuga reads up to 3: take a newer one"),
        (tampered(recipe=1), "version 1 and is damaged"),
        (tampered(recipe=-1), "version 1 and is damaged"),
        (tampered(kind="dream"), "a kind that this sakuga does not know"),
        (json.dumps({"recipe": 2}), "a kind that this sakuga does not know"),
        (tampered(model="/etc/passwd"), "never as a path"),
        (tampered(model="../model"), "never as a path"),
        (tampered(model="C:\\model"), "never as a path"),
        (tampered(model="owner/.."), "never as a path"),
        (tampered(film={"model": "/home/model"}), "names its model beside its settings"),
        (tampered(film={"style": "../style.safetensors"}), "could be a file"),
        (tampered(film={"style": "~/style"}), "could be a file"),
        (tampered(shots=[{**FILM["shots"][0], "style": "/home/style"}]), "could be a file"),
        (tampered(film={"controlnet": [{"network": "ip-adapter@1", "encoder": "/etc"}]}), "leave `encoder` out"),
        (json.dumps({**MOVE, "settings": {"controlnet": [{"network": "c@1", "image": DIGEST}]}}), "1 images are given: the first one"),
        (json.dumps({**MORPH, "prompt_styles": ["cel", "../x"]}), "could be a file"),
        (json.dumps({**MORPH, "prompt_styles": ["cel"]}), "styles for 1 prompts, and 2 prompts"),
        (tampered(outside=[{"name": "ink@0", "digest": "latest"}]), r"outside\.1\.digest"),
        (tampered(film={"size": "999999x1"}), "film.size"),
        (tampered(film={"steps": 10**9}), "film.steps"),
        (tampered(film={"fps": 1e9}), "film.fps"),
        (tampered(command="rm"), "command: unknown key"),
        (tampered(checkpoint="latest"), "checkpoint"),
        (tampered(shots=[]), "at least one shot"),
        (tampered(shots=[{**FILM["shots"][0], "seconds": -1}]), "seconds"),
        (tampered(shots=[{**FILM["shots"][0], "seed": "1"}]), r"shots\.1\.seed"),
        (tampered(shots=[{**FILM["shots"][0], "camera": {"zoom": float("nan")}}]), "zoom"),
    ],
)
def test_a_tampered_recipe_is_refused(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        parse_recipe(text, "clip.gif")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("seconds", "size"), [(1e12, "64x64"), (1500, "4096x4096")])
def test_what_no_clip_holds_is_refused_before_rendering(tmp_path: Path, tiny_v_folder: Path, seconds: float, size: str) -> None:
    from fractions import Fraction

    from sakuga.export import write
    from sakuga.models.checkpoint_lookup import find_checkpoint
    from sakuga.timeline.clip import Frame
    from sakuga.timeline.spec import ENGINE, Given

    shots = [{**FILM["shots"][0], "seconds": seconds}]
    recipe = tampered(engine=ENGINE, checkpoint=find_checkpoint(str(tiny_v_folder)).digest, film={"size": size}, shots=shots)
    frame = Frame(image=np.zeros((8, 8, 3), np.uint8), spec=Given(image=DIGEST))
    write(Clip(frames=(frame,), rate=Fraction(1), recipe=recipe), tmp_path / "giant.gif")
    with pytest.raises(RecipeError, match=r"tampered with|use at most 3600"):
        studio.remake(tmp_path / "giant.gif", tmp_path / "out.gif", model=str(tiny_v_folder), store=tmp_path / "frames").result()
    assert not (tmp_path / "frames").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("shots.3.prompt", "x", "there is no '3', there is 1 to 2"),
        ("shots.0.prompt", "x", "there is no '0'"),
        ("shots.²", "x", "there is no '²'"),
        ("films.size", "x", "there is no 'films'"),
        ("film.idea.deep", "x", "cannot be set"),
        ("checkpoint", DIGEST, "cannot be set"),
        ("", "x", "cannot be set"),
        ("film.sise", "64x64", "sise"),
        ("film.size", "huge", "384x256"),
        ("film.fps", "fast", "film.fps"),
        ("shots.1", "x", r"shots\.1"),
    ],
)
def test_what_cannot_be_set_is_reported(key: str, value: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(json.dumps(FILM), "clip.gif", {key: value})


def test_version_2_is_read_with_the_present_names_of_settings() -> None:
    film = {"hold_on": 0.5, "wander": 0.2, "drawn_rate": 6, "follow": "chain", "control": 1.0, "depth": "estimate"}
    shots = [{**FILM["shots"][0], "follow": "key", "control": "0: 0, 3: 1"}]
    read = parse_recipe(tampered(recipe=2, film=film, shots=shots), "old.gif").values()
    assert read["recipe"] == 3
    assert read["film"] == {
        "idea": "", "shot_strength": 0.5, "noise_drift": 0.2, "keyframe_rate": 6, "init_from": "previous", "control_weight": 1.0,
        "depth": "estimator", "motion": "none",
    }  # fmt: skip
    assert (read["shots"][0]["init_from"], read["shots"][0]["control_weight"]) == ("keyframe", "0: 0, 3: 1")
    draw = {key: FILM[key] for key in ("recipe", "engine", "checkpoint")} | {"kind": "draw", "prompt": "a", "seed": 1, "settings": {}}
    old = json.dumps({**draw, "recipe": 2, "control": {"depth": "given", "weight": 1.0}, "given": [DIGEST]})
    assert parse_recipe(old, "old.png").values()["control"] == {"depth": "map", "weight": 1.0}


def test_values_are_set_as_what_they_are() -> None:
    changes = {"shots.1.prompt": "42", "shots.2.seconds": "2", "shots.2.camera.zoom": "1.5", "film.negative": "blurred", "film.steps": "7"}
    values = parse_recipe(json.dumps(FILM), "clip.gif", changes).values()
    assert values["shots"][0]["prompt"] == "42"
    assert (values["shots"][1]["seconds"], values["shots"][1]["camera"]) == (2.0, {"zoom": 1.5})
    assert (values["film"]["negative"], values["film"]["steps"]) == ("blurred", 7)
