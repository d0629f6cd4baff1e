"""Long, composed and changing prompts: equal to plain encoding where they say the same, and to the formulas elsewhere."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning
from sakuga.models.prompt_chunks import chunk_tokens
from sakuga.models.sampling import sample
from sakuga.models.step_prompts import StepPrompts, frame_prompts
from sakuga.models.tokenization import Tokens
from sakuga.timeline.prompts import prompt_of, uses_whole_grammar
from sakuga.timeline.spec import Generated, Interpolated, Prompt, digest, from_json, to_json

LONG = ", ".join(f"castle{number} tree" for number in range(30))


@pytest.fixture(scope="module", params=["sd", "xl"])
def checkpoint(request: pytest.FixtureRequest, tiny_folder: Path, tiny_xl_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder if request.param == "sd" else tiny_xl_folder)))


def unseen(name: str) -> Any:
    raise AssertionError(name)


def encoded(checkpoint: Checkpoint, text: str) -> torch.Tensor:
    return checkpoint.encode_prompts([text])


def whole(text: str, **options: Any) -> Prompt:
    return Prompt(prompt=text, grammar="whole", **options)


def at(checkpoint: Checkpoint, prompt: Any, step: int = 0, steps: int = 4, negative: Any = None) -> StepPrompts:
    prompts, _ = frame_prompts(checkpoint, [prompt], [negative or Prompt(prompt="")], unseen)
    assert not isinstance(prompts, torch.Tensor)
    return prompts(step, steps)


def latents(checkpoint: Checkpoint, prompts: Any, guidance: float = 4.0) -> torch.Tensor:
    embeds, negative = frame_prompts(checkpoint, prompts, [Prompt(prompt="grey")] * len(prompts), unseen)
    noise = torch.randn(len(prompts), 8, 8, 8, generator=torch.Generator().manual_seed(1))
    inputs: dict[str, Any] = {"prompt_embeds": embeds, "negative_prompt_embeds": negative, "noise": iter([noise])}
    *_, last = sample(checkpoint, **inputs, sampler="ddim", steps=4, guidance_scale=guidance)
    return last.latents


def test_a_prompt_of_one_chunk_is_the_plain_encoding_to_the_bit(checkpoint: Checkpoint) -> None:
    for text in ("a castle", "a (red:1.4) castle", ""):
        assert torch.equal(at(checkpoint, whole(text)).parts[0], encoded(checkpoint, text))
        assert torch.equal(latents(checkpoint, [whole(text)]), latents(checkpoint, [Prompt(prompt=text)]))


def test_break_begins_a_chunk_and_each_is_encoded_alone(checkpoint: Checkpoint) -> None:
    both = at(checkpoint, whole("a castle BREAK a (tree:1.3)"), negative=Prompt(prompt="grey"))
    first, *pooled = checkpoint.split_pooled(encoded(checkpoint, "a castle"))
    second, *_ = checkpoint.split_pooled(encoded(checkpoint, "a (tree:1.3)"))
    assert torch.equal(both.parts[0], torch.cat([first, second, *pooled], dim=1))
    grey, *its_pooled = checkpoint.split_pooled(encoded(checkpoint, "grey"))
    empty, *_ = checkpoint.split_pooled(encoded(checkpoint, ""))
    assert torch.equal(both.negative, torch.cat([grey, empty, *its_pooled], dim=1))
    zeros = at(checkpoint, whole("a castle BREAK a tree")).negative
    assert bool(zeros.any()) != checkpoint.info.zeros_for_empty_prompt


def test_long_prompts_lose_no_word_and_short_ones_are_padded_with_empty_chunks(checkpoint: Checkpoint) -> None:
    prompt = prompt_of(LONG)
    assert uses_whole_grammar(prompt)
    other = prompt_of(LONG + ", sea")
    assert not torch.equal(at(checkpoint, prompt).parts[0], at(checkpoint, other).parts[0])
    assert at(checkpoint, prompt).parts[0].shape[1] > 2 * 77
    assert latents(checkpoint, [prompt]).isfinite().all()


def test_and_adds_weighted_directions_to_the_unconditional_prediction(checkpoint: Checkpoint) -> None:
    composed = at(checkpoint, whole("a castle AND a tree :0.5"))
    assert composed.weights.tolist() == [[1.0], [0.5]]
    assert torch.equal(composed.parts[1], encoded(checkpoint, "a tree"))
    same = latents(checkpoint, [whole("a castle AND a castle")], guidance=2.0)
    assert torch.allclose(same, latents(checkpoint, [Prompt(prompt="a castle")], guidance=4.0), atol=1e-4)
    without = latents(checkpoint, [whole("a castle AND a tree :0")])
    assert torch.allclose(without, latents(checkpoint, [Prompt(prompt="a castle")]), atol=1e-4)
    halves = latents(checkpoint, [whole("a castle AND a castle")], guidance=1.0)
    assert torch.allclose(halves, latents(checkpoint, [Prompt(prompt="a castle")], guidance=1.0), atol=1e-4)


def test_a_prompt_changes_at_its_step(checkpoint: Checkpoint) -> None:
    prompt = whole("a [castle:tree:0.5]")
    for step, text in enumerate(["a castle", "a castle", "a tree", "a tree"]):
        assert torch.equal(at(checkpoint, prompt, step).parts[0], encoded(checkpoint, text))
    never = latents(checkpoint, [whole("a [castle:tree:4]")])
    assert torch.equal(never, latents(checkpoint, [Prompt(prompt="a castle")]))
    assert not torch.equal(latents(checkpoint, [prompt]), never)


def test_frames_of_different_parts_and_lengths_share_a_batch(checkpoint: Checkpoint) -> None:
    prompts = [whole("a castle AND a tree"), whole("a castle BREAK a tree"), Prompt(prompt="a castle")]
    embeds, _ = frame_prompts(checkpoint, prompts, [Prompt(prompt="")] * 3, unseen)
    assert not isinstance(embeds, torch.Tensor)
    together = embeds(0, 4)
    assert together.weights.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert len({part.shape for part in together.parts}) == 1


def test_an_interpolation_of_different_lengths_ends_at_both(checkpoint: Checkpoint) -> None:
    first, second = whole("a castle BREAK a tree"), Prompt(prompt="a castle")
    for place, end in ((0.0, first), (1.0, second)):
        between = at(checkpoint, Interpolated(first=first, second=second, at=place)).parts[0]
        expected = at(checkpoint, end, negative=first).parts[0]
        assert torch.allclose(between, expected, atol=1e-5)


def test_the_rule_of_a1111_scales_and_restores_the_mean(checkpoint: Checkpoint) -> None:
    plain = encoded(checkpoint, "a red castle")
    scaled = at(checkpoint, whole("a (red:1.5) castle", weighting="a1111")).parts[0]
    tokens, *pooled = checkpoint.split_pooled(scaled)
    before, *its_pooled = checkpoint.split_pooled(plain)
    assert all(torch.equal(*pair) for pair in zip(pooled, its_pooled, strict=True))
    widths = [encoder.network.config.hidden_size for encoder in checkpoint.text_encoders]
    for mine, original in zip(tokens.split(widths, dim=2), before.split(widths, dim=2), strict=True):
        assert torch.allclose(mine.mean(), original.mean(), atol=1e-6)
    assert not torch.allclose(tokens, before, atol=1e-3)
    assert torch.equal(at(checkpoint, whole("a red castle", weighting="a1111")).parts[0], plain)


def test_an_encoding_of_a_composed_prompt_is_its_first_part(checkpoint: Checkpoint) -> None:
    first = encode_conditioning(checkpoint, whole("a [castle:tree:0.5] AND snow"), unseen)
    assert torch.equal(first, encoded(checkpoint, "a castle"))


def test_plain_prompts_keep_their_names_and_composed_ones_have_their_own() -> None:
    def spec(prompt: Prompt) -> Generated:
        values = '{"kind":"generated","checkpoint":"c","conditioning":{"kind":"prompt","prompt":"x"},"noise":{"kind":"seed","seed":1},'
        made = from_json(values + '"width":8,"height":8,"sampler":"ddim","steps":1,"guidance":1.0}')
        assert isinstance(made, Generated)
        return replace(made, conditioning=prompt)

    assert '"grammar"' not in to_json(spec(prompt_of("a castle")))
    assert digest(spec(prompt_of("a castle"))) == digest(spec(Prompt(prompt="a castle")))
    assert digest(spec(prompt_of("a BREAK castle"))) != digest(spec(Prompt(prompt="a BREAK castle")))


def tokens_of(words: list[str]) -> tuple[Tokens, str]:
    """Number words as one token each, with their places in the text."""
    text, places, at = " ".join(words), [(0, 0)], 0
    for word in words:
        places.append((at, at + len(word)))
        at += len(word) + 1
    return Tokens((-1, *range(len(words)), -2), (*places, (0, 0))), text


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ([], [0]),
        (["w"] * 75, [75]),
        (["w"] * 76, [75, 1]),
        (["w"] * 160, [75, 75, 10]),
        ([*["w"] * 59, ",", *["w"] * 40], [60, 40]),  # the comma is among the last 20
        ([*["w"] * 54, ",", *["w"] * 40], [75, 20]),  # it is not
        ([*["w"] * 75, ",", "w"], [75, 2]),
        (["w", "BREAK", "w", "w"], [1, 2]),
        (["BREAK", "w"], [0, 1]),
    ],
)
def test_chunks_are_counted_as_in_a1111(words: list[str], sizes: list[int]) -> None:
    tokens, text = tokens_of(words)
    chunks = chunk_tokens(tokens, text, 75)
    assert [len(chunk.ids) - 2 for chunk in chunks] == sizes
    kept = [number for chunk in chunks for number in chunk.ids[1:-1]]
    assert kept == [number for number, word in enumerate(words) if word != "BREAK"]
