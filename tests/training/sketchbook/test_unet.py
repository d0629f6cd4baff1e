"""The UNet stage: prompts, latents and weights are those of the checkpoint exported later."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.models import sketchbook
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.captions import caption, full_caption
from sakuga.sketchbook.labels import Labels
from sakuga.sketchbook.scene import sample
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.export import write_checkpoint
from sakuga.training.sketchbook.image_dataset import BASE_ASPECTS, HELD_OUT, render_image
from sakuga.training.sketchbook.latent_dataset import LatentDataset, LatentSpec, encoders_digest, make_latents
from sakuga.training.sketchbook.loop import StageSetup, override_plan
from sakuga.training.sketchbook.unet import (
    CAPTION_DROPOUT,
    FULL_CAPTIONS,
    IMAGE_PROMPTS,
    PLAN,
    PORTRAITS,
    UnetTask,
    choose_images,
    loss_weights,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(work: Path) -> UnetTask:
    return UnetTask(StageSetup(plan=override_plan(PLAN, images=8, batch=4), work=work, device=CPU))


@pytest.fixture(scope="module")
def exported(task: UnetTask, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    task.save(work / "weights")
    folder = tmp_path_factory.mktemp("exported")
    write_checkpoint(work / "weights", folder)
    return folder


def relative_error(actual: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((actual - wanted).std() / wanted.std())


def test_weights_follow_the_signal_and_never_vanish() -> None:
    ratios = torch.tensor([0.0, 0.25, 5.0, 25.0, 1e4])
    even, fine = loss_weights(ratios / (ratios + 1), torch.tensor([1.0, 0.2])).T.tolist()
    assert even == pytest.approx([0.25, 0.25, 5 / 6, 0.25, 0.25], rel=1e-3)
    assert fine == pytest.approx([0.25, 0.25, 5 / 6, 25 / 26, 0.25], rel=1e-3)


def test_faces_and_the_ground_of_subjects_weigh_more_at_equal_mean() -> None:
    shown = [sample(seed, portrait=seed % 2 == 0).labels for seed in range(8)]
    counts = loss_maps.weights(shown, 16, 16)
    assert counts.shape == (8, 1, 16, 16)
    torch.testing.assert_close(counts.mean(dim=(1, 2, 3)), torch.ones(8))
    mouth, corner = counts[0, 0, 9, 7:9].mean(), counts[0, 0, 15, 0]
    assert mouth > 20 * corner
    for labels, sides in zip(shown, counts.sum(dim=(1, 2)), strict=True):
        if labels.portrait is None and labels.subject != "none" and labels.side != "centre":
            assert (sides[:8].sum() > sides[8:].sum()) == (labels.side == "left")
    assert loss_maps.weights(shown[:1], 12, 20).shape == (1, 1, 12, 20)


def test_the_ground_of_a_second_subject_weighs_more_too() -> None:
    one = Labels(time="day", weather="clear", place="meadow", subject="castle", side="left")
    alone, joined = loss_maps.weights([one, replace(one, second="tower")], 16, 16).sum(dim=(1, 2))
    assert joined[8:].sum() / joined.sum() > alone[8:].sum() / alone.sum()


def test_portraits_are_chosen_more_often_than_at_random(work: Path) -> None:
    tall = LatentDataset(LatentSpec(dataset=BASE_ASPECTS[1], work=work, device=CPU), 8)
    portraits = np.array([tall.described(index)[0].portrait is not None for index in range(len(tall))])
    assert 0 < portraits.mean() < 1
    chosen = choose_images(tall, 1600, np.random.default_rng(0))
    assert portraits[chosen].mean() == pytest.approx(PORTRAITS + (1 - PORTRAITS) * portraits.mean(), abs=0.06)


def test_latents_and_embeddings_are_those_of_the_checkpoint(task: UnetTask, exported: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(exported)))
    wide = task.aspects[0]
    assert wide.latents([0]).shape == (1, 8, 12, 20)
    for latents, dataset in ((task.held_out, HELD_OUT), (wide, BASE_ASPECTS[0])):
        image, labels, look = render_image(dataset, 3)
        assert latents.described(3) == (labels, look)
        assert relative_error(latents.latents([3]) * task.scale, checkpoint.encode(image)) < 0.03
        assert relative_error(latents.images([3])[:, None], checkpoint.embed_image(image)) < 0.03


def test_captions_are_encoded_as_the_checkpoint_encodes_prompts(task: UnetTask, exported: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(exported)))
    assert checkpoint.info == sketchbook.INFO
    prompts = ["", "a castle on green hills at sunset", "sea, " * 80]
    torch.testing.assert_close(task.embed_texts(prompts), checkpoint.encode_prompts(prompts), atol=1e-4, rtol=1e-4)


def test_prompts_are_captions_image_embeddings_or_empty(task: UnetTask) -> None:
    chosen = np.arange(8).repeat(25)
    embeds = task.encode_prompts(task.square, chosen, np.random.default_rng(0))
    images = task.square.images(chosen)
    empty = (embeds == task.unconditional).all(dim=(1, 2))
    zeros = (embeds == 0).all(dim=(1, 2))
    image_prompts = (embeds == images[:, None]).all(dim=(1, 2))
    shares = torch.stack([empty, zeros, image_prompts]).float().mean(dim=1)
    assert shares.tolist() == pytest.approx(
        [CAPTION_DROPOUT * (1 - IMAGE_PROMPTS), CAPTION_DROPOUT * IMAGE_PROMPTS, IMAGE_PROMPTS * (1 - CAPTION_DROPOUT)], abs=0.07
    )
    captioned = np.flatnonzero(~(empty | zeros | image_prompts).numpy())
    rng = np.random.default_rng(0)
    rng.random(2 * len(chosen))  # Which are image prompts, and which are dropped.
    labels, look = task.square.described(int(chosen[captioned[0]]))
    text = (full_caption if rng.random() < FULL_CAPTIONS else caption)(labels, rng, look)
    torch.testing.assert_close(embeds[captioned[0]], task.embed_texts([text])[0], atol=1e-4, rtol=1e-4)


def test_only_missing_shards_are_rendered(work: Path, task: UnetTask) -> None:
    series = LatentSpec(dataset=HELD_OUT, work=work, device=CPU)
    first = series.folder / "00000.latents.npy"
    written_at = first.stat().st_mtime_ns
    assert list(make_latents([(series, 16)])) == [8]
    assert first.stat().st_mtime_ns == written_at


def test_latents_depend_on_the_encoders_but_not_on_the_decoder(work: Path, tmp_path: Path) -> None:
    digest = encoders_digest(work / "weights")
    for part in ("decoder", "encoder"):
        vae = sketchbook.load_vae(work / "weights")
        torch.nn.init.ones_(getattr(vae, part).conv_in.bias)
        vae.half().save_pretrained(tmp_path / part / "vae")
        (tmp_path / part / "image_encoder").symlink_to(work / "weights" / "image_encoder")
    assert encoders_digest(tmp_path / "decoder") == digest
    assert encoders_digest(tmp_path / "encoder") != digest


def test_diffusers_opens_the_exported_folder(exported: Path) -> None:
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(exported, safety_checker=None)
    assert isinstance(pipeline.scheduler, DPMSolverMultistepScheduler)
    assert pipeline.scheduler.config.rescale_betas_zero_snr
    assert pipeline.vae_scale_factor == 8
    assert json.loads((exported / "model_index.json").read_text())["safety_checker"] == [None, None]


def test_an_unfinished_folder_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    with pytest.raises(FileNotFoundError, match="text_encoder, vae, unet, scheduler: train these first"):
        write_checkpoint(tmp_path, tmp_path / "out")
