"""CPU time and memory of one guided step of a whole UNet with random weights in bf16.

    OMP_NUM_THREADS=1 python benchmarks/full_size.py [--family sdxl] [--size 1024]

Its time and memory count, not what it draws. Text encoders and VAE come beside it. Needs 3 GB, for SDXL 8 GB. Prints one JSON object.
"""

import argparse
import json
import resource
from time import process_time
from typing import Any

import torch
from diffusers import UNet2DConditionModel

FAMILIES: dict[str, dict[str, Any]] = {
    "sd-1.5": {"cross_attention_dim": 768, "attention_head_dim": 8},
    "sdxl": {
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
"""Configs as published, where they differ from diffusers' defaults."""


def build(family: str) -> Any:
    """Return a UNet with random weights; the network is never held in fp32."""
    torch.manual_seed(0)
    with torch.device("meta"):
        network: Any = UNet2DConditionModel(**FAMILIES[family])
    network = network.to(torch.bfloat16).to_empty(device="cpu").eval().requires_grad_(False)
    for weights in network.parameters():
        weights.normal_(0, 0.02)
    return network


@torch.inference_mode()
def step(network: Any, side: int) -> float:
    """Return the CPU seconds of one call with both halves of guidance."""
    latents, text = torch.randn(2, 4, side, side).bfloat16(), torch.randn(2, 77, network.config.cross_attention_dim).bfloat16()
    added = {"text_embeds": torch.randn(2, 1280).bfloat16(), "time_ids": torch.full((2, 6), 8.0 * side).bfloat16()}
    started = process_time()
    network(latents, torch.tensor(500), encoder_hidden_states=text, added_cond_kwargs=added, return_dict=False)
    return process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES, default="sdxl")
    parser.add_argument("--size", type=int, default=1024, help="pixels of a side")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = build(arguments.family)
    weights = sum(one.numel() for one in network.parameters())
    times = [step(network, arguments.size // 8) for _ in range(2)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = {"step_cpu_s": round(min(times), 1), "memory_gb": round(memory, 1), "weights_millions": round(weights / 1e6)}
    print(json.dumps({"family": arguments.family, "size": arguments.size, **figures}))


if __name__ == "__main__":
    main()
