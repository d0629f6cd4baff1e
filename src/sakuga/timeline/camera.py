"""Camera paths as warps of images."""

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


def framed_warp(camera: Camera, progress: float, aspect: float, parallax: Parallax | None = None) -> Warp:
    """Return the warp at a point of a move that never shows the image's edge.

    The pan is centred, and the zoom starts as much closer as the whole move needs; `aspect` is width / height.
    """
    nearest = max(_margin(camera, at, aspect) / camera.zoom**at for at in (0.0, 0.25, 0.5, 0.75, 1.0))
    return Warp(
        zoom=round6(max(1.0, nearest) * camera.zoom**progress),
        pan=(round6(camera.pan[0] * (progress - 0.5)), round6(camera.pan[1] * (progress - 0.5))),
        rotate=round6(camera.rotate * progress),
        parallax=parallax,
    )


def _margin(camera: Camera, progress: float, aspect: float) -> float:
    """Return the zoom at which a panned and rotated view just lies within the image."""
    angle = abs(radians(camera.rotate * progress))
    turned = abs(cos(angle)) + max(aspect, 1 / aspect) * abs(sin(angle))
    return (1 + 2 * abs(progress - 0.5) * max(map(abs, camera.pan))) * turned


def blend_warps(first: Warp, second: Warp, at: float) -> Warp:
    """Return the warp between two; the zoom grows evenly in ratio."""
    return Warp(
        zoom=round6(first.zoom ** (1 - at) * second.zoom**at),
        pan=(round6(first.pan[0] + at * (second.pan[0] - first.pan[0])), round6(first.pan[1] + at * (second.pan[1] - first.pan[1]))),
        rotate=round6(first.rotate + at * (second.rotate - first.rotate)),
        parallax=second.parallax or first.parallax,
    )


def round6(value: float) -> float:
    """Round to six digits, for stable frame names."""
    return round(float(value), 6)
