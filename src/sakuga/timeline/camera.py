"""Camera paths as warps between two points."""

from math import cos, radians, sin

from sakuga.story.storyboard import Camera
from sakuga.timeline.spec import Parallax, Warp


def camera_warp(camera: Camera, before: float, after: float, aspect: float, parallax: Parallax | None = None) -> Warp:
    """Return the warp between two points of a move.

    From progress `before` to `after`.

    Consecutive warps compose to the whole move. Zoom grows evenly in ratio, so that the speed looks constant.
    The whole move to p takes a point x to R(p) zoom^p x - pan p; `aspect` is width / height, as a rotated pan needs it.
    """
    zoom = camera.zoom ** (after - before)
    angle = radians(camera.rotate * (after - before))
    across, along = camera.pan[0] * before * aspect, camera.pan[1] * before
    turned = (cos(angle) * across + sin(angle) * along) / aspect, cos(angle) * along - sin(angle) * across
    return Warp(
        zoom=round6(zoom),
        pan=(round6(camera.pan[0] * after - zoom * turned[0]), round6(camera.pan[1] * after - zoom * turned[1])),
        rotate=round6(camera.rotate * (after - before)),
        parallax=parallax,
    )


def round6(value: float) -> float:
    """Round to six digits, for stable frame names."""
    return round(float(value), 6)
