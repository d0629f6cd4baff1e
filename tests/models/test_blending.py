"""Blends are weighted sums of adapters."""

import pytest
import torch

from sakuga.diffusion.low_rank import low_rank_delta
from sakuga.models.adapters import Adapter, AdapterError, LearnedWord, LoraLayer
from sakuga.models.blending import blend_adapters

FIRST, SECOND, THIRD = "unet.mid_block.resnets.0.conv1", "unet.conv_out", "unet.mid_block.attentions.0.proj_in"


def factors(rank: int, seed: int, window: tuple[int, ...] = (), scale: float = 1.0) -> LoraLayer:
    generator = torch.Generator().manual_seed(seed)
    down = torch.randn(rank, 12, *window, generator=generator)
    return LoraLayer(down=down, up=torch.randn(9, rank, *[1] * len(window), generator=generator), scale=scale)


def change(factors: LoraLayer) -> torch.Tensor:
    return low_rank_delta(factors.down, factors.up).flatten(1) * factors.scale


ONE = Adapter(name="one", layers={FIRST: factors(3, 1, (3, 3), 0.25), THIRD: factors(2, 2)})
OTHER = Adapter(name="other", layers={FIRST: factors(2, 3, (3, 3), 2.0), SECOND: factors(2, 4), THIRD: factors(1, 5, (1, 1))})


def test_a_blend_adds_the_changes_of_other_targets_ranks_and_alphas() -> None:
    made = blend_adapters("made", [(ONE, 0.6), (OTHER, -0.4)])
    assert made.error == 0.0
    for layer, factors in made.adapter.layers.items():
        parts = [(one.layers[layer], weight) for one, weight in ((ONE, 0.6), (OTHER, -0.4)) if layer in one.layers]
        torch.testing.assert_close(change(factors), sum(change(part) * weight for part, weight in parts))
        assert factors.rank == sum(part.rank for part, _ in parts)
    assert made.adapter.layers.keys() == {FIRST, SECOND, THIRD}


@pytest.mark.parametrize("rank", [1, 2, 4, 5, 50])
def test_a_low_rank_blend_is_the_nearest_and_reports_its_error(rank: int) -> None:
    exact, made = blend_adapters("exact", [(ONE, 0.6), (OTHER, 0.4)]).adapter, blend_adapters("made", [(ONE, 0.6), (OTHER, 0.4)], rank)
    lost = whole = best = 0.0
    for layer, expected in exact.layers.items():
        near = made.adapter.layers[layer]
        assert near.rank <= rank
        lost += float((change(near) - change(expected)).square().sum())
        whole += float(change(expected).square().sum())
        best += float(torch.linalg.svdvals(change(expected))[rank:].square().sum())
    assert made.error == pytest.approx((lost / whole) ** 0.5, abs=1e-5)
    assert made.error == pytest.approx((best / whole) ** 0.5, abs=1e-5)
    assert (made.error < 1e-6) == (rank >= 5)


def test_incompatible_blends_are_refused() -> None:
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    sizes = {"a": 768, "b": 1024}
    old, new = (Adapter(name=name, layers={layer: LoraLayer(down=torch.ones(1, sizes[name]), up=torch.ones(4, 1))}) for name in sizes)
    with pytest.raises(AdapterError, match=r"'a' for Stable Diffusion 1.x, 'b' for Stable Diffusion 2.x"):
        blend_adapters("made", [(old, 1.0), (new, 1.0)])
    small = Adapter(name="small", layers={THIRD: LoraLayer(down=torch.ones(1, 5), up=torch.ones(9, 1))})
    with pytest.raises(AdapterError, match=r"differs in size, 'one' \(9 x 12\), 'small' \(9 x 5\)"):
        blend_adapters("made", [(ONE, 1.0), (small, 1.0)])
    words = [Adapter(name=name, learned_words=(LearnedWord(trigger="<cat>", vectors={"text_encoder": torch.ones(1, 8)}),)) for name in "ab"]
    with pytest.raises(AdapterError, match="have the same word"):
        blend_adapters("made", [(one, 1.0) for one in words])
