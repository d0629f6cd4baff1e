"""Animate an idea and print progress: `python examples/animate.py "a windmill in a meadow at dawn" windmill.gif`."""

import argparse
from pathlib import Path

from sakuga import studio


def main() -> None:
    """Animate an idea in three shots, and print what was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("idea")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument("--size", help="width and height, WxH or N")
    arguments = parser.parse_args()
    settings = studio.FilmSettings(steps=arguments.steps, size=arguments.size)
    work = studio.animate(arguments.idea, arguments.out, shots=3, seconds=3.0, settings=settings)
    for step in work:
        if step.stage == "rendering":
            print(f"frame {step.done} of {step.total}", end="\r")
    made = work.result()
    print(f"{made.clip}: {made.frames} frames in {made.seconds.total:.0f} s")
    for shot in made.film.storyboard.shots:
        print(f"  {shot.seconds:g} s  {shot.prompt}")


if __name__ == "__main__":
    main()
