"""An image becomes a clip of its variations, by a tiny real Stable Diffusion with an image encoder."""

import json
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.studio import FilmSettings, Variation


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "outside.png")
    return tmp_path / "outside.png"


@pytest.fixture
def vary(tmp_path: Path, tiny_v_folder: Path, picture: Path) -> Callable[..., Variation]:
    def made(name: str = "clip.gif", **given: object) -> Variation:
        settings = FilmSettings(model=str(tiny_v_folder), steps=2)
        how = {"variants": 3, "between": 2, "settings": settings, "store": tmp_path / "frames"} | given
        return studio.vary(how.pop("image", picture), tmp_path / name, **how).result()

    return made


def test_a_clip_has_the_shape_of_its_image_and_is_generated_once(vary: Callable[..., Variation]) -> None:
    made = vary()
    assert (made.frames, made.count.generated, made.count.reused) == (6, 6, 0)
    with Image.open(made.clip) as clip:
        assert clip.size == (26, 40)
        assert clip.info["duration"] == 50
    again = vary("again.gif")
    assert (again.count.generated, again.count.reused) == (0, 6)
    assert again.clip.read_bytes() == made.clip.read_bytes()
    assert vary("longer.gif", variants=4).count.reused == 6
    assert vary("flow.gif", mode="flow").count.generated == 0


def test_guidance_by_texts_changes_what_is_generated(vary: Callable[..., Variation]) -> None:
    pictures = {vary(f"{place}.apng", **how).clip.read_bytes() for place, how in enumerate(({}, {"repeats": 0}, {"good": ["crisp"]}))}
    assert len(pictures) == 3


def test_only_texts_of_the_user_bring_warnings(tmp_path: Path, picture: Path) -> None:
    def first_notes(**how: object) -> list[str]:
        work = studio.vary(picture, tmp_path / "a.gif", variants=1, store=tmp_path / "frames", **how)
        notes = [step.note for step in takewhile(lambda step: step.stage == "story", work)]
        work.close()
        return notes

    assert first_notes() == []
    assert first_notes(bad=["qwxz"]) == ["the Sketchbook does not know 'qwxz'; such words may have no effect"]


def test_a_chain_is_finished_as_it_is_asked_and_generated_as_without(vary: Callable[..., Variation], tiny_v_folder: Path) -> None:
    plain = vary("plain.apng")
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, grain=0.3, paper=0.3)
    made = vary("grainy.apng", settings=settings)
    assert made.count.generated == 0
    assert pixels(made.clip) != pixels(plain.clip)
    assert json.loads(read_recipe(made.clip) or "")["settings"]["grain"] == 0.3


@pytest.mark.parametrize(("style", "called"), [(None, "flat illustration"), ("watercolor", "watercolor")])
def test_the_look_is_kept_and_a_image_guided_half_as_much_as_prompts(style: str | None, called: str, picture: Path, tmp_path: Path) -> None:
    settings = FilmSettings(steps=1, style=style, size=(128, 128))
    made = studio.vary(picture, tmp_path / "clip.apng", variants=1, between=1, settings=settings, store=tmp_path / "frames").result()
    recipe = json.loads(read_recipe(made.clip) or "")
    assert called in recipe["good"]
    assert ("flat illustration" in recipe["good"]) == (style is None)
    assert recipe["settings"]["guidance"] == 2.0


def test_the_whole_of_a_image_is_seen_where_it_is_filled_up(
    vary: Callable[..., Variation], picture: Path, tiny_v_folder: Path, tmp_path: Path
) -> None:
    with Image.open(picture) as outside:
        changed = np.array(outside)
    changed[:4] = 255 - changed[:4]  # beyond the middle square of 40 by 40
    Image.fromarray(changed).save(tmp_path / "changed.png")
    how = {"variants": 1, "between": 1}
    both = (picture, tmp_path / "changed.png")
    cropped, padded = ([vary(f"{one.stem}-{fit}.apng", image=one, fit=fit, **how).clip for one in both] for fit in ("crop", "pad"))
    assert pixels(cropped[0]) == pixels(cropped[1])
    assert pixels(padded[0]) != pixels(padded[1])
    known = {"model": str(tiny_v_folder), "store": tmp_path / "empty", "images": [picture]}
    studio.remake(padded[0], tmp_path / "remade.apng", **known).result()
    assert (tmp_path / "remade.apng").read_bytes() == padded[0].read_bytes()


def pixels(clip: Path) -> bytes:
    with Image.open(clip) as shown:
        return shown.convert("RGB").tobytes()


def test_the_image_decides(vary: Callable[..., Variation], tmp_path: Path) -> None:
    Image.new("RGB", (40, 60), "teal").save(tmp_path / "other.png")
    assert vary("a.apng").clip.read_bytes() != vary("b.apng", image=tmp_path / "other.png").clip.read_bytes()


