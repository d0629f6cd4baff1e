"""Camera paths: where the camera stands after a share of its way, and how it gets from one place to another."""

from math import cos, radians, sin

from sakuga.story.storyboard import Camera
from sakuga.timeline.spec import Parallax, Warp


def moved_on(camera: Camera, before: float, after: float, aspect: float, parallax: Parallax | None = None) -> Warp:
    """Tell how the camera moves from one share of its way to a later one, so that the two moves in a row are the whole.

    Zoom grows evenly in ratio, so that the speed looks constant.
    The whole move to p takes a point x to R(p) zoom^p x - pan p; `aspect` is width / height, as a turned pan needs it.
    """
    zoom = camera.zoom ** (after - before)
    angle = radians(camera.rotate * (after - before))
    across, along = camera.pan[0] * before * aspect, camera.pan[1] * before
    turned = (cos(angle) * across + sin(angle) * along) / aspect, cos(angle) * along - sin(angle) * across
    return Warp(
        zoom=rounded(zoom),
        pan=(rounded(camera.pan[0] * after - zoom * turned[0]), rounded(camera.pan[1] * after - zoom * turned[1])),
        rotate=rounded(camera.rotate * (after - before)),
        parallax=parallax,
    )


def rounded(value: float) -> float:
    """Round to six digits: enough for motion, and names are free of the last bit's noise."""
    return round(float(value), 6)
