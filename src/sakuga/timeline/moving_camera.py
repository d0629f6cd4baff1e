"""The camera over finished frames of a shot with a motion adapter."""

from collections.abc import Sequence
from dataclasses import replace
from math import cos, pi
from typing import TYPE_CHECKING

from sakuga.timeline.camera import blend_warps, framed_warp
from sakuga.timeline.spec import CameraFrame, Digest, Parallax, Warp
from sakuga.timeline.timing import apply_easing

if TYPE_CHECKING:
    from sakuga.timeline.film_layout import FilmLayout


def filmed(film: "FilmLayout", frames: Sequence[Digest], warps: Sequence[Warp]) -> list[Digest]:
    """Return frames as the camera sees them."""
    film.last_warp = warps[-1]
    return [
        film.add(CameraFrame(frame=name, warp=warp)) if replace(warp, parallax=None) != Warp() else name
        for name, warp in zip(frames, warps, strict=True)
    ]


def shot_warps(film: "FilmLayout", index: int, frames: int, arrival: int) -> list[Warp]:
    """Return a shot's camera move over all its frames.

    During a morph the camera goes over to it from where the shot before ended, so a shot that is nearly all morph does not jump either.
    """
    ease, last = film.storyboard.shots[index].ease, max(1, frames - 1)
    warps = [_warp_at(film, index, apply_easing(place / last, ease)) for place in range(frames)]
    shares = [apply_easing((place + 1) / (arrival + 1), "smooth") for place in range(arrival)]
    return [*(blend_warps(film.last_warp, warp, share) for warp, share in zip(warps, shares, strict=False)), *warps[arrival:]]


def returning_warps(film: "FilmLayout", warps: Sequence[Warp], closing: int) -> list[Warp]:
    """Let the camera go back to where the film began, over its last frames."""
    start = len(warps) - closing - 1
    first = _warp_at(film, 0, 0.0)
    back = [blend_warps(warps[start], first, apply_easing(place / (closing + 1), "smooth")) for place in range(1, closing + 1)]
    return [*warps[: start + 1], *back]


def swinging_warps(film: "FilmLayout", frames: int) -> list[Warp]:
    """Return the first shot's camera move there and back."""
    return [_warp_at(film, 0, (1 - cos(2 * pi * place / frames)) / 2) for place in range(frames)]


def _warp_at(film: "FilmLayout", index: int, progress: float) -> Warp:
    camera, settings = film.storyboard.shots[index].camera, film.settings
    parallax = Parallax(depth=settings.depth, share=camera.parallax) if camera.parallax else None
    return framed_warp(camera, progress, settings.width / settings.height, parallax)
