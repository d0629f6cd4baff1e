"""Colour drift over 64 frames of one prompt, each generated from the one before: `python benchmarks/colour_drift.py`.

Prints one JSON object: for each prompt the maximum and mean Lab distance (CIE76) of the frames' mean colours to the first frame, before
and after the colour matching of a clip. Targets: at most 6 before, and 3 after.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from sakuga.finishing.color_match import lab_distance, match_color
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Shot, Storyboard
from sakuga.studio.animate.film_rendering import COLOR_MATCH
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import frame_settings, resolve_settings
from sakuga.timeline.film_layout import lay_out_film
from sakuga.timeline.spec import Generated

FRAMES = 64
WHEN = ("before", "after")


def drift(prompt: str, settings: FilmSettings, store: Path, frames: int, seed: int = 0) -> tuple[list[float], list[float]]:
    """Return the distances of a chain's frames to the first, before and after colour matching."""
    source = find_checkpoint(settings.model or "sketchbook")
    resolved = frame_settings(resolve_settings(settings, source), source)
    shot = Shot(prompt=prompt, seconds=frames / float(resolved.rate), seed=seed, camera=Camera(zoom=1.1))
    sheet = lay_out_film(Storyboard(idea=prompt, bible=Bible(), shots=(shot,)), resolved)
    session = RenderSession(source, store)
    for step in session.render(sheet.specs, sheet.exposures):
        print(f"\r{prompt}: {step.done} of {step.total}", end="", file=sys.stderr)
    names = [name for name in sheet.exposures if isinstance(sheet.specs[name], Generated)]
    first, *others = [session.store.read(name) for name in names]
    corrected = [match_color(image, first, COLOR_MATCH) for image in others]
    return [lab_distance(first, image) for image in others], [lab_distance(first, image) for image in corrected]


def main() -> None:
    """Print the distances of every prompt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", nargs="+", default=["a castle on a sunny day", "the sea at sunset", "a snowy cabin at night"])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--init-from", choices=("previous", "keyframe"), default="previous")
    parser.add_argument("--shot-strength", type=float, default=0.4)
    parser.add_argument("--noise-drift", type=float, default=0.15)
    parser.add_argument("--sampler", default="dpm++")
    parser.add_argument("--store", type=Path, help="keep the frames here, so that a stopped benchmark continues")
    arguments = parser.parse_args()
    settings = FilmSettings(
        init_from=arguments.init_from,
        shot_strength=arguments.shot_strength,
        noise_drift=arguments.noise_drift,
        sampler=arguments.sampler,
        keyframe_rate=12,
        steps=arguments.steps,
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for prompt in arguments.prompts:
            distances = drift(prompt, settings, arguments.store or Path(folder), arguments.frames)
            found[prompt] = {when: {"max": max(all_), "mean": float(np.mean(all_))} for when, all_ in zip(WHEN, distances, strict=True)}
    print(
        json.dumps(
            {
                "frames": arguments.frames,
                "settings": {"init_from": arguments.init_from, "shot_strength": arguments.shot_strength},
                "prompts": found,
            }
        )
    )


if __name__ == "__main__":
    main()
