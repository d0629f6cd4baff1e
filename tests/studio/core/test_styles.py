"""Styles and previews change the image, prompt and recipe, and are removed afterwards."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from safetensors.torch import save_file

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import LORA_FILE, StyleError
from sakuga.models.style_metadata import Finishing, PixelFinish, StyleMetadata, format_metadata
from sakuga.story.film import Film, from_toml, to_toml
from sakuga.story.keys import Key
from sakuga.story.settings import PixelArt
from sakuga.story.storyboard import full_prompt
from sakuga.studio import FilmSettings
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import frame_settings, resolve_settings, style_weights_by_shot
from sakuga.studio.core.styles import (
    StyleFinder,
    apply_named_styles,
    find_styles,
    storyboard_with_triggers,
    uses_by_shot,
    with_triggers,
)
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.scoring import score_few_step, score_styles
from sakuga.timeline.film_layout import ExposureSheet, lay_out_film
from sakuga.timeline.spec import Interpolated, Prompt

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"


def write_lora(folder: Path, seed: int, trigger: str = "", width: int = 32) -> None:
    folder.mkdir(parents=True)
    down, up = torch.randn(2, 2, width, generator=torch.Generator().manual_seed(seed)).unbind(0)
    save_file({f"{LAYER}.lora_A.weight": down, f"{LAYER}.lora_B.weight": up.T.contiguous() / width**0.5}, folder / LORA_FILE)
    if trigger:
        (folder / "style.toml").write_text(f'trigger = "{trigger}"\n')


@pytest.fixture(scope="module")
def model(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with two styles and a few-step adapter."""
    folder = tmp_path_factory.mktemp("styled") / "model"
    shutil.copytree(tiny_v_folder, folder)
    write_lora(folder / "styles" / "comic", 1, "comic book style")
    write_lora(folder / "styles" / "pixel", 2, "pixel art")
    write_lora(folder / "few_step", 3)
    return folder


@pytest.fixture
def draw(model: Path, tmp_path: Path) -> Callable[..., bytes]:
    """Return a function that generates one image as bytes."""

    def generate(prompt: str = "a castle", model: Path = model, preview: bool = False, **settings: object) -> bytes:
        film_settings = FilmSettings(model=str(model), size=(32, 32), **({"steps": 2} | settings))
        result = studio.draw([prompt], tmp_path / "out", settings=film_settings, store=tmp_path / "frames", preview=preview).result()
        with Image.open(result.paths[0]) as image:
            return image.tobytes()

    return generate


def layout(film: Film) -> ExposureSheet:
    """Lay out a film with its styles."""
    files = find_checkpoint(film.settings.model or "")
    styles, settings = StyleFinder(files), resolve_settings(film.settings, files)
    board = storyboard_with_triggers(film.storyboard, uses_by_shot(film, styles))
    return lay_out_film(board, frame_settings(settings, files), style_weights_by_shot(film, settings.sampler, styles))


def test_each_style_and_weight_changes_the_image_and_is_removed_afterwards(draw: Callable[..., bytes]) -> None:
    prompt = "a castle, comic book style, pixel art"
    plain = draw(prompt)
    images = [draw(prompt, style=style) for style in ("comic", "pixel", "comic:0.5", "comic:-0.5", "comic:0.5, pixel:0.5")]
    assert len({plain, *images}) == 6
    assert draw(prompt) == plain


def test_block_weights_scale_parts_of_a_style(draw: Callable[..., bytes], model: Path) -> None:
    prompt = "a castle, comic book style"
    full, half = draw(prompt, style="comic"), draw(prompt, style="comic:0.5")
    assert draw(prompt, style="comic:1:mid=0.5") == half
    assert draw(prompt, style="comic:2:mid=0:mid.0=0.5") == full
    with pytest.raises(SakugaError, match=r"no layers in block 'up\.1'; it has some in mid"):
        draw(prompt, style="comic:1:up.1=0.5")


