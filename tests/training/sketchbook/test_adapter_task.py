"""Styles and drawing in few steps in training: what is learnt is worn as it was learnt, and written whole."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga import InputError
from sakuga.models.adapters import read_adapter
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint_files import Source
from sakuga.models.sampling import build_scheduler
from sakuga.models.sketchbook import make_scheduler
from sakuga.models.styles import FEW_STEP, LORA, own_styles
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.labels import LOOKS
from sakuga.training.low_rank import ATTENTION, LowRank
from sakuga.training.sketchbook import lcm, styles
from sakuga.training.sketchbook.export import write_folder
from sakuga.training.sketchbook.loop import with_budget
from sakuga.training.sketchbook.options import Options
from sakuga.training.sketchbook.pictures import IN_LOOK, draw_one
from sakuga.training.sketchbook.recipe import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few(work: Path) -> lcm.FewStepTask:
    return lcm.FewStepTask(with_budget(lcm.PLAN, pictures=8, batch=4), work, CPU, 1)


def spread(network: LowRank) -> None:
    """Give the second matrices values, as a training would."""
    for index, up in enumerate(network.ups):
        up.data = torch.randn(up.shape, generator=torch.Generator().manual_seed(index)) / 10


def test_what_is_trained_is_what_is_worn(few: lcm.FewStepTask) -> None:
    spread(few.networks)
    noisy, told = torch.randn(2, 8, 16, 16), few.embed_texts(["a castle", "the sea"])
    timesteps = torch.tensor([999, 19])
    with torch.no_grad():
        plain = few.velocity(few.checkpoint.unet, noisy, timesteps, told)
        changed = few.velocity(few.networks, noisy, timesteps, told)
        with wearing(few.checkpoint, [(few.adapter(), 1.0)]):
            worn = few.velocity(few.checkpoint.unet, noisy, timesteps, told)
        assert torch.equal(few.velocity(few.checkpoint.unet, noisy, timesteps, told), plain)
    torch.testing.assert_close(worn, changed)
    assert not torch.allclose(worn, plain, atol=1e-3)


def test_only_the_low_rank_change_learns(few: lcm.FewStepTask) -> None:
    assert not any(parameter.requires_grad for parameter in few.checkpoint.unet.parameters())
    assert {name.split(".")[0] for name, _ in few.networks.named_parameters()} == {"downs", "ups"}
    untrained = LowRank(few.checkpoint.unet, ATTENTION, 2)
    assert all(name.endswith(ATTENTION) for name in untrained.layers)
    with pytest.raises(InputError, match="other layers, or in another rank"):
        untrained.load(few.adapter())


def test_the_points_asked_at_are_those_of_the_sampler(few: lcm.FewStepTask) -> None:
    sampler = build_scheduler(few.checkpoint, "lcm", lcm.FEW)
    places = (np.arange(8) + 0.5) / 8
    assert sorted(set(few.timesteps(places).tolist()), reverse=True) == sampler.timesteps.tolist() == list(lcm.ASKED)


def test_the_target_is_where_the_teacher_comes_to(few: lcm.FewStepTask) -> None:
    from diffusers import DDIMScheduler

    noisy, told = torch.randn(1, 8, 16, 16), few.embed_texts(["a castle"])
    sampler = DDIMScheduler.from_config(make_scheduler().config, clip_sample=False, set_alpha_to_one=True)
    sampler.set_timesteps(lcm.WAY)
    latents = noisy
    for timestep in (999, 749, 499, 249):
        velocity = few.velocity(few.checkpoint.unet, latents, torch.tensor([timestep]), told)
        latents = sampler.step(velocity, timestep, latents).prev_sample
    target = few.target(noisy, torch.tensor([999]), told, told)  # Guidance between equals leads nowhere.
    torch.testing.assert_close(target, latents.detach(), atol=1e-3, rtol=1e-3)


def test_pictures_are_told_by_words_or_seen(few: lcm.FewStepTask) -> None:
    chosen = np.arange(8).repeat(20)
    told, without = few.tell(chosen, np.random.default_rng(0))
    seeing = (without == 0).all(dim=(1, 2))
    assert float(seeing.float().mean()) == pytest.approx(0.2, abs=0.08)
    assert torch.equal(told[seeing], few.latents.images(chosen[seeing.numpy()])[:, None].expand(-1, 77, -1))
    assert (without[~seeing] == few.nothing).all()


def test_pictures_of_a_style_have_its_look_and_their_captions_mostly_say_so(work: Path) -> None:
    assert set(IN_LOOK) == set(LOOKS) - {"flat"}
    assert all(draw_one(album, 0)[2] == look for look, album in IN_LOOK.items())
    task = styles.StyleTask("comic", with_budget(styles.PLAN, pictures=8, batch=4), work, CPU, 1)
    said = [task.sample(np.random.default_rng(index))[1] for index in range(200)]
    shares = [sum(read_labels(text).look == "comic" for text in said) / 200, sum(text == "" for text in said) / 200]
    assert shares == pytest.approx([0.68, 0.15], abs=0.1)


def test_styles_are_trained_and_exported_with_trigger_and_card(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sakuga.training.sketchbook import recipe

    monkeypatch.setattr(recipe, "IN_LOOK", {look: IN_LOOK[look] for look in ("comic",)})
    options = Options(work=work, pictures=8, samples=4, batch=4)
    assert [step.seen for step in train("styles", options)] == [4]
    write_folder(work / "weights", tmp_path / "model")
    own = own_styles(Source("model", tmp_path / "model"))
    assert {name: style.trigger for name, style in own.items()} == {"comic": "comic book style"}
    card = (own["comic"].folder / "README.md").read_text()
    assert "instance_prompt: comic book style" in card
    assert "| `accuracy`, in training |" in card
    assert (own["comic"].folder / "sheet.webp").exists()
    assert own["comic"].files[0].stat().st_size <= 2**20
    again = styles.StyleTask("comic", with_budget(styles.PLAN, pictures=8, batch=4), work, CPU, 1, tmp_path / "model").adapter()
    written = read_adapter(own["comic"].files[0], "comic")
    for name, factors in again.layers.items():
        assert torch.allclose(factors.up * factors.scale, written.layers[name].up * written.layers[name].scale, atol=1e-6)


def test_a_training_goes_on_from_a_finished_adapter(few: lcm.FewStepTask, work: Path, tmp_path: Path) -> None:
    spread(few.networks)
    few.save(tmp_path)
    other = lcm.FewStepTask(with_budget(lcm.PLAN, pictures=8, batch=4), work, CPU, 1, tmp_path)
    pairs = zip(few.networks.parameters(), other.networks.parameters(), strict=True)
    assert all(torch.equal(mine.half().float(), its) for mine, its in pairs)
    assert read_adapter(tmp_path / FEW_STEP / LORA, "few").layers.keys() == few.adapter().layers.keys()
