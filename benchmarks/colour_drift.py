"""How far colours drift over 64 frames of one prompt, each drawn from the one before: `python benchmarks/colour_drift.py`.

Distances of mean colours to the first frame in Lab (CIE76 units), before and after the correction that a clip gets.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from sakuga.finishing.colour import lab_distance, match
from sakuga.models.sources import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Shot, Storyboard
from sakuga.studio.drawing import Bench
from sakuga.studio.films import COLOUR_MATCH
from sakuga.studio.settings import direction, settled
from sakuga.timeline.chain import chain
from sakuga.timeline.spec import Drawn

FRAMES = 64


def drift(prompt: str, settings: FilmSettings, store: Path, seed: int = 0) -> tuple[list[float], list[float]]:
    """Draw a chain of one prompt; returns the distances of its frames to the first, before and after correction."""
    source = find_checkpoint(settings.model or "sketchbook")
    how = direction(settled(settings, source), source)
    shot = Shot(prompt=prompt, seconds=FRAMES / float(how.rate), seed=seed, camera=Camera(zoom=1.1))
    sheet = chain(Storyboard(idea=prompt, bible=Bible(), shots=(shot,)), how)
    bench = Bench(source, store)
    for _ in bench.draw(sheet.specs, sheet.exposures):
        pass
    names = [name for name in sheet.exposures if isinstance(sheet.specs[name], Drawn)]
    first, *others = [bench.store.read(name) for name in names]
    corrected = [match(picture, first, COLOUR_MATCH) for picture in others]
    return [lab_distance(first, picture) for picture in others], [lab_distance(first, picture) for picture in corrected]


def main() -> None:
    """Print a line for each prompt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", nargs="+", default=["a castle on a sunny day", "the sea at sunset", "a snowy cabin at night"])
    parser.add_argument("--follow", choices=("chain", "key"), default="chain")
    parser.add_argument("--hold-on", type=float, default=0.4)
    parser.add_argument("--wander", type=float, default=0.15)
    parser.add_argument("--sampler", default="dpm++")
    parser.add_argument("--store", type=Path, help="keep the frames here, so that a stopped measurement goes on")
    given = parser.parse_args()
    settings = FilmSettings(follow=given.follow, hold_on=given.hold_on, wander=given.wander, sampler=given.sampler, drawn_rate=12)
    with tempfile.TemporaryDirectory() as folder:
        for prompt in given.prompts:
            before, after = drift(prompt, settings, given.store or Path(folder))
            said = f"{len(before) + 1} frames, to the first: before {max(before):.2f} at most, {np.mean(before):.2f} on average"
            print(f"{prompt}: {said}; corrected {max(after):.2f} at most, {np.mean(after):.2f} on average", flush=True)


if __name__ == "__main__":
    main()
