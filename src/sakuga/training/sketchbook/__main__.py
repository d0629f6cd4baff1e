"""Run one stage of the recipe: `python -m sakuga.training.sketchbook --stage vae --minutes 40 --work DIR`."""

import argparse
import math
from pathlib import Path
from typing import get_args

from sakuga.training.sketchbook.export import shipped, write_folder
from sakuga.training.sketchbook.loop import Pace
from sakuga.training.sketchbook.recipe import Options, Stage, train_aloud
from sakuga.training.sketchbook.together import run_together

EXPORT = "export"


def _start(text: str) -> Path:
    return shipped() if text == "shipped" else Path(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sakuga.training.sketchbook", description="Train one stage of the Sketchbook.")
    parser.add_argument("--stage", choices=(*get_args(Stage), EXPORT), required=True, help="export puts the finished weights together")
    parser.add_argument("--work", type=Path, required=True, help="folder of pictures, runs and finished weights")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long; --resume goes on")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--from", dest="start", type=_start, help="folder of weights to go on from with a fresh optimizer, or: shipped")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="of each process that trains")
    parser.add_argument("--workers", type=int, default=1, help="processes that train together, each on a batch of its own")
    parser.add_argument("--processes", type=int, default=1, help="how many draw missing pictures")
    for name in ("samples", "batch", "pictures"):
        parser.add_argument(f"--{name}", type=int, help=f"in place of the plan's {name}")
    parser.add_argument("--look-every", type=float, default=8.0, help="minutes between two looks at what it makes")
    parser.add_argument("--out", type=Path, default=shipped(), help="where export writes to; the package's own weights, if not given")
    return parser.parse_args()


def main() -> None:
    """Train, and say now and then how far it is; or put the weights together."""
    given = _arguments()
    if given.stage == EXPORT:
        print(f"{given.out}: {', '.join(write_folder(given.work / 'weights', given.out))}")
        return
    names = ("work", "device", "processes", "resume", "start", "samples", "batch", "pictures")
    options = Options(**{name: getattr(given, name) for name in names})
    run_together(given.workers, train_aloud, given.stage, options, Pace(minutes=given.minutes, look_every=given.look_every), given.threads)


if __name__ == "__main__":
    main()
