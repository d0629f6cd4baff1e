"""The commands `sakuga sketchbook ...`."""

from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt

sketchbook = typer.Typer(
    no_args_is_help=True, help="The built-in model: train it, put it together, score it; and draw training sets of its world."
)


Work = Annotated[Path, typer.Option(help="where pictures, runs and weights are kept")]


@sketchbook.command("train")
def train(
    stage: Annotated[
        str, typer.Option(help="vae, clip, classifier, latents, unet, upscaler, depth, controlnet, motion, styles, lcm or all")
    ] = "all",
    work: Work = Path("sketchbook-work"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    workers: Annotated[int, typer.Option(help="processes that train together, each on a batch of its own")] = 1,
    threads: Annotated[int | None, typer.Option(help="threads of each worker", show_default="their share of all")] = None,
    processes: Annotated[int, typer.Option(help="processes that draw training pictures")] = 1,
    minutes: Annotated[float, typer.Option(help="stop each stage after so many; the schedule counts samples", show_default="never")] = inf,
    look_every: Annotated[float, typer.Option(help="minutes from one look at what it makes to the next")] = 8.0,
    samples: Annotated[int | None, typer.Option(help="the whole schedule, in samples", show_default="the stage's own")] = None,
    batch: Annotated[int | None, typer.Option(help="samples a step of each worker", show_default="the stage's own")] = None,
    pictures: Annotated[int | None, typer.Option(help="different pictures to learn from", show_default="the stage's own")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="a folder of weights to go on from with a fresh optimizer, or: shipped")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on where the run stopped")] = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train the built-in model, from scratch or on from a stop."""
    from sakuga import studio
    from sakuga.cli.show import console, now_and_then

    options = studio.TrainingOptions(
        work=work, device=device, workers=workers, threads=threads, processes=processes, minutes=minutes, look_every=look_every,
        samples=samples, batch=batch, pictures=pictures, start=studio.parse_start(start) if start else None, resume=resume,
    )  # fmt: skip
    for step in now_and_then(studio.train_sketchbook(stage, options), seconds=0 if quiet else 10):
        losses = " ".join(f"{name} {float(value):.4f}" for name, value in step.losses.items())
        console.print(f"{step.stage}: {step.seen} of {step.samples} {losses}", markup=False)


@sketchbook.command("export")
def export(
    work: Work = Path("sketchbook-work"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the checkpoint folder to write", show_default="the package's own")
    ] = None,
) -> None:
    """Put trained networks together as a checkpoint."""
    from sakuga import studio

    print(f"wrote {', '.join(studio.export_sketchbook(work, out))}")


@sketchbook.command("card")
def card(
    folder: Annotated[Path | None, typer.Argument(help="a checkpoint folder", show_default="the package's own")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="what `score --json` printed, to keep as score.json", show_default="the score.json there")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="the folder that was trained in, for samples and times of its runs")] = None,
) -> None:
    """Write the card of the built-in model from its figures."""
    from sakuga import studio

    print(f"wrote {studio.write_sketchbook_card(folder, figures=figures, work=work)}")


@sketchbook.command("score")
def score(
    model: opt.Model = "sketchbook",
    n: Annotated[int, typer.Option("-n", help="pictures drawn for fidelity")] = 256,
    pictures: Annotated[int, typer.Option(help="pictures drawn and rendered for KID and Frechet distance")] = 1000,
    sheet: Annotated[Path | None, typer.Option(help="write the first 64 drawings to this picture")] = None,
    control_sheet: Annotated[Path | None, typer.Option(help="write controls beside what was drawn by them to this picture")] = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Measure the built-in model: fidelity in every shape, autoencoder, CLIP, KID, Frechet distance, and each network beside."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = studio.FilmSettings(steps=steps, guidance=guidance)
    scoring = studio.score_sketchbook(model, n=n, pictures=pictures, sheet=sheet, control_sheet=control_sheet, settings=settings)
    figures = watch(scoring, quiet=quiet or json)
    report(figures, as_json=json, words="\n".join(f"{key:32} {value:.4g}" for key, value in figures.items()), quiet=quiet)


@sketchbook.command("dataset")
def dataset(
    out: Annotated[Path, typer.Option("--out", "-o", help="the training set to write")],
    style: Annotated[str | None, typer.Option(help="the look that is taught: watercolor, cel, luminous, comic, pixel or flat")] = None,
    subject: Annotated[
        str | None, typer.Option(help="one subject that is taught: character, balloon, whale (new to the Sketchbook), castle, ...")
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="pictures in all", show_default="150 of a style, 12 of a subject")] = None,
    portraits: Annotated[int | None, typer.Option(help="of a style, so many close-ups of people", show_default="two in three")] = None,
    figures: Annotated[int | None, typer.Option(help="of a style, so many with somebody in them", show_default="as chance has it")] = None,
    trigger: Annotated[str | None, typer.Option(help="what captions call it", show_default="a style's usual word, or <SUBJECT>")] = None,
    class_pictures: Annotated[int, typer.Option(help="of a subject, so many pictures of its class, as a set OUT-class beside")] = 0,
    size: Annotated[str, typer.Option(help="N or WxH in pixels")] = "128",
    seed: opt.Seed = 0,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Draw a training set of the Sketchbook's world, to try training with: a look, or one subject in many places.

    Its renderer draws it, and no model; captions and compositions are true.
    """
    from sakuga import InputError, studio
    from sakuga.cli.show import report, watch

    shape = studio.parse_size(size)
    if subject is None:
        if style is None:
            raise InputError("say what is taught: --style watercolor, or --subject balloon")
        if class_pictures:
            raise InputError("class pictures go with a subject: add --subject, or leave --class-pictures out")
        drawing = studio.draw_style_set(
            style, out, count=150 if n is None else n, portraits=portraits, figures=figures, trigger=trigger, size=shape, seed=seed
        )
    else:
        if portraits is not None or figures is not None:
            raise InputError("portraits and figures are shares of a style's set: leave them out for a subject")
        drawing = studio.draw_subject_set(
            subject, out, count=12 if n is None else n, style=style or "flat", trigger=trigger, class_pictures=class_pictures,
            size=shape, seed=seed,
        )  # fmt: skip
    made = watch(drawing, quiet=quiet or json)
    kinds = ", ".join(f"{count} {kind}" for kind, count in made.compositions.items())
    beside = f"; its class: {made.class_set}" if made.class_set else ""
    paths = {"out": str(made.out), "class_set": str(made.class_set) if made.class_set else None}
    report(asdict(made) | paths, as_json=json, words=f"wrote {made.out}: {kinds}, called by {made.trigger!r}{beside}", quiet=quiet)
