"""What the UNet is told and asked: as a checkpoint will tell and ask it later."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.models import sketchbook
from sakuga.models.checkpoint import load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.sketchbook.captions import caption, full_caption
from sakuga.sketchbook.scene import sample
from sakuga.training.sketchbook import loss_maps
from sakuga.training.sketchbook.export import write_folder
from sakuga.training.sketchbook.latents import Latents, Series, encoders_digest, make_latents
from sakuga.training.sketchbook.loop import with_budget
from sakuga.training.sketchbook.pictures import BASE_ASPECTS, HELD_OUT, draw_one
from sakuga.training.sketchbook.unet import DROPPED, PEOPLE, PLAN, SEEING, WHOLE, UnetTask, choose, loss_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(work: Path) -> UnetTask:
    return UnetTask(with_budget(PLAN, pictures=8, batch=4), work, CPU, 1)


@pytest.fixture(scope="module")
def exported(task: UnetTask, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    task.save(work / "weights")
    folder = tmp_path_factory.mktemp("exported")
    write_folder(work / "weights", folder)
    return folder


def relative_error(made: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((made - wanted).std() / wanted.std())


def test_weights_follow_the_signal_and_never_vanish() -> None:
    ratios = torch.tensor([0.0, 0.25, 5.0, 25.0, 1e4])
    even, fine = loss_weights(ratios / (ratios + 1), torch.tensor([1.0, 0.2])).T.tolist()
    assert even == pytest.approx([0.25, 0.25, 5 / 6, 0.25, 0.25], rel=1e-3)
    assert fine == pytest.approx([0.25, 0.25, 5 / 6, 25 / 26, 0.25], rel=1e-3)


def test_faces_and_the_ground_of_subjects_count_more_and_a_picture_as_much_as_before() -> None:
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


def test_portraits_are_chosen_more_often_than_chance_would(work: Path) -> None:
    tall = Latents(Series(album=BASE_ASPECTS[1], work=work, device=CPU), 8)
    portraits = np.array([tall.shown(index)[0].portrait is not None for index in range(len(tall))])
    assert 0 < portraits.mean() < 1
    chosen = choose(tall, 1600, np.random.default_rng(0))
    assert portraits[chosen].mean() == pytest.approx(PEOPLE + (1 - PEOPLE) * portraits.mean(), abs=0.06)


def test_latents_and_embeddings_are_those_of_the_checkpoint(task: UnetTask, exported: Path) -> None:
    checkpoint = load(find_checkpoint(str(exported)))
    wide = task.aspects[0]
    assert wide.latents([0]).shape == (1, 8, 12, 20)
    for latents, album in ((task.held_out, HELD_OUT), (wide, BASE_ASPECTS[0])):
        picture, labels, look = draw_one(album, 3)
        assert latents.shown(3) == (labels, look)
        assert relative_error(latents.latents([3]) * task.scale, checkpoint.encode_picture(picture)) < 0.03
        assert relative_error(latents.images([3])[:, None], checkpoint.image_embedding(picture)) < 0.03


def test_words_are_embedded_as_the_checkpoint_embeds_prompts(task: UnetTask, exported: Path) -> None:
    checkpoint = load(find_checkpoint(str(exported)))
    assert checkpoint.facts == sketchbook.FACTS
    prompts = ["", "a castle on green hills at sunset", "sea, " * 80]
    torch.testing.assert_close(task.embed_texts(prompts), checkpoint.encode_text(prompts), atol=1e-4, rtol=1e-4)


def test_a_sample_is_told_by_words_by_a_picture_or_not_at_all(task: UnetTask) -> None:
    chosen = np.arange(8).repeat(25)
    told = task.tell(task.square, chosen, np.random.default_rng(0))
    images = task.square.images(chosen)
    empty = (told == task.nothing).all(dim=(1, 2))
    blind = (told == 0).all(dim=(1, 2))
    seeing = (told == images[:, None]).all(dim=(1, 2))
    shares = torch.stack([empty, blind, seeing]).float().mean(dim=1)
    assert shares.tolist() == pytest.approx([DROPPED * (1 - SEEING), DROPPED * SEEING, SEEING * (1 - DROPPED)], abs=0.07)
    worded = np.flatnonzero(~(empty | blind | seeing).numpy())
    rng = np.random.default_rng(0)
    rng.random(2 * len(chosen))  # Who sees, and who is told nothing.
    labels, look = task.square.shown(int(chosen[worded[0]]))
    text = (full_caption if rng.random() < WHOLE else caption)(labels, rng, look)
    torch.testing.assert_close(told[worded[0]], task.embed_texts([text])[0], atol=1e-4, rtol=1e-4)


def test_only_missing_shards_are_made(work: Path, task: UnetTask) -> None:
    series = Series(album=HELD_OUT, work=work, device=CPU)
    first = series.folder / "00000.latents.npy"
    made = first.stat().st_mtime_ns
    assert list(make_latents([(series, 16)])) == [8]
    assert first.stat().st_mtime_ns == made


def test_other_encoders_have_other_latents_but_another_decoder_has_not(work: Path, tmp_path: Path) -> None:
    digest = encoders_digest(work / "weights")
    for part in ("decoder", "encoder"):
        vae = sketchbook.open_vae(work / "weights")
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
        write_folder(tmp_path, tmp_path / "out")
