"""The command `sakuga video`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.story.settings import OPTIONS
from sakuga.text import counted


def video(
    source: Annotated[Path, typer.Argument(help="A folder of images, or a clip")],
    out: Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.mp4")] = Path("clip.mp4"),
    fps: Annotated[str | None, opt.option(OPTIONS["fps"], "--fps", "-f", default="12, or a clip's own times", panel="")] = None,
    fit: Annotated[str | None, opt.described("Bring images of other sizes to the first one's (crop or pad)")] = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip from a folder of images, or from another clip."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.video(source, out, fps=fps, fit=fit, recipe=recipe, max_size=opt.max_bytes(max_size))
    made = watch(work, quiet=quiet or json)
    seconds = float(made.seconds)
    values = {"clip": str(made.path), "frames": made.frames, "seconds": seconds, "bytes": made.bytes, "notes": list(made.notes)}
    words = f"wrote {made.path}: {counted(made.frames, 'frame')}, {seconds:.2f} s, {made.bytes / 1e6:.2f} MB"
    report(values, as_json=json, words=words, quiet=quiet)
