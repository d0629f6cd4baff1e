"""A render that runs out of memory goes on with narrower batches, then with tiles."""

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sakuga.models.adapters import Adapter, LoraLayer, write_adapter
from sakuga.models.autoencoder import TiledAutoencoder, VaeAutoencoder
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor, OutOfMemory
from sakuga.rendering.resources import ADAPTERS, StyleFiles
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Rendering, RenderSession
from sakuga.timeline.rebatch import TILED_VAE
from sakuga.timeline.spec import AppliedStyle, Generated, Prompt, SeedNoise, digest

QUERY = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def session(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RenderSession:
    monkeypatch.setenv("SAKUGA_ENGINE", "torch")
    return RenderSession(find_checkpoint(str(tiny_folder)), tmp_path / "frames")


def frames(session: RenderSession, count: int) -> list[Generated]:
    def frame(seed: int) -> Generated:
        words, noise = Prompt(prompt="a cat"), SeedNoise(seed=seed)
        return Generated(
            checkpoint=session.files.digest, conditioning=words, noise=noise, width=96, height=96, steps=1, guidance=1.0, batch=count
        )

    return [frame(seed) for seed in range(count)]


def render(session: RenderSession, wanted: list[Generated]) -> tuple[list[Step], Rendering]:
    steps, rendering = [], session.render(specs := {digest(spec): spec for spec in wanted}, specs)
    while True:
        try:
            steps.append(next(rendering))
        except StopIteration as ended:
            return steps, ended.value


def exhaust_memory() -> None:
    """Make torch's own allocator fail."""
    torch.empty(2**50)


def test_batches_get_narrower_until_they_fit_and_stored_frames_stay(session: RenderSession) -> None:
    runs: list[int] = []

    def limit(network: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        runs.append(len(inputs[0]))
        if len(inputs[0]) > 2:
            exhaust_memory()

    session.checkpoint.unet.register_forward_pre_hook(limit)
    wanted = frames(session, 8)
    stored = session.store.write(wanted[0], np.zeros((96, 96, 3), np.uint8))
    _, rendering = render(session, wanted)
    assert rendering.count.generated == 7
    assert rendering.count.notes == tuple(f"memory ran out: the remaining frames are rendered in batches of {width}" for width in (4, 2))
    assert rendering.renamed[stored] == stored
    assert all(session.store.has(name) for name in rendering.renamed.values())
    assert max(runs[-4:]) <= 2


def test_a_single_frame_that_does_not_fit_is_decoded_in_tiles(session: RenderSession) -> None:
    vae = session.checkpoint.vae

    def limit(network: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        if max(inputs[0].shape[-2:]) > vae.tile_latent_min_size:
            exhaust_memory()

    vae.decoder.register_forward_pre_hook(limit)
    (wanted,) = frames(session, 1)
    steps, rendering = render(session, [wanted])
    note = "memory ran out: the remaining frames are rendered one at a time and decoded in tiles"
    assert rendering.count.notes == (note,)
    assert note in [step.note for step in steps]
    (spec,) = rendering.specs.values()
    assert isinstance(spec, Generated)
    assert spec.approximations == (TILED_VAE,)
    assert session.store.read(digest(spec)).shape == (96, 96, 3)
    assert not vae.use_tiling


def test_what_does_not_fit_in_tiles_is_an_error_that_says_what_to_do(session: RenderSession) -> None:
    session.checkpoint.vae.decoder.register_forward_pre_hook(lambda *_: exhaust_memory())
    with pytest.raises(OutOfMemory, match="do not fit in memory: choose a smaller --size"):
        render(session, frames(session, 2))


def test_an_image_of_one_tile_is_the_same_in_tiles(session: RenderSession) -> None:
    vae = session.checkpoint.vae
    one = torch.randn(1, session.checkpoint.info.latent_channels, 4, 4, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(TiledAutoencoder(vae).decode(one), VaeAutoencoder(vae).decode(one))


def test_switching_styles_leaves_nothing_in_memory(session: RenderSession, tmp_path: Path) -> None:
    weight, styles = session.checkpoint.unet.get_submodule(QUERY.removeprefix("unet.")).weight, []
    for number in range(2 * ADAPTERS):
        layer = LoraLayer(down=torch.full((1, weight.shape[1]), number / 100), up=torch.ones(weight.shape[0], 1))
        write_adapter(Adapter(name="style", layers={QUERY: layer}), file := tmp_path / f"{number}.safetensors")
        styles.append((str(number), StyleFiles(name="style", files=(file,))))
    loaded, (plain,) = session.loaded.reopened(styles=tuple(styles)), frames(session, 1)
    before, sizes = weight.clone(), list[int]()
    for name, _ in styles:
        list(LocalExecutor(loaded).run([Batch(frames=(replace(plain, styles=(AppliedStyle(style=name),)),))]))
        gc.collect()
        sizes.append(sum(one.nbytes for one in gc.get_objects() if issubclass(type(one), torch.Tensor)))
    assert len(set(sizes[ADAPTERS:])) == 1
    assert torch.equal(weight, before)


def test_fifty_prompts_and_styles_leave_no_more_in_memory_than_a_few(
    session: RenderSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sakuga.models.checkpoint.PROMPTS", 4)
    checkpoint = session.checkpoint
    first = checkpoint.encode_prompts(["cat 0"])
    for number in range(50):
        checkpoint.encode_prompts([f"cat {number}", f"dog {number}"])
    assert len(checkpoint._prompt_cache) == 4
    assert torch.equal(checkpoint.encode_prompts(["cat 0"]), first)

    layer = LoraLayer(down=torch.ones(1, 8), up=torch.ones(8, 1))
    write_adapter(Adapter(name="style", layers={QUERY: layer}), tmp_path / "style.safetensors")
    styles = tuple((str(number), StyleFiles(name="style", files=(tmp_path / "style.safetensors",))) for number in range(50))
    loaded = session.loaded.reopened(styles=styles)
    kept = [loaded.adapter(digest) for digest, _ in styles]
    assert loaded.adapter(styles[-1][0]) is kept[-1]
    assert loaded.adapter(styles[0][0]) is not kept[0]
    assert len(loaded._adapters) == ADAPTERS