def test_the_recipe_makes_the_same_file_again_and_names_no_file(
    vary: Callable[..., Variation], tmp_path: Path, tiny_v_folder: Path, picture: Path
) -> None:
    made = vary(seed=5, good=["crisp"])
    recipe = read_recipe(made.clip)
    assert recipe is not None
    assert json.loads(recipe)["good"] == ["crisp"]
    assert "outside" not in recipe
    assert str(tmp_path) not in recipe
    known = {"model": str(tiny_v_folder), "store": tmp_path / "empty"}
    with pytest.raises(SakugaError, match="give it with --image"):
        studio.remake(made.clip, tmp_path / "remade.gif", **known).result()
    studio.remake(made.clip, tmp_path / "remade.gif", images=[picture], **known).result()
    assert (tmp_path / "remade.gif").read_bytes() == made.clip.read_bytes()


def test_a_chain_that_fades_is_reported(vary: Callable[..., Variation]) -> None:
    made = vary(variants=30, between=1, repeats=0, noise_shift=0.0)
    assert made.variance.collapsed
    assert any("The images fade" in note and "Enable guidance" in note for note in made.notes)
    assert made.variance.last < 0.1 * made.variance.first


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"variants": 0}, "variants: 0 is out of range"),
        ({"between": 0}, "between: 0 is out of range"),
        ({"noise_shift": 1.5}, "noise_shift: 1.5"),
        ({"positive": float("nan")}, "positive: nan"),
        ({"repeats": -1}, "repeats: -1"),
        ({"mode": "slerp"}, "there is no 'slerp'; choose lerp, flow"),
        ({"fit": "squash"}, "there is no 'squash'; choose crop or pad"),
        ({"good": [" "]}, "text is empty"),
        ({"image": Path("absent.png")}, "no such image"),
        ({"settings": FilmSettings(negative="dull")}, "no use for negative"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_generated(
    vary: Callable[..., Variation], tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises(SakugaError, match=message) as caught:
        vary(**given)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "frames").exists()


def test_a_strip_and_a_model_without_an_image_encoder_are_refused(
    vary: Callable[..., Variation], tmp_path: Path, tiny_folder: Path
) -> None:
    Image.new("RGB", (500, 20)).save(tmp_path / "ribbon.png")
    with pytest.raises(SakugaError, match="500 x 20, too narrow"):
        vary(image=tmp_path / "ribbon.png")
    with pytest.raises(SakugaError, match="has no image encoder"):
        vary(settings=FilmSettings(model=str(tiny_folder)))


def test_a_model_that_has_an_image_encoder_and_no_text_encoder_varies_images(
    vary: Callable[..., Variation], wordless_folder: Path, tmp_path: Path, picture: Path
) -> None:
    settings = FilmSettings(model=str(wordless_folder), steps=2)
    made = vary(settings=settings)
    assert made.count.generated == 6
    assert any("has no text encoder" in note for note in made.notes)
    assert not vary("plain.gif", settings=settings, repeats=0, variants=2).notes
    assert json.loads(read_recipe(made.clip) or "")["good"] == []
    known = {"model": str(wordless_folder), "store": tmp_path / "empty", "images": [picture]}
    studio.remake(made.clip, tmp_path / "remade.gif", **known).result()
    assert (tmp_path / "remade.gif").read_bytes() == made.clip.read_bytes()
    with pytest.raises(SakugaError, match="has no text encoder, so texts cannot guide it"):
        vary(settings=settings, good=["crisp"])
    with pytest.raises(SakugaError, match="has an image encoder but no text encoder: use it with"):
        studio.draw(["a castle"], tmp_path / "generated", settings=settings).result()


def test_a_model_without_a_text_encoder_is_generated_with_as_diffusers_does(wordless_folder: Path) -> None:
    import torch
    from diffusers import StableDiffusionImageVariationPipeline
    from transformers import CLIPImageProcessorPil

    from sakuga.diffusion.noise import seeded_noise
    from sakuga.models.checkpoint import load_checkpoint
    from sakuga.models.checkpoint_lookup import find_checkpoint
    from sakuga.models.loading import quiet_libraries
    from sakuga.models.sampling import sample

    checkpoint = load_checkpoint(find_checkpoint(str(wordless_folder), text_encoder_optional=True))
    seen = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    from diffusers import DDIMScheduler

    pipeline = StableDiffusionImageVariationPipeline(
        vae=checkpoint.vae,
        image_encoder=checkpoint.image_encoder,
        unet=checkpoint.unet,
        scheduler=DDIMScheduler.from_config(checkpoint.scheduler_config),
        safety_checker=None,
        feature_extractor=CLIPImageProcessorPil.from_pretrained(wordless_folder / "feature_extractor"),
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    shown = checkpoint.embed_image(seen)
    assert shown.shape == checkpoint.zero_embeds().shape == (1, 1, 32)
    noise = seeded_noise((1, 8, 8, 8), 3)
    start = next(noise)
    with quiet_libraries():
        theirs = pipeline(Image.fromarray(seen), latents=start, num_inference_steps=3, guidance_scale=4.0, output_type="latent").images
    *_, last = sample(
        checkpoint, prompt_embeds=shown, negative_prompt_embeds=checkpoint.zero_embeds(),
        noise=iter([start, *[torch.zeros(1, 8, 8, 8)] * 9]),
        sampler="ddim", steps=3, guidance_scale=4.0,
    )  # fmt: skip
    assert torch.allclose(last.latents, theirs, atol=1e-4)
