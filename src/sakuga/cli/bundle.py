"""The command `sakuga bundle`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt
from sakuga.story.options import BITS, CHUNK
from sakuga.text import counted


@opt.film_settings(*(name for name in opt.FILM if name != "pixel"), model=False, machine=False)
def bundle(
    film: Annotated[Path, typer.Argument(help="A film.toml")],
    out: Annotated[Path, opt.described("Folder of the job", "--out", "-o", default="job")] = Path("job"),
    images: Annotated[
        str, opt.described("Images to write: .png in sRGB, or .exr in linear light", "--images", default="film.%04d.png")
    ] = "film.%04d.png",
    clip: Annotated[str, opt.described("Clip to write from them", "--clip", default="film.mp4")] = "film.mp4",
    chunk: Annotated[int | None, opt.option(CHUNK, "--chunk")] = None,
    first_frame: opt.FirstFrame = 1,
    bits: opt.Bits = "8",
    settings: Any = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write a film as a job for a render farm: an OpenJD template and Slurm scripts."""
    from sakuga import studio
    from sakuga.cli.show import report

    depth: Any = int(BITS.check("--bits", bits))
    changed = studio.override(studio.read_film(film), settings)
    made = studio.bundle(changed, out, images=images, clip=clip, chunk=chunk, first_frame=first_frame, bits=depth, store=store)
    stages = [list(ranges) for ranges in made.stages]
    words = f"wrote {out}: {counted(made.tasks, 'task')} in {counted(len(stages), 'stage')}, then the clip; frames go to {made.store}"
    values = {"job": str(out), "stages": stages, "store": made.store}
    report(values, as_json=json, words=f"{words}\nrun it here: openjd run {out}/template.yaml; on Slurm: bash {out}/submit.sh", quiet=quiet)
