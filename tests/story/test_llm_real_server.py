"""The language model planner against a real server with a tiny trained model."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sakuga.story.llm import LLMPlanner, server_of

IDEA = "a castle"
QUESTION = f"Plan exactly 2 shots for this idea: {IDEA}"
SHOTS = ["a castle at dawn", "a castle at night"]
ANSWER = json.dumps({"bible": {"subject": "a castle", "style": "pixel art"}, "shots": [{"prompt": shot} for shot in SHOTS]})
TEMPLATE = "{% set content = messages[-1]['content'] %}{{ content if content is string else content[0]['text'] }}{{ '\n' }}"


def learn_by_heart(folder: Path) -> None:
    """Train a byte-level Llama of two layers until it gives ANSWER to QUESTION, and save it for transformers."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate([*letters, "<end>"])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    fast.chat_template = TEMPLATE
    torch.manual_seed(0)
    end = fast.eos_token_id
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(fast), max_position_embeddings=512, bos_token_id=end, eos_token_id=end, **sizes))
    question = fast(f"{QUESTION}\n")["input_ids"]
    tokens = torch.tensor([[*question, *fast(ANSWER)["input_ids"], end]])
    labels = tokens.clone()
    labels[:, : len(question)] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(400):
        loss = model(input_ids=tokens, labels=labels).loss
        if loss.item() < 0.01:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    model.generation_config.do_sample = False
    model.generation_config.max_new_tokens = 400
    model.save_pretrained(folder)
    fast.save_pretrained(folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Yield the address of `transformers serve` and its model folder."""
    folder = tmp_path_factory.mktemp("llama")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    transformers = Path(sys.executable).with_name("transformers")
    command = [str(transformers), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = tmp_path_factory.mktemp("log") / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        learn_by_heart(folder)  # While the server starts.
        _wait_for(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1", folder
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(900):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_a_real_model_behind_a_real_server_plans_a_film(served: tuple[str, Path]) -> None:
    address, folder = served
    planner = LLMPlanner(server=server_of(f"{address}#{folder}", {}))
    board = planner.plan(IDEA, shots=2, seconds=3.0, seed=0)
    assert [shot.prompt for shot in board.shots] == SHOTS
    assert (board.bible.subject, board.bible.style) == ("a castle", "pixel art")