def test_a_textual_inversion_word_can_be_prompted_and_weighted(draw: Callable[..., bytes], tmp_path: Path) -> None:
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(7))
    save_file({"<mona>": rows}, tmp_path / "mona.safetensors")
    style = str(tmp_path / "mona.safetensors")
    images = [draw("a cat"), draw("a cat", style=style), draw("a cat, <mona>"), draw("a cat", style=f"{style}:1.3")]
    assert len(set(images)) == 4
    assert draw("a cat, <mona>", style=style) == images[1]
    assert draw("a cat, (<mona>:1.3)", style=style) == images[3]
    assert draw("a cat") == images[0]
    with pytest.raises(StyleError, match="a weight above 0"):
        draw("a cat", style=f"{style}:-1")


def test_a_style_given_as_a_folder_equals_that_of_the_checkpoint(draw: Callable[..., bytes], model: Path, tiny_v_folder: Path) -> None:
    own = draw(style="comic:0.7")
    assert draw(model=tiny_v_folder, style=f"{model / 'styles' / 'comic'}:0.7") == own


def test_trigger_words_are_added_once_and_only_where_the_style_is_applied(model: Path) -> None:
    source = find_checkpoint(str(model))
    styles = find_styles("comic:0.5, pixel:-1", source)
    assert [style.weight for style in styles] == [0.5, -1.0]
    assert with_triggers("a castle", styles) == "a castle, comic book style"
    assert with_triggers("a castle in comic book style", styles) == "a castle in comic book style"


def test_a_style_named_in_the_prompt_is_applied_unless_turned_off(draw: Callable[..., bytes], model: Path) -> None:
    styles = StyleFinder(find_checkpoint(str(model)))
    assert styles.named_by(["a comic of a castle", "the sea, comic style"]) == "comic"
    assert styles.named_by(["a comic of a castle", "the sea"]) is None
    assert styles.named_by(["a comic, pixel art"]) is None
    prompt = "a castle, comic book style"
    assert draw(prompt) == draw(prompt, style="comic")
    assert draw(prompt, style="none") == draw(prompt, style="comic:0") != draw(prompt)


def test_each_prompt_of_a_list_applies_the_style_it_names(model: Path, tmp_path: Path) -> None:
    prompts, film_settings = ["a castle", "pixel art of a castle"], FilmSettings(model=str(model), size=(32, 32), steps=1)
    work = studio.draw(prompts, tmp_path, settings=film_settings, store=tmp_path / "frames")
    assert [step.note for step in work if "is named" in step.note] == [
        "'pixel art of a castle': pixel is named, so the style pixel is applied; --style none turns it off"
    ]
    result = [json.loads(read_recipe(path) or "")["settings"].get("style") for path in work.result().paths]
    assert result == [None, "pixel:1"]


def test_a_morph_interpolates_between_the_styles_that_its_prompts_name(model: Path, tmp_path: Path) -> None:
    film_settings = FilmSettings(model=str(model), size=(32, 32), steps=1, pixel=PixelArt(colors=4))
    prompts = ["a castle, comic book style", "a castle"]
    morphed = studio.morph(prompts, tmp_path / "a.gif", frames=3, settings=film_settings, store=tmp_path / "frames").result()
    result = json.loads(read_recipe(morphed.clip) or "")
    assert result["prompt_styles"] == ["comic:1", ""]
    with Image.open(morphed.clip) as clip:
        assert len(clip.convert("RGB").getcolors() or ()) <= 4
    assert any("prompt 1: comic is named" in note for note in morphed.notes)


