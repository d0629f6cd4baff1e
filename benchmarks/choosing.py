"""Measure how long a person waits for the next images, with speculation and without.

A scripted person makes 40 choices among 4 images, with seeded delays, on the built-in model in its few-step mode:

    python benchmarks/choosing.py [--choices 40] [--lead 3] [--clock wall] [--threads 2]

A hit is a choice whose next images are all there at the click; the wait of the others is the time until the last of them is there. The
person has a taste (a hidden text, by the model's own CLIP, with noise), or none. "learnt" renders the likeliest branch first, "as shown"
in the order of the images, "off" renders nothing ahead. On a shared machine `--clock cpu` counts seconds of this process's processor
time instead, for delays and waits, which with one thread are the seconds that an idle core takes.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, sleep

import numpy as np

from sakuga.sketchbook.words import BAD, GOOD
from sakuga.story.settings import FilmSettings
from sakuga.studio import draw
from sakuga.studio.choosing.beginning import SessionRequest, begin_session, resolve_session
from sakuga.studio.choosing.choose import rendering_of
from sakuga.studio.choosing.live import Choosing
from sakuga.studio.choosing.log import Take
from sakuga.studio.choosing.preference import Preference, Shown
from sakuga.studio.core.render_session import RenderSession
from sakuga.timeline.choices import Variation
from sakuga.timeline.variations import GuidanceTexts, VariationChain

TASTE = "a night sky with stars"
NOISE = 0.5
"""Standard deviations of noise on a person's scores, which are standardised."""


class Unlearnt(Preference):
    """A preference that stays as it is."""

    def after(self, shown: Shown, taken: int) -> Preference:
        return self


def play(folder: Path, image: Path, rendering: RenderSession, options: argparse.Namespace, mode: str, taste: bool) -> dict[str, float]:
    """Play a session, and return its figures."""
    random = np.random.default_rng(options.seed)
    now: Callable[[], float] = process_time if options.clock == "cpu" else perf_counter
    chain = VariationChain(texts=GuidanceTexts(good=GOOD, bad=BAD), seed=options.seed, variants=4)
    request = SessionRequest(image=image, chain=chain, move=Variation(), settings=FilmSettings(), store=folder / "frames")
    session = begin_session(folder / "session.jsonl", *resolve_session(request), Variation())
    waits, hits, guesses = [], [], []
    with Choosing(session, rendering.with_store(folder / "frames"), speculate=mode != "off") as choosing:
        if mode != "learnt":
            choosing.preference = Unlearnt()
        choosing.wait_until_shown()
        for _ in range(options.choices):
            delay = options.lead * float(random.lognormal(0, 0.4))
            think(choosing, delay, now)
            view = choosing.view
            place = taken(choosing, random, taste)
            guesses.append(int(np.argmax(view.likelihood)) == place)
            started = now()
            view = choosing.decide(Take(node=view.tree.shown[place].id))
            hits.append(all(node.frame in view.landed for node in view.tree.shown))
            choosing.wait_until_shown()
            waits.append(now() - started)
        cancelled = choosing.renderer.cancelled
    return {
        "hit rate": float(np.mean(hits)),
        "median wait": float(np.median(waits)),
        "p90 wait": float(np.quantile(waits, 0.9)),
        "longest wait": max(waits),
        "first guess right": float(np.mean(guesses)),
        "cancelled": cancelled,
    }


def think(choosing: Choosing, delay: float, now: Callable[[], float]) -> None:
    """Let time pass; by the processor's clock also until nothing is left to render."""
    started = now()
    while now() - started < delay and not (now is process_time and choosing.renderer.is_idle):
        sleep(0.01)


def taken(choosing: Choosing, random: np.random.Generator, taste: bool) -> int:
    """Return the place of the image that the person takes."""
    shown = choosing.view.tree.shown
    if not taste:
        return int(random.integers(len(shown)))
    wish = choosing.renderer.session.checkpoint.embed_texts([TASTE])[0].float().numpy()
    scores = np.array([choosing.renderer.embeddings[node.frame] @ wish for node in shown])
    scores = (scores - scores.mean()) / max(float(scores.std()), 1e-9)
    return int(np.argmax(scores + NOISE * random.normal(size=len(scores))))


def main() -> None:
    """Print one line for each kind of session."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--choices", type=int, default=40)
    options.add_argument("--lead", type=float, default=3.0, help="median seconds before a choice")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--modes", default="learnt,as shown,off")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as temporary:
        home = Path(temporary)
        draw("a castle at sunset", home, seed=3, store=home / "start").result()
        request = SessionRequest(
            image=home / "0001.png",
            chain=VariationChain(texts=GuidanceTexts(good=GOOD, bad=BAD)),
            move=Variation(),
            settings=FilmSettings(),
        )
        session = begin_session(home / "warm.jsonl", *(replace_store(resolve_session(request), home / "warm")), Variation())
        rendering = rendering_of(session)
        with Choosing(session, rendering, speculate=False) as warm:
            warm.wait_until_shown()
        for taste in (True, False):
            for mode in options.modes.split(","):
                with TemporaryDirectory(dir=temporary) as folder:
                    figures = play(Path(folder), home / "0001.png", rendering, options, mode, taste)
                person = "with a taste" if taste else "without"
                if options.json:
                    print(json.dumps({"person": person, "speculation": mode, **figures}), flush=True)
                else:
                    words = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
                    print(f"person {person}, speculation {mode}: {words}", flush=True)


def replace_store(resolved: tuple, store: Path) -> tuple:
    """Return a resolved session with another store."""
    chain, loaded = resolved
    return replace(chain, store=store), loaded


if __name__ == "__main__":
    main()
