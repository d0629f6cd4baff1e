"""How far colours drift over 64 frames of one prompt, each drawn from the one before: `python benchmarks/colour_drift.py`.

Prints one JSON object: for each prompt, distances of mean colours to the first frame in Lab (CIE76 units), the widest and the mean of
them, before and after the correction that a clip gets. Asked are 6 at most before, and 3 after.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from sakuga.finishing.color_match import lab_distance, match
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Shot, Storyboard
from sakuga.studio.animate.film import COLOUR_MATCH
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import direction, settled
from sakuga.timeline.chain import chain
from sakuga.timeline.spec import Drawn

FRAMES = 64
WHEN = ("before", "after")


def drift(prompt: str, settings: FilmSettings, store: Path, frames: int, seed: int = 0) -> tuple[list[float], list[float]]:
    """Draw a chain of one prompt; returns the distances of its frames to the first, before and after correction."""
    source = find_checkpoint(settings.model or "sketchbook")
    how = direction(settled(settings, source), source)
    shot = Shot(prompt=prompt, seconds=frames / float(how.rate), seed=seed, camera=Camera(zoom=1.1))
    sheet = chain(Storyboard(idea=prompt, bible=Bible(), shots=(shot,)), how)
    bench = Bench(source, store)
    for step in bench.draw(sheet.specs, sheet.exposures):
        print(f"\r{prompt}: {step.done} of {step.total}", end="", file=sys.stderr)
    names = [name for name in sheet.exposures if isinstance(sheet.specs[name], Drawn)]
    first, *others = [bench.store.read(name) for name in names]
    corrected = [match(picture, first, COLOUR_MATCH) for picture in others]
    return [lab_distance(first, picture) for picture in others], [lab_distance(first, picture) for picture in corrected]


def main() -> None:
    """Print the figures of every prompt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", nargs="+", default=["a castle on a sunny day", "the sea at sunset", "a snowy cabin at night"])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--follow", choices=("chain", "key"), default="chain")
    parser.add_argument("--hold-on", type=float, default=0.4)
    parser.add_argument("--wander", type=float, default=0.15)
    parser.add_argument("--sampler", default="dpm++")
    parser.add_argument("--store", type=Path, help="keep the frames here, so that a stopped measurement goes on")
    given = parser.parse_args()
    settings = FilmSettings(
        follow=given.follow, hold_on=given.hold_on, wander=given.wander, sampler=given.sampler, drawn_rate=12, steps=given.steps
    )
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        for prompt in given.prompts:
            distances = drift(prompt, settings, given.store or Path(folder), given.frames)
            told[prompt] = {when: {"most": max(all_), "mean": float(np.mean(all_))} for when, all_ in zip(WHEN, distances, strict=True)}
    print(json.dumps({"frames": given.frames, "settings": {"follow": given.follow, "hold_on": given.hold_on}, "prompts": told}))


if __name__ == "__main__":
    main()
