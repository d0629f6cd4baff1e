"""CPU time of generation: plain diffusers against what this package does.

    OMP_NUM_THREADS=1 python benchmarks/speed.py [--repeats 3] [--rows unet image chain morph ...] [--engine auto]

Both sides run in this process on one thread with the same weights, specs, seeds and steps, in the order A B B A. "plain" has the networks
as diffusers makes them in fp32, and calls them a frame at a time; "ours" is what a render does by default. Equality comes first: frames
must agree to one grey level, or the row is void; in a chain each frame is compared from the same predecessor, since a chain multiplies any
rounding. Rows in bf16 are approximations, so their loss is given in place of it. Loading, conversion, compiling, and proofs that a short
batch needs no padding come before the clock starts. Prints one JSON object for each row: median CPU seconds of either side, the median of
the ratios with their range, and the difference in grey levels (largest, mean).
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from sakuga.models import checkpoint as checkpoints
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.story.options import Engine
from sakuga.timeline.spec import ControlImage, Generated, InitImage, Interpolated, Precision, Prompt, SeedNoise, digest

SETTINGS: dict[str, Any] = {"width": 128, "height": 128, "steps": 20, "guidance": 4.0}
BATCH = 8
"""Frames that ours renders together."""
ROWS = ("unet", "image", "chain", "morph", "chain-bf16", "morph-bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison; `run` renders with one side's executor, so many frames a call, and returns what is compared."""

    name: str
    run: Callable[[LocalExecutor, int], np.ndarray]
    precision: Precision = "fp32"
    difference: Callable[[LocalExecutor, LocalExecutor], np.ndarray] | None = None
    """Grey levels between the sides, where the outputs themselves are not compared."""
    flops: Callable[[LocalExecutor], int] | None = None
    """Floating-point operations of one run, where the share of the core's best is reported."""


@contextmanager
def plain_networks() -> Iterator[None]:
    """Load networks as diffusers makes them."""
    with patch.object(checkpoints, "pack_network", lambda _: None), patch.object(checkpoints, "memoize_constants", lambda _: None):
        yield


def executor_of(model: str, engine: Engine, precision: Precision = "fp32") -> LocalExecutor:
    """Load a checkpoint's networks."""
    files = find_checkpoint(model)
    plain = {"checkpoint": files.folder, "checkpoint_name": files.name, "checkpoint_digest": files.digest}
    executor = LocalExecutor(Resources(**plain, store=Path("unused"), device="cpu", engine=engine, precision=precision))
    assert executor.loaded.checkpoint.controlnet
    return executor


def morph(executor: LocalExecutor, frames: int, batch: int) -> list[Generated]:
    """Frames of a morph."""
    ends = Prompt(prompt="a castle by the sea at sunset"), Prompt(prompt="a snowy forest at night")
    places = [Interpolated(first=ends[0], second=ends[1], at=place / max(frames - 1, 1)) for place in range(frames)]
    return [Generated(**_common(executor), conditioning=place, noise=SeedNoise(seed=1), batch=batch) for place in places]


def chain(executor: LocalExecutor, frames: int) -> list[Generated]:
    """A chain of frames, each from the one before, with a depth ControlNet."""
    made = [Generated(**_common(executor), conditioning=Prompt(prompt="a castle by the sea"), noise=SeedNoise(seed=1))]
    for seed in range(2, frames + 1):
        last = digest(made[-1])
        init, control = InitImage(frame=last, strength=0.5), ControlImage(frame=last, depth="luminance")
        made.append(replace(made[0], noise=SeedNoise(seed=seed), init=init, control=control))
    return made


def _common(executor: LocalExecutor) -> dict[str, Any]:
    resources = executor.loaded.resources
    return {"checkpoint": resources.checkpoint_digest, "precision": resources.precision, **SETTINGS}


def render(executor: LocalExecutor, specs: list[Generated]) -> np.ndarray:
    """Render into an empty store: (frames, height, width, 3) integers."""
    with tempfile.TemporaryDirectory() as folder:
        executor = LocalExecutor(executor.loaded.reopened(Path(folder)))
        by_name = {digest(spec): spec for spec in specs}
        list(executor.run(plan_batches(by_name, by_name, executor.store.has)))
        return np.stack([executor.store.read(name) for name in by_name]).astype(int)


