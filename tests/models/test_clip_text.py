"""CLIP's text encoder, compared with transformers."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.clip_text import ClipTextEncoder, is_plain_clip
from sakuga.models.loading import load_text_encoder

IDS = torch.tensor([[1, 5, 7, 9, 3, 3], [1, 8, 3, 3, 3, 3]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0]])


def small(**settings: object) -> CLIPTextConfig:
    sizes = {"vocab_size": 12, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2}
    return CLIPTextConfig(**{**sizes, "max_position_embeddings": 8, "projection_dim": 24, "bos_token_id": 1, "eos_token_id": 3, **settings})


@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("mask", [None, MASK])
def test_it_gives_the_bits_of_transformers(projected: bool, activation: str, attention: str, mask: torch.Tensor | None) -> None:
    torch.manual_seed(0)
    theirs = (CLIPTextModelWithProjection if projected else CLIPTextModel)(small(hidden_act=activation)).eval()
    theirs.set_attn_implementation(attention)
    ours = ClipTextEncoder(theirs.config.to_dict(), projected=projected).eval()
    ours.set_attn_implementation(attention)
    ours.load_state_dict({name.removeprefix("text_model."): value for name, value in theirs.state_dict().items()})
    expected, output = (network(IDS, attention_mask=mask, output_hidden_states=True) for network in (theirs, ours))
    assert torch.equal(output[0], expected[0])
    assert torch.equal(output.last_hidden_state, expected.last_hidden_state)
    assert torch.equal(output.hidden_states[-2], expected.hidden_states[-2])
    if not projected:
        assert torch.equal(output.pooler_output, expected.pooler_output)


def test_an_old_end_mark_means_the_greatest_token_number() -> None:
    torch.manual_seed(0)
    theirs = CLIPTextModel(small(eos_token_id=2)).eval()
    ours = ClipTextEncoder(theirs.config.to_dict()).eval()
    ours.load_state_dict({name.removeprefix("text_model."): value for name, value in theirs.state_dict().items()})
    assert torch.equal(ours(IDS).pooler_output, theirs(IDS).pooler_output)


def test_gradients_reach_the_weights() -> None:
    ours = ClipTextEncoder(small().to_dict())
    ours(IDS).last_hidden_state.sum().backward()
    assert ours.encoder.layers[0].self_attn.q_proj.weight.grad is not None


def test_encoders_unlike_clip_are_loaded_by_transformers(tmp_path: Path, tiny_folder: Path) -> None:
    assert is_plain_clip({"model_type": "clip_text_model"})
    assert not is_plain_clip({"model_type": "clip_text_model", "hidden_act": "relu"})
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for part in tiny_folder.iterdir():
        (folder / part.name).symlink_to(part)
    (folder / "text_encoder").unlink()
    CLIPTextModel(small(hidden_act="relu")).save_pretrained(folder / "text_encoder")
    assert isinstance(load_text_encoder(find_checkpoint(str(folder)), "text_encoder", torch.float32), CLIPTextModel)
    assert isinstance(load_text_encoder(find_checkpoint(str(tiny_folder)), "text_encoder", torch.float32), ClipTextEncoder)