def test_shots_apply_the_styles_they_name(model: Path) -> None:
    source = StyleFinder(find_checkpoint(str(model)))
    shot = "[[shots]]\nseconds = 1.0\nseed = 0\nprompt = "
    film = from_toml(f'{shot}"a comic of a castle"\n{shot}"the sea, comic style"\n')
    styled_film, notes = apply_named_styles(film, source)
    assert (styled_film.settings.style, len(notes)) == ("comic", 1)
    shots = (film.storyboard.shots[0], replace(film.storyboard.shots[1], prompt="the sea"))
    mixed, notes = apply_named_styles(replace(film, storyboard=replace(film.storyboard, shots=shots)), source)
    assert [shot.style for shot in mixed.storyboard.shots] == ["comic", None]
    assert notes == ["shot 1: comic is named, so the style comic is applied; --style none turns it off"]
    off = replace(film, settings=replace(film.settings, style="none"))
    assert apply_named_styles(off, source) == (off, [])


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("comic:9", "-4 to 4"),
        ("comic, comic:0.5", "given twice"),
        ("comix", "did you mean 'comic'"),
        ("sea:0.5", "no style 'sea'"),
        ("comic:much", "'much' is not a weight"),
    ],
)
def test_invalid_styles_are_refused(model: Path, requested: str, message: str) -> None:
    with pytest.raises(StyleError, match=message):
        find_styles(requested, find_checkpoint(str(model)))


