"""Peak memory of finishing and writing a clip, by format and number of frames.

    python benchmarks/memory.py [--frames 64 2000 10000] [--side 64] [--formats .gif .webp ...]

Each clip is made and written in a process of its own: synthetic frames go through an image spool, as a film's do, and from there to the
file. Prints one JSON object for each: peak of resident memory in MB; `start_mb` is the process with all libraries loaded, before the first
frame. The first 16 MB of frames stay in memory. The sheet of `.sheet.png` is one image that holds every frame, so it must grow.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

FORMATS = (".gif", ".webp", ".apng", ".mp4", ".webm", ".contact.png", "folder")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[64, 2000, 10_000])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--one", nargs=2, metavar=("FORMAT", "FRAMES"), help="measure one clip in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_measure(arguments.one[0], int(arguments.one[1]), arguments.side)))
        return
    for name in arguments.formats:
        for count in arguments.frames:
            print(json.dumps({"format": name, "frames": count, **_in_fresh_process(name, count, arguments.side)}), flush=True)


def _in_fresh_process(name: str, count: int, side: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", str(side), "--one", name, str(count)]
    measured: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return measured


def _measure(name: str, count: int, side: int) -> dict[str, float]:
    """Write one clip; returns the process's memory before and its peak, in MB."""
    import av  # noqa: F401
    import numpy as np

    from sakuga.export import write_stream
    from sakuga.studio.core.finish import stream_images
    from sakuga.studio.core.image_spool import ImageSpool

    down, right = np.mgrid[0:side, 0:side].astype(np.float32) / side

    def images() -> Iterator[np.ndarray]:
        for place in range(count):
            x, y = 0.5 + 0.3 * np.cos(place / 9), 0.5 + 0.3 * np.sin(place / 7)
            disc = np.hypot(right - x, down - y) < 0.15
            yield np.where(disc[..., None], (240, 200, 90), np.stack((255 * down, 200 * right, 180 - 90 * down), axis=-1)).astype(np.uint8)

    start = _peak()
    with tempfile.TemporaryDirectory() as folder, ImageSpool(Path(folder)) as spool:
        clip = stream_images(spool.keep(images()), Fraction(12))
        write_stream(clip, Path(folder) / ("frames" if name == "folder" else f"clip{name}"))
    return {"start_mb": round(start), "peak_mb": round(_peak())}


def _peak() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
