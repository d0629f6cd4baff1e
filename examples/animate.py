"""Make a clip from an idea, watching each frame land: `python examples/animate.py "a windmill in a meadow at dawn" windmill.gif`."""

import sys
from pathlib import Path

from sakuga import studio


def main(idea: str, out: Path) -> None:
    """Animate an idea in three shots, and say what it took."""
    work = studio.animate(idea, out, shots=3, seconds=3.0)
    for step in work:
        if step.stage == "drawing":
            print(f"drawn {step.done} of {step.total}", end="\r")
    made = work.result()
    print(f"{made.clip}: {made.frames} frames in {made.seconds.total:.0f} s")
    for shot in made.film.storyboard.shots:
        print(f"  {shot.seconds:g} s  {shot.prompt}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