def test_a_lora_for_another_model_is_refused(draw: Callable[..., bytes], tmp_path: Path) -> None:
    save_file({f"{LAYER}.lora_A.weight": torch.ones(2, 64), f"{LAYER}.lora_B.weight": torch.ones(64, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(SakugaError, match="trained for another model") as caught:
        draw(style=str(tmp_path / "other.safetensors"))
    assert caught.value.exit_code == 2


def animate(tmp_path: Path, model: Path, preview: bool = False, **settings: object) -> studio.Animation:
    film_settings = FilmSettings(model=str(model), size=(32, 32), **settings)
    return studio.animate(
        "a castle", tmp_path / "clip.gif", shots=1, seconds=0.5, settings=film_settings, store=tmp_path / "frames", preview=preview
    ).result()


def test_metadata_of_a_style_is_used_where_it_is_applied(model: Path, tmp_path: Path) -> None:
    own, source = tmp_path / "dots", find_checkpoint(str(model))
    write_lora(own, 5)
    finishing = Finishing(grain=0.25, pixel=PixelFinish(grid=4, palette="gameboy"))
    (own / "style.toml").write_text(format_metadata(StyleMetadata(trigger="dots", suffix="clean lines", weight=0.5, finishing=finishing)))
    (found,) = find_styles(str(own), source)
    assert (found.applied().weight, find_styles(f"{own}:0.75", source)[0].applied().weight) == (0.5, 0.75)
    assert with_triggers("a castle", [found]) == "a castle, dots, clean lines"
    assert with_triggers("a castle, clean lines", [found]) == "a castle, clean lines, dots"
    assert find_styles(f"{own}:-1", source)[0].weight == -1
    result = animate(tmp_path, model, steps=1, style=str(own), grain=0.0)
    assert result.film.settings.grain == 0.0
    assert result.film.settings.pixel == PixelArt(grid=4, palette="gameboy")
    with Image.open(result.clip) as clip:
        assert len(clip.convert("RGB").getcolors() or ()) <= 4
    converted = studio.convert_style(str(own), tmp_path / "new", model=str(model))
    assert (converted.files[0].parent / "style.toml").read_text() == (own / "style.toml").read_text()


def test_variations_and_step_clips_have_the_finishing_of_their_style(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "dots"
    write_lora(own, 5)
    (own / "style.toml").write_text(
        format_metadata(StyleMetadata(trigger="dots", finishing=Finishing(pixel=PixelFinish(grid=4, palette="gameboy"))))
    )
    settings = FilmSettings(model=str(model), size=(32, 32), steps=2, style=str(own))
    options = {"settings": settings, "store": tmp_path / "frames"}
    (image,) = studio.draw(["a"], tmp_path, steps_gif=tmp_path / "steps.apng", **options).result().paths
    varied = studio.vary(image, tmp_path / "clip.apng", variants=2, between=2, **options).result()
    for path in (image, tmp_path / "steps.apng", varied.clip):
        with Image.open(path) as clip:
            assert all(len(frame.convert("RGB").getcolors() or ()) <= 4 for frame in ImageSequence.Iterator(clip))
    given = {"model": str(model), "images": [image], "styles": [str(own)], "store": tmp_path / "empty"}
    assert studio.remake(varied.clip, tmp_path / "remade.apng", **given).result().path.read_bytes() == varied.clip.read_bytes()
    plain = studio.vary(
        image, tmp_path / "plain.apng", variants=2, between=2, **options | {"settings": replace(settings, pixel=PixelArt(colors=9))}
    )
    with Image.open(plain.result().clip) as clip:
        assert 4 < len(clip.convert("RGB").getcolors() or ()) <= 9


def test_a_film_applies_its_style_and_its_recipe_has_no_paths(tmp_path: Path, model: Path) -> None:
    folder = model / "styles" / "comic"
    animation = animate(tmp_path, model, steps=2, style=f"{folder}:0.5")
    recipe = read_recipe(animation.clip)
    assert recipe is not None
    assert str(model) not in recipe
    result = json.loads(recipe)
    assert result["styles"] == [find_styles("comic", find_checkpoint(str(model)))[0].style.digest]
    assert result["film"]["style"] == "comic:0.5"
    assert animation.film.settings.style == f"{folder}:0.5"
    assert animation.film.storyboard.bible.style == ""
    assert animate(tmp_path, model, steps=2, style="comic:0.5").count.generated == 0
    studio.sheet(animation.film, tmp_path / "sheet.csv").result()
    rows = list(csv.DictReader((tmp_path / "sheet.csv").read_text(encoding="utf-8").splitlines()))
    generated = {row["digest"] for row in rows if row["kind"] == "generated"}
    assert generated
    assert generated <= {path.stem for path in (tmp_path / "frames").glob("??/*.png")}


def test_a_clip_is_remade_with_its_style_and_not_another_of_that_name(tmp_path: Path, model: Path) -> None:
    result = animate(tmp_path, model, steps=2, style="comic:0.5")
    remade = studio.remake(result.clip, tmp_path / "remade.gif", model=str(model), store=tmp_path / "frames").result()
    assert remade.generated == 0
    assert remade.path.read_bytes() == result.clip.read_bytes()
    other = tmp_path / "other"
    shutil.copytree(model, other)
    shutil.copy(model / "styles" / "pixel" / LORA_FILE, other / "styles" / "comic" / LORA_FILE)
    with pytest.raises(SakugaError, match="with other styles, or other versions of them"):
        studio.remake(result.clip, tmp_path / "no.gif", model=str(other), store=tmp_path / "frames").result()


def test_a_preview_uses_four_steps_with_its_adapter_and_keeps_the_final_film(
    draw: Callable[..., bytes], tmp_path: Path, model: Path, tiny_v_folder: Path
) -> None:
    result = animate(tmp_path, model, preview=True)
    assert (result.film.settings.sampler, result.film.settings.steps, result.film.settings.guidance) == ("dpm++", 30, 7.5)
    recipe = json.loads(read_recipe(result.clip) or "")
    assert [recipe["film"][key] for key in ("sampler", "steps", "guidance")] == ["lcm", 4, 1.0]
    assert len(recipe["styles"]) == 1
    quick = draw(preview=True, steps=None)
    assert draw(sampler="lcm", steps=None) == quick
    assert draw(sampler="lcm", steps=4, guidance=1.0, model=tiny_v_folder) != quick


def test_a_preview_without_few_step_adapter_is_reported(tmp_path: Path, tiny_v_folder: Path) -> None:
    result = animate(tmp_path, tiny_v_folder, preview=True)
    assert any("no few-step adapter" in note for note in result.notes)
    assert json.loads(read_recipe(result.clip) or "")["film"]["steps"] == 8


def test_a_variation_applies_a_style_and_is_remade_with_it(tmp_path: Path, model: Path) -> None:
    Image.new("RGB", (32, 32), "teal").save(tmp_path / "given.png")

    def vary(name: str, style: str | None) -> Path:
        film_settings = FilmSettings(model=str(model), size=(32, 32), steps=2, style=style)
        given = {"variants": 1, "between": 1, "repeats": 0, "settings": film_settings, "store": tmp_path / "frames"}
        return studio.vary(tmp_path / "given.png", tmp_path / name, **given).result().clip

    styled = vary("styled.gif", "comic")
    assert styled.read_bytes() != vary("plain.gif", None).read_bytes()
    remade = studio.remake(styled, tmp_path / "remade.gif", model=str(model), store=tmp_path / "frames").result()
    assert (remade.generated, remade.path.read_bytes()) == (0, styled.read_bytes())


def test_settings_that_a_preview_ignores_are_reported(tmp_path: Path, model: Path) -> None:
    assert any("the negative prompt has no effect" in note for note in animate(tmp_path, model, preview=True, negative="fog").notes)


@pytest.fixture
def sketchbook(tmp_path: Path) -> CheckpointFiles:
    """The shipped Sketchbook with a style and a few-step adapter of almost no effect."""
    shipped, folder = find_checkpoint().folder, tmp_path / "sketchbook"
    folder.mkdir()
    for part in shipped.iterdir():
        if part.name not in ("styles", "few_step"):
            (folder / part.name).symlink_to(part)
    width = json.loads((shipped / "unet" / "config.json").read_text())["block_out_channels"][-1]
    for part in ("styles/comic", "few_step"):
        write_lora(folder / part, 1, width=width)
    return CheckpointFiles("sketchbook", folder)


def test_existing_styles_and_adapters_are_scored(sketchbook: CheckpointFiles, tmp_path: Path) -> None:
    session = RenderSession(sketchbook, tmp_path / "frames")
    film_settings = resolve_settings(FilmSettings(steps=2, size=(128, 128)), sketchbook)
    figures = Work(score_styles(session, film_settings, 4)).result()
    assert figures.keys() >= {"styles.comic.accuracy", "n.styles.comic.accuracy"}
    figures = Work(score_few_step(session, film_settings, 4)).result()
    assert figures.keys() >= {"few_step.fidelity.portrait", "n.few_step.fidelity.portrait"}
    assert figures["few_step.speedup"] > 0


def test_missing_styles_and_adapters_are_skipped_with_a_note(tiny_v_folder: Path, tmp_path: Path) -> None:
    bare = find_checkpoint(str(tiny_v_folder))
    for score in (score_styles, score_few_step):
        work = Work(score(RenderSession(bare, tmp_path), resolve_settings(FilmSettings(), bare), 4))
        assert any("skipping" in step.note for step in work)
        assert work.result() == {}


def film_of(model: Path, first: str, second: str) -> Film:
    text = f"""
[film]
fps = 8
keyframe_rate = 8
[[shots]]
prompt = "a castle"
seconds = 0.5
seed = 1
style = "{first}"
transition = "morph 0.5"
[[shots]]
prompt = "the sea"
seconds = 0.75
seed = 2
style = "{second}"
"""
    read = from_toml(text)
    return replace(read, settings=replace(read.settings, model=str(model), style="pixel", steps=2, size=(32, 32)))


def test_each_shot_has_its_style_and_trigger_words_and_a_morph_interpolates_them(model: Path, tmp_path: Path) -> None:
    film = film_of(model, "", "comic:0.8")
    assert from_toml(to_toml(film)) == film
    board = storyboard_with_triggers(film.storyboard, uses_by_shot(film, StyleFinder(find_checkpoint(str(model)))))
    assert [full_prompt(board, index) for index in range(2)] == ["a castle", "the sea, comic book style"]
    result = studio.render(film, tmp_path / "a.apng", store=tmp_path / "frames").result()
    sheet = layout(film)
    weights = [[style.weight for style in sheet.specs[name].styles] for name in sheet.exposures]
    assert weights[:4] == [[]] * 4
    assert weights[4:8] == [[0.2], [0.4], [0.6], [0.8]]
    remade = studio.remake(result.clip, tmp_path / "b.apng", model=str(model), store=tmp_path / "empty").result()
    assert remade.path.read_bytes() == result.clip.read_bytes()


def test_styles_are_interpolated_from_prompt_to_prompt(model: Path, tmp_path: Path) -> None:
    film_settings = FilmSettings(model=str(model), steps=2, size=(32, 32))
    global_styles, styles = studio.parse_prompt_styles(["1=comic", "2=pixel:0.5"], 2)
    assert not global_styles
    morphed = studio.morph(
        ["a castle", "a castle"], tmp_path / "a.apng", frames=3, styles=styles, settings=film_settings, store=tmp_path / "frames"
    ).result()
    with Image.open(morphed.clip) as clip:
        shown = [np.array(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(clip)]
    for index, (style, seed) in enumerate((("comic", 0), ("pixel:0.5", 1))):
        alone = studio.draw(
            ["a castle"], tmp_path / style[:3], seed=seed, settings=replace(film_settings, style=style), store=tmp_path / "other"
        )
        with Image.open(alone.result().paths[0]) as image:
            assert np.abs(shown[2 * index] - np.array(image.convert("RGB"))).max() <= 1  # generated in another batch size
    assert min(np.abs(shown[1] - end).max() for end in (shown[0], shown[2])) > 1
    recipe = json.loads(read_recipe(morphed.clip) or "")
    assert recipe["prompt_styles"] == ["comic:1", "pixel:0.5"]
    remade = studio.remake(morphed.clip, tmp_path / "b.apng", model=str(model), store=tmp_path / "empty").result()
    assert remade.path.read_bytes() == morphed.clip.read_bytes()


def test_an_unknown_style_is_reported_with_its_shot(model: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"^shot 2: no style 'comc': did you mean 'comic'\?"):
        studio.render(film_of(model, "", "comc"), tmp_path / "a.gif", store=tmp_path / "frames").result()


@pytest.mark.parametrize(
    ("entries", "message"),
    [(["3=comic"], "there are 2; count from 1"), (["0=comic"], "count from 1"), (["comic", "2=comic"], "given twice")],
)
def test_styles_of_missing_prompts_are_refused(model: Path, tmp_path: Path, entries: list[str], message: str) -> None:
    def morph() -> None:
        global_styles, styles = studio.parse_prompt_styles(entries, 2)
        film_settings = FilmSettings(model=str(model), style=", ".join(global_styles), steps=2, size=(32, 32))
        studio.morph(["a", "b"], tmp_path / "a.gif", styles=styles, settings=film_settings, store=tmp_path / "frames").result()

    with pytest.raises(StyleError, match=message):
        morph()


@pytest.mark.parametrize("verb", ["draw", "morph", "film"])
def test_a_clip_in_a_style_from_outside_is_remade_with_that_style_alone(
    model: Path, tiny_v_folder: Path, tmp_path: Path, verb: str
) -> None:
    style_folder, other = tmp_path / "home of ann" / "mine", tmp_path / "other"
    write_lora(style_folder, 7, "in ink")
    write_lora(other, 8, "in ink")
    film_settings, store = FilmSettings(model=str(tiny_v_folder), style=f"{style_folder}:0.5", steps=2, size=(32, 32)), tmp_path / "frames"
    if verb == "draw":
        clip = studio.draw(["a castle"], tmp_path / "out", settings=film_settings, store=store).result().paths[0]
    elif verb == "morph":
        clip = studio.morph(
            ["a", "b"],
            tmp_path / "a.apng",
            frames=2,
            styles=("", f"{style_folder}"),
            settings=replace(film_settings, style=None),
            store=store,
        )
        clip = clip.result().clip
    else:
        film = film_of(tiny_v_folder, f"{style_folder}", "")
        film = replace(film, settings=replace(film.settings, style=None))
        clip = studio.render(film, tmp_path / "a.apng", store=store).result().clip
    text = read_recipe(clip) or ""
    assert "ann" not in text
    given = {"model": str(tiny_v_folder), "store": tmp_path / "empty"}
    remade = tmp_path / f"remade{clip.suffix}"
    with pytest.raises(SakugaError, match=r"applies styles from outside, 'mine@.*give the file or folder of each with --style"):
        studio.remake(clip, remade, **given).result()
    with pytest.raises(SakugaError, match=r"other' \(.*is not 'mine@.*--anyway generates"):
        studio.remake(clip, remade, styles=[str(other)], **given).result()
    with pytest.raises(SakugaError, match="has '' here"):
        studio.remake(clip, remade, styles=[str(style_folder / LORA_FILE)], **given).result()
    with pytest.raises(SakugaError, match=r"does not apply .*leave it out"):
        studio.remake(clip, remade, styles=[str(style_folder), str(other)], **given).result()
    assert not list(tmp_path.glob("empty/*/*.png"))
    studio.remake(clip, remade, styles=[str(style_folder)], **given).result()
    assert remade.read_bytes() == clip.read_bytes()
    studio.remake(clip, tmp_path / f"other{clip.suffix}", styles=[str(other)], anyway=True, **given).result()
    assert json.loads(read_recipe(tmp_path / f"other{clip.suffix}") or "")["outside"][0]["name"].startswith("other@")


def keyed_film(model: Path, style: str, seconds: float = 1.0) -> Film:
    text = f'[film]\nfps = 8\nkeyframe_rate = 8\n[[shots]]\nprompt = "a castle"\nseconds = {seconds}\nseed = 1\nstyle = "{style}"\n'
    read = from_toml(text)
    return replace(read, settings=replace(read.settings, model=str(model), steps=2, size=(32, 32)))


def test_styles_and_their_trigger_words_change_within_a_shot(model: Path, tmp_path: Path) -> None:
    film = keyed_film(model, "0: comic, 4 smooth: pixel:0.5, comic:0.2")
    assert from_toml(to_toml(film)) == film
    sheet = layout(film)
    shown = [sheet.specs[name] for name in sheet.exposures]
    assert [[style.weight for style in frame.styles] for frame in shown] == [
        [1.0], [0.875, 0.078125], [0.6, 0.25], [0.325, 0.421875], *[[0.5, 0.2]] * 4
    ]  # fmt: skip
    first, last = Prompt(prompt="a castle, comic book style"), Prompt(prompt="a castle, pixel art, comic book style")
    assert [frame.conditioning for frame in shown[1:5:3]] == [Interpolated(first=first, second=last, at=0.15625), last]
    assert not sheet.color_references
    result = studio.render(film, tmp_path / "a.apng", store=tmp_path / "frames").result()
    recipe = json.loads(read_recipe(result.clip) or "")
    assert recipe["shots"][0]["style"] == "0: comic:1, 4 smooth: pixel:0.5, comic:0.2"
    remade = studio.remake(result.clip, tmp_path / "b.apng", model=str(model), store=tmp_path / "empty").result()
    assert remade.path.read_bytes() == result.clip.read_bytes()


def test_prompts_and_styles_have_independent_keys(model: Path) -> None:
    film = keyed_film(model, "0: comic, 6: pixel")
    shot = replace(film.storyboard.shots[0], turns=(Key(frame=4, value="the sea, pixel art"),))
    film = replace(film, storyboard=replace(film.storyboard, shots=(shot,)))
    sheet = layout(film)
    comic, pixel = (
        Interpolated(first=Prompt(prompt=before), second=Prompt(prompt=after), at=0.75)
        for before, after in (
            ("a castle, comic book style", "the sea, pixel art, comic book style"),
            ("a castle, pixel art", "the sea, pixel art"),
        )
    )
    assert sheet.specs[sheet.exposures[3]].conditioning == Interpolated(first=comic, second=pixel, at=0.5)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("0: comic, 9: pixel", "shot 1 ends on frame 8, but style has a key on frame 9"),
        ("0: comic, 4: comc", r"^shot 1: no style 'comc'"),
        ("0: comic, 4 soon: pixel", "no ease 'soon'"),
        ("0: comic, 4:", "the key on frame 4 is empty"),
    ],
)
def test_keys_of_styles_that_cannot_be_applied_are_refused(model: Path, tmp_path: Path, style: str, message: str) -> None:
    with pytest.raises(SakugaError, match=message):
        studio.render(keyed_film(model, style), tmp_path / "a.gif", store=tmp_path / "frames").result()
    with pytest.raises(SakugaError, match="give keys to the `style` of a shot"):
        from_toml('[film]\nstyle = "0: comic, 4: pixel"\n[[shots]]\nprompt = "a castle"\nseconds = 1.0\nseed = 1\n')
