"""The command `sakuga video`."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from sakuga.cli import options as opt
from sakuga.text import counted


def video(
    source: Annotated[Path, typer.Argument(help="a folder of pictures, or a clip")],
    out: Annotated[Path, typer.Option("--out", "-o", help=opt.CLIP)] = Path("clip.mp4"),
    fps: Annotated[Any, opt.rate("12, or a clip's own times", "--fps", "-f")] = None,
    fit: Annotated[str | None, typer.Option(help="bring mixed sizes to the first one's: crop or pad")] = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a clip from a folder of pictures, or from another clip."""
    from sakuga import studio
    from sakuga.cli.show import report, watch
    from sakuga.studio.animate.video import Fit

    most = opt.most_bytes(max_size)
    work = studio.video(source, out, fps=fps, fit=cast("Fit | None", fit), recipe=recipe, max_size=most)
    made = watch(work, quiet=quiet or json)
    seconds = float(made.seconds)
    values = {"clip": str(made.path), "frames": made.frames, "seconds": seconds, "bytes": made.bytes, "notes": list(made.notes)}
    words = f"wrote {made.path}: {counted(made.frames, 'frame')}, {seconds:.2f} s, {made.bytes / 1e6:.2f} MB"
    report(values, as_json=json, words=words, quiet=quiet)
