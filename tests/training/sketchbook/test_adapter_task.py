"""LoRA stages: the adapter applied equals the one trained, and its files are complete."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga import InputError
from sakuga.models.adapters import read_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.schedulers import build_scheduler
from sakuga.models.sketchbook import make_scheduler
from sakuga.models.style_files import LORA_FILE
from sakuga.models.styles import FEW_STEP, checkpoint_styles
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.labels import LOOKS
from sakuga.training.low_rank import ATTENTION, LowRank
from sakuga.training.sketchbook import lcm, styles
from sakuga.training.sketchbook.export import write_checkpoint
from sakuga.training.sketchbook.image_dataset import IN_LOOK, render_image
from sakuga.training.sketchbook.loop import StageSetup, override_plan
from sakuga.training.sketchbook.options import TrainingOptions
from sakuga.training.sketchbook.recipe import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few_step(work: Path) -> lcm.FewStepTask:
    return lcm.FewStepTask(StageSetup(plan=override_plan(lcm.PLAN, images=8, batch=4), work=work, device=CPU))


def spread(network: LowRank) -> None:
    """Fill the up matrices, as a training would."""
    for index, up in enumerate(network.ups):
        up.data = torch.randn(up.shape, generator=torch.Generator().manual_seed(index)) / 10


def test_the_lora_trained_equals_the_lora_applied(few_step: lcm.FewStepTask) -> None:
    spread(few_step.networks)
    noisy, embeds = torch.randn(2, 8, 16, 16), few_step.embed_texts(["a castle", "the sea"])
    timesteps = torch.tensor([999, 19])
    with torch.no_grad():
        plain = few_step.velocity(few_step.checkpoint.unet, noisy, timesteps, embeds)
        changed = few_step.velocity(few_step.networks, noisy, timesteps, embeds)
        with applied_adapters(few_step.checkpoint, [(few_step.adapter(), 1.0)]):
            applied = few_step.velocity(few_step.checkpoint.unet, noisy, timesteps, embeds)
        assert torch.equal(few_step.velocity(few_step.checkpoint.unet, noisy, timesteps, embeds), plain)
    torch.testing.assert_close(applied, changed)
    assert not torch.allclose(applied, plain, atol=1e-3)


def test_only_the_lora_is_trained(few_step: lcm.FewStepTask) -> None:
    assert not any(parameter.requires_grad for parameter in few_step.checkpoint.unet.parameters())
    assert {name.split(".")[0] for name, _ in few_step.networks.named_parameters()} == {"downs", "ups"}
    untrained = LowRank(few_step.checkpoint.unet, ATTENTION, 2)
    assert all(name.endswith(ATTENTION) for name in untrained.layers)
    with pytest.raises(InputError, match="other layers or another rank"):
        untrained.load(few_step.adapter())


def test_timesteps_are_those_of_the_sampler(few_step: lcm.FewStepTask) -> None:
    sampler = build_scheduler(few_step.checkpoint, "lcm", lcm.STUDENT_STEPS)
    places = (np.arange(8) + 0.5) / 8
    assert sorted(set(few_step.timesteps(places).tolist()), reverse=True) == sampler.timesteps.tolist() == list(lcm.TIMESTEPS)


def test_the_target_is_the_teachers_ddim_result(few_step: lcm.FewStepTask) -> None:
    from diffusers import DDIMScheduler

    noisy, embeds = torch.randn(1, 8, 16, 16), few_step.embed_texts(["a castle"])
    sampler = DDIMScheduler.from_config(make_scheduler().config, clip_sample=False, set_alpha_to_one=True)
    sampler.set_timesteps(lcm.TEACHER_STEPS)
    latents = noisy
    for timestep in (999, 749, 499, 249):
        velocity = few_step.velocity(few_step.checkpoint.unet, latents, torch.tensor([timestep]), embeds)
        latents = sampler.step(velocity, timestep, latents).prev_sample
    target = few_step.target(noisy, torch.tensor([999]), embeds, embeds)  # Guidance between equal embeddings changes nothing.
    torch.testing.assert_close(target, latents.detach(), atol=1e-3, rtol=1e-3)


def test_prompts_are_captions_or_image_embeddings(few_step: lcm.FewStepTask) -> None:
    chosen = np.arange(8).repeat(20)
    prompt_embeds, negative = few_step.encode_prompts(chosen, np.random.default_rng(0))
    image_prompts = (negative == 0).all(dim=(1, 2))
    assert float(image_prompts.float().mean()) == pytest.approx(0.2, abs=0.08)
    assert torch.equal(prompt_embeds[image_prompts], few_step.latents.images(chosen[image_prompts.numpy()])[:, None].expand(-1, 77, -1))
    assert (negative[~image_prompts] == few_step.unconditional).all()


def test_images_of_a_style_have_its_look_and_most_captions_name_it(work: Path) -> None:
    assert set(IN_LOOK) == set(LOOKS) - {"flat"}
    assert all(render_image(dataset, 0)[2] == look for look, dataset in IN_LOOK.items())
    task = styles.StyleTask("comic", StageSetup(plan=override_plan(styles.PLAN, images=8, batch=4), work=work, device=CPU))
    captions = [task.sample(np.random.default_rng(index))[1] for index in range(200)]
    shares = [sum(read_labels(text).look == "comic" for text in captions) / 200, sum(text == "" for text in captions) / 200]
    assert shares == pytest.approx([0.68, 0.15], abs=0.1)


def test_styles_are_trained_and_exported_with_trigger_and_card(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sakuga.training.sketchbook import recipe

    monkeypatch.setattr(recipe, "IN_LOOK", {look: IN_LOOK[look] for look in ("comic",)})
    options = TrainingOptions(work=work, images=8, samples=4, batch=4)
    assert [step.samples_seen for step in train("styles", options)] == [4]
    write_checkpoint(work / "weights", tmp_path / "model")
    own = checkpoint_styles(CheckpointFiles("model", tmp_path / "model"))
    assert {name: style.trigger for name, style in own.items()} == {"comic": "comic book style"}
    card = (own["comic"].folder / "README.md").read_text()
    assert "instance_prompt: comic book style" in card
    assert "| `accuracy`, in training |" in card
    assert (own["comic"].folder / "sheet.webp").exists()
    assert own["comic"].files[0].stat().st_size <= 2**20
    plan = override_plan(styles.PLAN, images=8, batch=4)
    again = styles.StyleTask("comic", StageSetup(plan=plan, work=work, device=CPU, start=tmp_path / "model")).adapter()
    written = read_adapter(own["comic"].files[0], "comic")
    for name, factors in again.layers.items():
        assert torch.allclose(factors.up * factors.scale, written.layers[name].up * written.layers[name].scale, atol=1e-6)


def test_a_training_starts_from_a_finished_adapter(few_step: lcm.FewStepTask, work: Path, tmp_path: Path) -> None:
    spread(few_step.networks)
    few_step.save(tmp_path)
    other = lcm.FewStepTask(StageSetup(plan=override_plan(lcm.PLAN, images=8, batch=4), work=work, device=CPU, start=tmp_path))
    pairs = zip(few_step.networks.parameters(), other.networks.parameters(), strict=True)
    assert all(torch.equal(first.half().float(), second) for first, second in pairs)
    assert read_adapter(tmp_path / FEW_STEP / LORA_FILE, "few").layers.keys() == few_step.adapter().layers.keys()
