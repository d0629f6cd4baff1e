"""OpenVINO gives torch's numbers, follows weights and shapes, and gives way to torch with a sentence."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from torch import Tensor

from sakuga.models.adapters import Adapter, LoraLayer
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.autoencoder import VaeAutoencoder
from sakuga.models.batch_invariance import ShortBatch, prove
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control, control_residuals
from sakuga.models.engine import ChosenEngine, use_engine
from sakuga.models.motion import MotionUNet, make_motion_adapter, motion_modules
from sakuga.models.openvino import networks
from sakuga.models.openvino.autoencoder import openvino_autoencoder
from sakuga.models.openvino.motion import SCALES, OpenVinoMotion
from sakuga.models.openvino.networks import OpenVinoControlNet
from sakuga.models.openvino.programs import Program
from sakuga.models.reference_attention import SelfAttentionInputs, attending, record_self_attention

OPENVINO = ChosenEngine(name="openvino", title="OpenVINO")
ROUNDING = {"rtol": 0.0, "atol": 1e-4}


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for all tests, so that each graph is converted once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("SAKUGA_HOME", str(folder))
        yield folder


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid conversions."""

    def refuse(*_: Any) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(networks, "convert", refuse)


@pytest.fixture(scope="module")
def plain(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(CheckpointFiles(name="tiny", folder=tiny_folder))


@pytest.fixture
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return use_engine(load_checkpoint(CheckpointFiles(name="tiny", folder=tiny_folder)), OPENVINO)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def predict(checkpoint: Checkpoint, rows: int = 2, **inputs: Any) -> Tensor:
    embeds = random(rows, *checkpoint.zero_embeds().shape[1:], seed=1).to(checkpoint.dtype)
    return checkpoint.forward(random(rows, 8, 8, 8).to(checkpoint.dtype), torch.tensor(500), embeds, **inputs)


def style(checkpoint: Checkpoint, seed: int) -> Adapter:
    """A LoRA of one linear and one convolution layer."""
    layers = {}
    for name in ("mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.resnets.0.conv1"):
        shape = checkpoint.unet.get_submodule(name).weight.shape
        layers[f"unet.{name}"] = LoraLayer(
            down=random(2, *shape[1:], seed=seed), up=random(shape[0], 2, *(1 for _ in shape[2:]), seed=seed)
        )
    return Adapter(name=f"style {seed}", layers=layers)


def test_the_unet_gives_the_numbers_of_torch(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    for rows in (1, 2):
        torch.testing.assert_close(predict(checkpoint, rows), predict(plain, rows), **ROUNDING)
    assert checkpoint.engine_notes == []
    assert checkpoint.engine.startswith("OpenVINO 20")
    assert plain.engine == "torch"


def test_a_graph_is_converted_once_on_a_machine(checkpoint: Checkpoint, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = predict(checkpoint)
    monkeypatch.setattr(networks, "convert", None)
    again = use_engine(load_checkpoint(CheckpointFiles(name="tiny", folder=tiny_folder)), OPENVINO)
    assert torch.equal(predict(again), first)
    assert again.engine_notes == []


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("guided", [True, False])
def test_a_frame_alone_has_the_bits_that_it_has_in_a_batch(plain: Checkpoint, checkpoint: Checkpoint, engine: str, guided: bool) -> None:
    tested = plain if engine == "torch" else checkpoint
    for frames in (1, 2):
        assert prove(tested, ShortBatch(frames=frames, planned=3, latents=(8, 8, 8), guided=guided, control=False))
    assert tested.engine_notes == []


def test_a_checkpoint_of_the_same_architecture_brings_its_own_weights(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    predict(checkpoint)
    other = load_checkpoint(plain.files)
    with torch.no_grad():
        for weight in other.unet.parameters():
            weight.mul_(1.1)
    expected = predict(other)
    torch.testing.assert_close(predict(use_engine(other, OPENVINO)), expected, **ROUNDING)


def test_styles_and_their_weights_are_followed_without_a_conversion(plain: Checkpoint, checkpoint: Checkpoint, no_conversion: None) -> None:
    base = predict(checkpoint)
    for number in range(5):
        for weight in (0.3, 1.0):
            with applied_adapters(plain, [(style(plain, number), weight)]):
                expected = predict(plain)
            with applied_adapters(checkpoint, [(style(checkpoint, number), weight)]):
                styled = predict(checkpoint)
            torch.testing.assert_close(styled, expected, **ROUNDING)
            assert not torch.allclose(styled, base, **ROUNDING)
        assert torch.equal(predict(checkpoint), base), "what is put on comes off"
    assert len(checkpoint.denoiser.unet._programs) == 2, "one without styles, one for all styles"  # type: ignore[attr-defined]


def test_programs_in_memory_are_limited(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "PROGRAMS", 1)
    for rows in (1, 2, 1):
        predict(checkpoint, rows)
    assert len(checkpoint.denoiser.unet._programs) == 1  # type: ignore[attr-defined]


def recorded(checkpoint: Checkpoint, seed: int) -> SelfAttentionInputs:
    return record_self_attention(checkpoint, random(1, 8, 8, 8, seed=seed), 500, checkpoint.zero_embeds())


@torch.inference_mode()
def test_what_a_reference_shows_has_the_numbers_of_torch(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    expected = recorded(plain, seed=5)
    assert expected
    torch.testing.assert_close(recorded(checkpoint, seed=5), expected, **ROUNDING)
    assert checkpoint.engine_notes == []


@torch.inference_mode()
def test_frames_attend_to_any_reference_without_another_conversion(
    plain: Checkpoint, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = predict(checkpoint)
    for seed, weight in ((5, 1.0), (6, 8.0)):
        reference = recorded(plain, seed)
        with attending(plain.unet, reference, weight):
            expected = predict(plain)
        with attending(checkpoint.unet, reference, weight):
            made = predict(checkpoint)
        torch.testing.assert_close(made, expected, **ROUNDING)
        assert not torch.allclose(made, alone, **ROUNDING)
        monkeypatch.setattr(networks, "convert", None)
    assert torch.equal(predict(checkpoint), alone)
    assert checkpoint.engine_notes == []


def test_a_controlnet_gives_the_numbers_of_torch(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(plain.unet, conditioning_embedding_out_channels=(4, 8)).eval().requires_grad_(False)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    found = []
    for one, controlnet in ((plain, network), (checkpoint, OpenVinoControlNet(network, checkpoint.engine_notes))):
        run = replace(one, wrap_controlnet=lambda _, controlnet=controlnet: controlnet, _networks={"controlnet": network})
        with torch.inference_mode():
            embeds = random(2, *one.zero_embeds().shape[1:], seed=1)
            residuals = control_residuals(
                run, [Control(image=random(2, 3, 16, 16), weight=0.7)], random(2, 8, 8, 8), torch.tensor(500), embeds
            )
        found.append(predict(one, **residuals))
    torch.testing.assert_close(*found, **ROUNDING)
    assert not torch.allclose(found[0], predict(plain), **ROUNDING)
    assert checkpoint.engine_notes == []


def test_stable_diffusion_xl_gives_the_numbers_of_torch(tiny_xl_folder: Path) -> None:
    found = []
    for engine in (ChosenEngine(name="torch", title="torch"), OPENVINO):
        checkpoint = use_engine(load_checkpoint(CheckpointFiles(name="xl", folder=tiny_xl_folder)), engine)
        found.append(predict(checkpoint))
        assert checkpoint.engine_notes == []
    torch.testing.assert_close(*found, **ROUNDING)


def test_a_motion_unet_gives_the_numbers_of_torch(plain: Checkpoint) -> None:
    torch.manual_seed(0)
    adapter = make_motion_adapter(plain.unet).eval().requires_grad_(False)
    for module in motion_modules(adapter):
        torch.nn.init.normal_(module.proj_out.weight, std=0.3)
    motion, notes = MotionUNet(plain.unet, adapter, frames=3), list[str]()
    run = OpenVinoMotion(motion, notes)
    inputs = (random(6, 8, 8, 8), torch.tensor([0.0, 500, 500] * 2), random(6, *plain.zero_embeds().shape[1:], seed=1))
    with torch.inference_mode():
        torch.testing.assert_close(run(motion)(*inputs)[0], motion(*inputs)[0], **ROUNDING)
    reference = recorded(plain, seed=5)
    with torch.inference_mode(), attending(plain.unet, reference, 4.0):
        torch.testing.assert_close(run(motion)(*inputs)[0], motion(*inputs)[0], **ROUNDING)
    assert run(replace(motion, scale=torch.ones(3))).__class__ is MotionUNet
    assert notes == []


def test_one_graph_takes_motion_windows_of_any_length(plain: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = make_motion_adapter(plain.unet).eval().requires_grad_(False)
    motion, notes = MotionUNet(plain.unet, adapter, frames=4), list[str]()
    run = OpenVinoMotion(motion, notes)

    @torch.inference_mode()
    def compare(frames: int) -> None:
        inputs = (random(frames, 8, 8, 8), torch.full((frames,), 500.0), random(frames, *plain.zero_embeds().shape[1:], seed=1))
        window = replace(motion, frames=frames)
        torch.testing.assert_close(run(window)(*inputs)[0], window(*inputs)[0], **ROUNDING)

    compare(4)
    monkeypatch.setattr(networks, "convert", None)
    for frames in (2, 3, 7):
        compare(frames)
    assert notes == []


def test_programs_of_few_motion_scales_stay_in_memory(plain: Checkpoint) -> None:
    run = OpenVinoMotion(MotionUNet(plain.unet, make_motion_adapter(plain.unet), frames=3), [])
    for scale in range(1, 9):
        kept = run.compiled(1, float(scale))
    assert len(run._networks) == SCALES
    assert run.compiled(1, 8.0) is kept


@torch.inference_mode()
def test_one_graph_takes_the_images_of_all_windows(plain: Checkpoint, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = replace(checkpoint, custom_denoiser=checkpoint.window_denoiser)
    for rows in (4, 2, 1, 7):
        torch.testing.assert_close(predict(windows, rows), predict(plain, rows), **ROUNDING)
        monkeypatch.setattr(networks, "convert", None)
    assert checkpoint.engine_notes == []


def test_the_autoencoder_gives_the_numbers_of_torch(plain: Checkpoint) -> None:
    ours, notes = VaeAutoencoder(plain.vae), list[str]()
    theirs = openvino_autoencoder(plain.vae, notes)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    torch.testing.assert_close(theirs.encode(image), ours.encode(image), **ROUNDING)
    np.testing.assert_allclose(theirs.decode(random(2, 8, 4, 4)), ours.decode(random(2, 8, 4, 4)), atol=1e-4)
    assert notes == []


def test_half_precision_is_as_near_as_its_rounding(plain: Checkpoint, tiny_folder: Path) -> None:
    half = use_engine(load_checkpoint(CheckpointFiles(name="tiny", folder=tiny_folder), precision="bf16"), OPENVINO)
    made = predict(half)
    assert made.dtype == torch.bfloat16 or half.engine_notes
    torch.testing.assert_close(made.float(), predict(plain), rtol=0.1, atol=0.1)


def test_other_numbers_are_refused_once_and_for_all(
    plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda self, inputs: [1.01 * one for one in run(self, inputs)])
    assert torch.equal(predict(checkpoint), predict(plain))
    (note,) = checkpoint.engine_notes
    assert note == "the UNet: OpenVINO gives other numbers than torch on this machine (0.01 apart, 0.0001 allowed); torch runs it"
    assert checkpoint.engine == "torch"
    again = use_engine(load_checkpoint(plain.files), OPENVINO)
    monkeypatch.setattr(networks, "convert", None)
    assert torch.equal(predict(again), predict(plain))
    assert again.engine_notes == [note]


@pytest.mark.parametrize("name", ["convert", "Program"])
def test_a_network_that_openvino_cannot_run_is_run_by_torch(
    plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such operation\nat line 3")

    monkeypatch.setattr(networks, name, fail)
    assert torch.equal(predict(checkpoint), predict(plain))
    assert checkpoint.engine_notes == ["the UNet: no such operation; torch runs it"]


def test_a_network_that_would_fill_the_memory_is_run_by_torch(plain: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "has_room_for_copies", lambda _: False)
    checkpoint = use_engine(load_checkpoint(plain.files), OPENVINO)
    assert torch.equal(predict(checkpoint), predict(plain))
    assert checkpoint.engine_notes == ["the UNet: its weights fill more than a quarter of the memory; torch runs it"]


def test_a_damaged_graph_is_converted_again(plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path) -> None:
    first = predict(checkpoint)
    (graph,) = empty_home.glob("openvino/*/graph.xml")
    graph.write_text(graph.read_text()[:-100])
    again = use_engine(load_checkpoint(plain.files), OPENVINO)
    assert torch.equal(predict(again), first)
    assert again.engine_notes == [f"{graph.parent} is damaged: the UNet is converted again for OpenVINO"]
    third = use_engine(load_checkpoint(plain.files), OPENVINO)
    assert torch.equal(predict(third), first)
    assert third.engine_notes == []


def test_a_full_disk_costs_a_conversion_at_every_start(
    plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(networks, "write_graph", full)
    torch.testing.assert_close(predict(checkpoint), predict(plain), **ROUNDING)
    (note,) = checkpoint.engine_notes
    assert "No space left on device" in note
    assert "free some space" in note


def test_a_file_in_the_place_of_the_folder_costs_a_conversion_at_every_start(
    plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path
) -> None:
    (empty_home / "openvino").write_text("not a folder")
    torch.testing.assert_close(predict(checkpoint), predict(plain), **ROUNDING)
    (note,) = checkpoint.engine_notes
    assert note.startswith(f"the UNet, converted for OpenVINO, cannot be kept in {empty_home / 'openvino'} (")
    assert checkpoint.engine != "torch"


def test_a_graph_of_another_version_is_left_alone(checkpoint: Checkpoint, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "openvino_version", lambda: "2020.1")
    predict(checkpoint)
    monkeypatch.undo()
    monkeypatch.setenv("SAKUGA_HOME", str(empty_home))
    predict(use_engine(load_checkpoint(checkpoint.files), OPENVINO))
    assert len(list(empty_home.glob("openvino/*/graph.xml"))) == 2


def test_broken_weights_are_broken_alike(plain: Checkpoint, empty_home: Path) -> None:
    broken = load_checkpoint(plain.files)
    broken.unet.conv_out.bias.fill_(torch.nan)
    assert predict(use_engine(broken, OPENVINO)).isnan().all()
    assert broken.engine_notes == []


@torch.inference_mode()
def test_a_guided_batch_gives_the_numbers_of_torch(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    for timestep in (torch.tensor(500), torch.tensor([500, 20, 500, 20])):
        embeds = random(4, *plain.zero_embeds().shape[1:], seed=1)
        inputs = random(2, 8, 8, 8).repeat(2, 1, 1, 1), timestep, embeds
        torch.testing.assert_close(checkpoint.forward(*inputs), plain.forward(*inputs), **ROUNDING)
        with attending(plain.unet, reference := recorded(plain, 5), 4.0):
            expected = plain.forward(*inputs)
        with attending(checkpoint.unet, reference, 4.0):
            torch.testing.assert_close(checkpoint.forward(*inputs), expected, **ROUNDING)
    assert checkpoint.engine_notes == []


@torch.inference_mode()
def test_what_guided_rows_share_is_computed_once(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda self, inputs: rows.append(len(inputs[0])) or run(self, inputs))
    latents, embeds = random(1, 8, 8, 8), random(2, *checkpoint.zero_embeds().shape[1:], seed=1)
    for inputs, given in ((latents.repeat(2, 1, 1, 1), 1), (torch.cat([latents, latents + 1]), 2)):
        assert len(checkpoint.forward(inputs, torch.tensor(500), embeds)) == 2
        assert rows[-1] == given


@torch.inference_mode()
def test_the_sketchbook_converts_nothing_at_its_own_size(empty_home: Path, no_conversion: None) -> None:
    sketchbook = use_engine(load_checkpoint(find_checkpoint("sketchbook")), OPENVINO)
    latents, embeds = random(1, 8, 16, 16), random(2, *sketchbook.zero_embeds().shape[1:], seed=1)
    reference = record_self_attention(sketchbook, latents, 500, embeds[:1])
    alone = sketchbook.forward(latents.repeat(2, 1, 1, 1), 500, embeds)
    with attending(sketchbook.unet, reference, 4.0):
        assert not torch.equal(sketchbook.forward(latents.repeat(2, 1, 1, 1), 500, embeds), alone)
    assert sketchbook.engine_notes == []


def test_a_shipped_graph_that_cannot_be_read_is_converted(
    plain: Checkpoint, checkpoint: Checkpoint, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "shipped_graph", lambda _: (b"<net/>", b""))
    torch.testing.assert_close(predict(checkpoint), predict(plain), **ROUNDING)
    assert checkpoint.engine_notes == []


@torch.inference_mode()
def test_another_prompt_and_another_style_change_what_is_kept_of_a_prompt(plain: Checkpoint, checkpoint: Checkpoint) -> None:
    latents, shape = random(2, 8, 8, 8), (2, *plain.zero_embeds().shape[1:])
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    wide, narrow = plain.unet.get_submodule(name.removeprefix("unet.")).weight.shape
    keys = Adapter(name="keys", layers={name: LoraLayer(down=random(2, narrow, seed=3), up=random(wide, 2, seed=4))})
    made = []
    for one in (plain, checkpoint):
        found = [one.forward(latents, torch.tensor(500), random(*shape, seed=seed)) for seed in (1, 2, 1)]
        with applied_adapters(one, [(keys, 1.0)]):
            found.append(one.forward(latents, torch.tensor(500), random(*shape, seed=1)))
        made.append([*found, one.forward(latents, torch.tensor(500), random(*shape, seed=1))])
    torch.testing.assert_close(made[1], made[0], **ROUNDING)
    assert torch.equal(made[1][0], made[1][2])
    assert torch.equal(made[1][0], made[1][4])
    assert not torch.allclose(made[1][0], made[1][3], **ROUNDING)
