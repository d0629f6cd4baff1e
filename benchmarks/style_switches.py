"""Memory over many style switches: one frame in each of 50 LoRA styles, by one session.

    OMP_NUM_THREADS=1 python benchmarks/style_switches.py [--styles 50] [--rank 8] [--size 64] [--engine torch]

Styles of random weights change every attention layer of the Sketchbook's UNet, each with a prompt of its own. Prints one JSON object:
resident memory in MB after the networks have run once, and after each tenth switch. It must not grow from the tenth to the last.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from sakuga.models.adapters import Adapter, LoraLayer, write_adapter
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import LoadedResources, StyleFiles
from sakuga.studio.core.render_session import RenderSession
from sakuga.timeline.spec import AppliedStyle, Generated, Prompt, SeedNoise


def write_style(checkpoint: Checkpoint, file: Path, rank: int, seed: int) -> None:
    """Write a LoRA of random weights for all attention layers."""
    generator = torch.Generator().manual_seed(seed)
    layers = {
        f"unet.{name}": LoraLayer(
            down=torch.randn(rank, module.in_features, generator=generator) / 100,
            up=torch.randn(module.out_features, rank, generator=generator) / 100,
        )
        for name, module in checkpoint.unet.named_modules()
        if "attn" in name and isinstance(module, torch.nn.Linear)
    }
    write_adapter(Adapter(name=file.stem, layers=layers), file)


def memory_by_switch(loaded: LoadedResources, styles: int, size: int) -> Iterator[float]:
    """Render a frame in each style; yields MB of resident memory after each."""
    executor = LocalExecutor(loaded)
    for number in range(-1, styles):
        frame = Generated(
            checkpoint=loaded.resources.checkpoint_digest,
            conditioning=Prompt(prompt=f"a castle {number + 1}"),
            noise=SeedNoise(seed=number + 1),
            width=size,
            height=size,
            steps=2,
            styles=(AppliedStyle(style=str(number)),) if number >= 0 else (),
        )
        list(executor.run([Batch(frames=(frame,))]))
        yield resident()


def resident() -> float:
    """Return the memory of this process that is in use, in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--styles", type=int, default=50)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--engine", choices=("auto", "torch", "openvino"), default="torch")
    arguments = parser.parse_args()
    os.environ["SAKUGA_ENGINE"] = arguments.engine
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        session = RenderSession(find_checkpoint("sketchbook"), Path(folder) / "frames")
        files = [Path(folder) / f"{number}.safetensors" for number in range(arguments.styles)]
        for seed, file in enumerate(files):
            write_style(session.checkpoint, file, arguments.rank, seed)
        styles = tuple((file.stem, StyleFiles(name=file.stem, files=(file,))) for file in files)
        first, *after = memory_by_switch(session.loaded.reopened(styles=styles), arguments.styles, arguments.size)
        row = {"row": f"{arguments.styles} styles, {arguments.engine}", "file_mb": round(files[0].stat().st_size / 1e6, 2)}
        print(json.dumps(row | {"start_mb": round(first), "every_tenth_mb": [round(one) for one in after[9::10]]}))


if __name__ == "__main__":
    main()