def link_differences(plain: LocalExecutor, ours: LocalExecutor, frames: int) -> np.ndarray:
    """Return differences of a chain's frames, each from the plain predecessor, in grey levels."""
    specs, others = chain(plain, frames), chain(ours, frames)
    found = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        one, two = (LocalExecutor(side.loaded.reopened(Path(place))) for side, place in ((plain, folder), (ours, beside)))
        for spec, other in zip(specs, others, strict=True):
            if spec.init:
                image = one.store.read(spec.init.frame)
                start = digest(two.store.write_given(image))
                other = replace(other, init=replace(other.init, frame=start), control=replace(other.control, frame=start))
            list(one.run([Batch(frames=(spec,))]))
            list(two.run([Batch(frames=(other,))]))
            found.append(np.abs(one.store.read(digest(spec)).astype(int) - two.store.read(digest(other)).astype(int)))
    return np.stack(found)


def predict(executor: LocalExecutor, rows: int) -> np.ndarray:
    """Call the UNet once; in hundredths of a standard deviation."""
    checkpoint, generator = executor.loaded.checkpoint, torch.Generator().manual_seed(1)
    with torch.inference_mode():
        noisy = torch.randn(rows, checkpoint.info.latent_channels, 16, 16, generator=generator).to(checkpoint.dtype)
        return checkpoint.forward(noisy, torch.tensor(500), checkpoint.zero_embeds().expand(rows, -1, -1)).float().numpy() * 100


def unet_flops(executor: LocalExecutor, rows: int) -> int:
    """Count the operations of one call of the UNet, as torch does."""
    with FlopCounterMode(display=False) as counter:
        predict(executor, rows)
    return counter.get_total_flops()


def best_speed() -> float:
    """Return the operations a second of a matrix product in fp32: what this core can do."""
    first, second = torch.randn(2, 1536, 1536)
    times = []
    for _ in range(8):
        started = process_time()
        torch.mm(first, second)
        times.append(process_time() - started)
    return 2 * 1536**3 / min(times)


def rows(names: list[str], frames: int) -> Iterator[Row]:
    """Yield the comparisons of these names."""
    for name in names:
        kind, _, precision = name.partition("-")
        number: Precision = "bf16" if precision else "fp32"
        title = ", bf16" if precision else ""
        match kind:
            case "unet":
                for count in (2, 16):
                    yield Row(
                        name=f"UNet forward, {count} rows",
                        run=lambda side, _, count=count: predict(side, count),
                        flops=lambda side, count=count: unet_flops(side, count),
                        precision=number,
                    )
            case "image":
                yield Row(name="one image", run=lambda side, batch: render(side, morph(side, 1, batch)), precision=number)
            case "chain":
                yield Row(
                    name=f"chain of {frames}, img2img + ControlNet{title}",
                    run=lambda side, _: render(side, chain(side, frames)),
                    precision=number,
                    difference=lambda plain, ours: link_differences(plain, ours, min(frames, 8)),
                )
            case "morph":
                yield Row(
                    name=f"morph of {frames}{title}", run=lambda side, batch: render(side, morph(side, frames, batch)), precision=number
                )


def compare(row: Row, plain: LocalExecutor, ours: LocalExecutor, repeats: int) -> dict[str, Any]:
    """Time a row in the order A B B A, after checking that both sides make the same."""

    def clock(side: LocalExecutor) -> float:
        started = process_time()
        row.run(side, 1 if side is plain else BATCH)
        return process_time() - started

    difference = row.difference(plain, ours) if row.difference else np.abs(row.run(plain, 1) - row.run(ours, BATCH))
    clock(ours)
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        runs = [clock(side) for side in (plain, ours, ours, plain)]
        times.append(((runs[0] + runs[3]) / 2, (runs[1] + runs[2]) / 2))
    ratios = [before / after for before, after in times]
    share = {}
    if row.flops:
        share = {"utilisation": round(row.flops(plain) / median(after for _, after in times) / best_speed(), 3)}
    return {
        "row": row.name,
        "engine": ours.loaded.checkpoint.engine,
        "plain_cpu_s": round(median(before for before, _ in times), 4),
        "ours_cpu_s": round(median(after for _, after in times), 4),
        "ratio": round(median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        **share,
        "difference": [round(float(difference.max()), 4), round(float(difference.mean()), 4)],
        "valid": bool(difference.max() <= 1) or row.precision != "fp32",
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--engine", choices=("auto", "torch", "openvino"), default="auto")
    parser.add_argument("--model", default="sketchbook")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with plain_networks():
        plain = executor_of(arguments.model, "torch")
        sides: dict[Precision, LocalExecutor] = {}
    for row in rows(arguments.rows, arguments.frames):
        if row.precision not in sides:
            sides[row.precision] = executor_of(arguments.model, arguments.engine, row.precision)
        print(json.dumps(compare(row, plain, sides[row.precision], arguments.repeats)), flush=True)


if __name__ == "__main__":
    main()
