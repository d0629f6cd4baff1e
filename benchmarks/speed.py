"""CPU time of generation: plain layers and padded batches against what this package does.

    OMP_NUM_THREADS=1 python benchmarks/speed.py [--repeats 5] [--rows unet image morph chain] [--model sketchbook]

Both sides run in this process on one thread with the same weights, specs and seeds, in the order A B B A. "plain" has the layers of torch,
computes constants at each step and pads a short batch to its planned width. Frames must agree to one grey level, or the row is void; in a
chain each frame is compared from the same predecessor, since a chain multiplies any rounding.
Prints one JSON object for each row: median CPU seconds of either side, the median of the ratios with their range, and the largest
difference in grey levels. Loading, and the proof that a short batch needs no padding, come before the clock starts; the row `proof` has
the cost of one.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import nn

from sakuga.models.batch_invariance import ShortBatch, prove
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.memoization import ControlImageEmbedding
from sakuga.models.packing import PackedConv2d, PackedLinear
from sakuga.rendering import executor as executors
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import ControlImage, Digest, Generated, InitImage, Interpolated, Prompt, SeedNoise, digest

SETTINGS: dict[str, Any] = {"width": 128, "height": 128, "steps": 20, "guidance": 4.0}
ROWS = ("unet", "image", "morph", "chain", "proof")


@contextmanager
def plain_layers(checkpoint: Checkpoint) -> Iterator[None]:
    """Run a checkpoint's networks as torch and diffusers make them, and pad short batches."""
    networks = [checkpoint.unet, checkpoint.vae, checkpoint.controlnet]
    before = [(module, type(module)) for network in networks for module in network.modules()]
    for module, kind in before:
        for fast, plain in ((PackedLinear, nn.Linear), (PackedConv2d, nn.Conv2d), (ControlImageEmbedding, ControlNetConditioningEmbedding)):
            if issubclass(kind, fast):
                module.__class__ = plain
    try:
        with patch.object(executors, "is_batch_invariant", lambda _, batch: batch.frames == batch.planned):
            yield
    finally:
        for module, kind in before:
            module.__class__ = kind


def morph(checkpoint: Digest, frames: int = 16) -> list[Generated]:
    """Frames of a morph, in batches of 8."""
    ends = Prompt(prompt="a castle by the sea at sunset"), Prompt(prompt="a snowy forest at night")
    places = [Interpolated(first=ends[0], second=ends[1], at=place / (frames - 1)) for place in range(frames)]
    return [Generated(checkpoint=checkpoint, conditioning=place, noise=SeedNoise(seed=1), batch=8, **SETTINGS) for place in places]


def chain(checkpoint: Digest, frames: int = 8) -> list[Generated]:
    """A chain of frames, each from the one before, with a depth ControlNet."""
    made = [Generated(checkpoint=checkpoint, conditioning=Prompt(prompt="a castle by the sea"), noise=SeedNoise(seed=1), **SETTINGS)]
    for seed in range(2, frames + 1):
        last = digest(made[-1])
        init, control = InitImage(frame=last, strength=0.5), ControlImage(frame=last, depth="luminance")
        made.append(
            Generated(
                checkpoint=checkpoint, conditioning=made[0].conditioning, noise=SeedNoise(seed=seed), init=init, control=control, **SETTINGS
            )
        )
    return made


def render(executor: LocalExecutor, specs: list[Generated]) -> np.ndarray:
    """Render into an empty store: (frames, height, width, 3) integers."""
    with tempfile.TemporaryDirectory() as folder:
        executor = LocalExecutor(executor.loaded.reopened(Path(folder)))
        by_name = {digest(spec): spec for spec in specs}
        list(executor.run(plan_batches(by_name, by_name, executor.store.has)))
        return np.stack([executor.store.read(name) for name in by_name]).astype(int)


def link_difference(executor: LocalExecutor, specs: list[Generated]) -> float:
    """Return the largest difference of a chain's frames, each from the plain predecessor, in grey levels."""
    with tempfile.TemporaryDirectory() as folder:
        plain = LocalExecutor(executor.loaded.reopened(Path(folder)))
        worst = 0
        for spec in specs:
            list(plain.run([Batch(frames=(spec,))]))
            ours = plain.store.read(digest(spec)).astype(int)
            with plain_layers(executor.loaded.checkpoint):
                list(plain.run([Batch(frames=(spec,))]))
            worst = max(worst, int(np.abs(ours - plain.store.read(digest(spec))).max()))
        return worst


def predict(checkpoint: Checkpoint, rows: int) -> np.ndarray:
    """Call the UNet once, as a guided step of `rows` / 2 frames does; in hundredths of a standard deviation."""
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        noisy = torch.randn(rows, checkpoint.info.latent_channels, 16, 16, generator=generator)
        return checkpoint.forward(noisy, 500, checkpoint.zero_embeds().expand(rows, -1, -1)).numpy() * 100


def compare(
    name: str, run: Callable[[], np.ndarray], checkpoint: Checkpoint, repeats: int, difference: Callable[[], float] | None = None
) -> dict[str, Any]:
    """Time a row in the order A B B A; `difference` says how far frames are apart where the outputs do not."""

    def clock(plain: bool) -> tuple[float, np.ndarray]:
        with plain_layers(checkpoint) if plain else nullcontext():
            started = process_time()
            made = run()
            return process_time() - started, made

    clock(True), clock(False)
    times: list[tuple[float, float]] = []
    worst = 0.0
    for _ in range(repeats):
        runs = [clock(plain) for plain in (True, False, False, True)]
        times.append((runs[0][0] + runs[3][0], runs[1][0] + runs[2][0]))
        worst = max(worst, float(np.abs(runs[0][1] - runs[1][1]).max()))
    if difference:
        worst = difference()
    ratios = [plain / ours for plain, ours in times]
    return {
        "row": name,
        "plain_cpu_s": round(median(plain for plain, _ in times) / 2, 4),
        "ours_cpu_s": round(median(ours for _, ours in times) / 2, 4),
        "ratio": round(median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        "difference": round(worst, 4),
        "valid": worst <= 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--model", default="sketchbook")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = find_checkpoint(arguments.model)
    resources = Resources(
        checkpoint=files.folder, checkpoint_name=files.name, checkpoint_digest=files.digest, store=Path("unused"), device="cpu"
    )
    executor = LocalExecutor(resources)
    checkpoint = executor.loaded.checkpoint
    for row in arguments.rows:
        runs: dict[str, Callable[[], np.ndarray]] = {}
        match row:
            case "unet":
                runs = {f"UNet forward, {rows} rows": lambda rows=rows: predict(checkpoint, rows) for rows in (2, 16)}
            case "image":
                runs = {"one image of a batch of 8": lambda: render(executor, morph(files.digest)[:1])}
            case "morph":
                runs = {"morph of 16 frames": lambda: render(executor, morph(files.digest))}
            case "chain":
                runs = {"chain of 8 frames with control": lambda: render(executor, chain(files.digest))}
            case "proof":
                started = process_time()
                short = ShortBatch(frames=1, planned=8, latents=(checkpoint.info.latent_channels, 16, 16), guided=True, control=False)
                holds = prove(checkpoint, short)
                print(
                    json.dumps({"row": "proof of one shape", "ours_cpu_s": round(process_time() - started, 3), "holds": holds}), flush=True
                )
        for name, run in runs.items():
            links = partial(link_difference, executor, chain(files.digest)) if row == "chain" else None
            print(json.dumps(compare(name, run, checkpoint, arguments.repeats, links)), flush=True)


if __name__ == "__main__":
    main()
