"""CPU time of a large UNet: plain diffusers against OpenVINO, one row, random weights.

    OMP_NUM_THREADS=1 python benchmarks/large_unet.py [--precision fp32 bf16] [--size 512] [--repeats 3] [--channels 320 640 1280 1280]

The UNet has the config of Stable Diffusion 1.5. Both sides run in this process on one thread, in the order A B B A; plain runs in fp32
always. Outputs are compared first: fp32 must agree to 1e-3 of a standard deviation, and for bf16 the loss is given. Needs 12 GB; with half
the channels 3 GB. Prints one JSON object for each number format: median CPU seconds, the median of the ratios with their range, and the
cost of conversion (once on a machine) with compiling (once a process).
"""

import argparse
import json
from statistics import median
from time import process_time
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from sakuga.models.openvino.networks import OpenVinoNetwork

CHANNELS = (320, 640, 1280, 1280)
"""Of Stable Diffusion 1.5."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def build(channels: list[int]) -> Any:
    """Return a UNet of Stable Diffusion 1.5 with random weights, frozen."""
    torch.manual_seed(0)
    network = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, block_out_channels=channels, attention_head_dim=8)
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def compare(network: Any, precision: str, side: int, repeats: int) -> dict[str, Any]:
    """Time one forward pass on either side."""
    generator = torch.Generator().manual_seed(1)
    latents, text = torch.randn(1, 4, side, side, generator=generator), torch.randn(1, 77, 768, generator=generator)
    expected = network(latents, torch.tensor(500), encoder_hidden_states=text, return_dict=False)[0]
    notes: list[str] = []
    with torch.inference_mode(False):
        ours = OpenVinoNetwork("the UNet", network, notes, arithmetic="bf16" if precision == "bf16" else None)

    def clock(call: Any) -> float:
        started = process_time()
        call(latents, torch.tensor(500), encoder_hidden_states=text, return_dict=False)
        return process_time() - started

    first = clock(ours)
    difference = (ours(latents, torch.tensor(500), encoder_hidden_states=text)[0].float() - expected).square().mean().sqrt()
    times = []
    for _ in range(repeats):
        runs = [clock(call) for call in (network, ours, ours, network)]
        times.append((runs[0] + runs[3], runs[1] + runs[2]))
    ratios = [plain / other for plain, other in times]
    whole = tuple(network.config.block_out_channels) == CHANNELS
    share = "" if whole else f" with {network.config.block_out_channels[0] / CHANNELS[0]:g} of its channels"
    return {
        "row": f"UNet of Stable Diffusion 1.5{share}, {8 * side} px, one row, {precision}",
        "engine": ours.engine,
        "plain_cpu_s": round(median(plain for plain, _ in times) / 2, 3),
        "ours_cpu_s": round(median(other for _, other in times) / 2, 3),
        "ratio": round(median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        "relative_difference": float(f"{float(difference / expected.std()):.2g}"),
        "first_call_cpu_s": round(first, 1),
        "notes": notes,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--channels", type=int, nargs="+", default=CHANNELS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = build(arguments.channels)
    for precision in arguments.precision:
        print(json.dumps(compare(network, precision, arguments.size // 8, arguments.repeats)), flush=True)


if __name__ == "__main__":
    main()
