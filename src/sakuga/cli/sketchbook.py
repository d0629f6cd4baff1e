"""The commands `sakuga sketchbook ...`."""

from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.cli.commands import Command
from sakuga.training.sketchbook.options import STAGES

sketchbook = typer.Typer(
    no_args_is_help=True, help="The built-in model: train, export and score it; and render training sets of its world."
)


Work = Annotated[Path, typer.Option(help="Folder of images, runs and weights")]


@sketchbook.command("train", cls=Command)
def train(
    stage: Annotated[str, typer.Option(help=f"Stage: {', '.join(STAGES)} or all")] = "all",
    work: Work = Path("sketchbook-work"),
    device: Annotated[str, typer.Option(help="Device: auto, cpu or cuda")] = "auto",
    workers: Annotated[int, typer.Option(help="Processes that train together, each on its own batches (1 or more)")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of each worker (1 or more)", show_default="an equal share of all")] = None,
    processes: Annotated[int, typer.Option(help="Processes that render missing training images (1 or more)")] = 1,
    minutes: Annotated[
        float, typer.Option(help="Stop each stage after this time; learning rate schedules count samples", show_default="never")
    ] = inf,
    evaluate_every: Annotated[float, typer.Option(help="Minutes between evaluations")] = 8.0,
    samples: Annotated[int | None, typer.Option(help="Length of the training in samples (1 or more)", show_default="by stage")] = None,
    batch: Annotated[int | None, typer.Option(help="Batch size of each worker (1 or more)", show_default="by stage")] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Highest learning rate; lower than the stage's own to go on from good weights", show_default="by stage"),
    ] = None,
    images: Annotated[int | None, typer.Option(help="Different training images (1 or more)", show_default="by stage")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Weights to start from with a fresh optimizer: a folder, or shipped", show_default="from scratch"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the stage's run bit for bit")] = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train the built-in model."""
    from sakuga import studio
    from sakuga.cli.show import console, now_and_then

    options = studio.TrainingOptions(
        work=work, device=device, workers=workers, threads=threads, processes=processes, minutes=minutes, evaluate_every=evaluate_every,
        samples=samples, batch=batch, rate=rate, images=images, start=studio.parse_start(start) if start else None, resume=resume,
    )  # fmt: skip
    for step in now_and_then(studio.train_sketchbook(stage, options), seconds=0 if quiet else 10):
        losses = " ".join(f"{name} {float(value):.4f}" for name, value in step.losses.items())
        console.print(f"{step.stage}: {step.samples_seen} of {step.samples} {losses}", markup=False)


@sketchbook.command("export")
def export(
    work: Work = Path("sketchbook-work"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Checkpoint folder to write", show_default="the package's")] = None,
) -> None:
    """Write trained networks as a checkpoint."""
    from sakuga import studio

    print(f"wrote {', '.join(studio.export_sketchbook(work, out))}")


@sketchbook.command("card", cls=Command)
def card(
    folder: Annotated[Path | None, typer.Argument(help="Checkpoint folder", show_default="the package's")] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="Output of `score --json`, to keep as score.json", show_default="its score.json")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Folder of the training, for samples and times of its runs")] = None,
) -> None:
    """Write the model card of the built-in model from its metrics."""
    from sakuga import studio

    print(f"wrote {studio.write_sketchbook_card(folder, metrics=metrics, work=work)}")


@sketchbook.command("score", cls=Command)
def score(
    model: opt.Model = "sketchbook",
    n: Annotated[int, typer.Option("-n", help="Images generated for prompt fidelity")] = 256,
    images: Annotated[int, typer.Option(help="Images generated and rendered for KID and Frechet distance")] = 1000,
    sheet: Annotated[Path | None, typer.Option(help="Image file for the first 64 images")] = None,
    control_sheet: Annotated[Path | None, typer.Option(help="Image file for control images beside their results")] = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Measure the built-in model.

    Fidelity at every aspect ratio, autoencoder, CLIP, KID, and its other networks.
    """
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = studio.FilmSettings(steps=steps, guidance=guidance)
    scoring = studio.score_sketchbook(model, n=n, images=images, sheet=sheet, control_sheet=control_sheet, settings=settings)
    metrics = watch(scoring, quiet=quiet or json)
    report(metrics, as_json=json, words="\n".join(f"{key:32} {value:.4g}" for key, value in metrics.items()), quiet=quiet)


@sketchbook.command("dataset", cls=Command)
def dataset(
    out: Annotated[Path, typer.Option("--out", "-o", help="Training set to write")],
    style: Annotated[str | None, typer.Option(help="Style to train: watercolor, cel, luminous, comic, pixel or flat")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Subject to train: character, balloon, whale (new to the Sketchbook), castle, ...")
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="Images", show_default="150 of a style, 12 of a subject")] = None,
    portraits: Annotated[int | None, typer.Option(help="Portraits among the images of a style", show_default="two in three")] = None,
    figures: Annotated[int | None, typer.Option(help="Images of a style with a figure in them", show_default="at random")] = None,
    trigger: Annotated[str | None, typer.Option(help="Trigger word", show_default="the style's own, or <SUBJECT>")] = None,
    class_images: Annotated[int, typer.Option(help="Class images of a subject, as a set OUT-class beside it")] = 0,
    size: Annotated[str, typer.Option(help="N or WxH in pixels (32 to 4096)")] = "128",
    seed: opt.Seed = 0,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Render a training set of a style or a subject.

    Its renderer makes the images, not a model; captions and compositions are exact.
    """
    from sakuga import InputError, studio
    from sakuga.cli.show import report, watch

    shape = studio.parse_size(size)
    if subject is None:
        if style is None:
            raise InputError("choose what to train: --style watercolor, or --subject balloon")
        if class_images:
            raise InputError("--class-images needs a subject: add --subject, or leave it out")
        rendering = studio.render_style_set(
            style, out, count=150 if n is None else n, portraits=portraits, figures=figures, trigger=trigger, size=shape, seed=seed
        )
    else:
        if portraits is not None or figures is not None:
            raise InputError("--portraits and --figures are for styles: leave them out for a subject")
        rendering = studio.render_subject_set(
            subject, out, count=12 if n is None else n, style=style or "flat", trigger=trigger, class_images=class_images,
            size=shape, seed=seed,
        )  # fmt: skip
    made = watch(rendering, quiet=quiet or json)
    kinds = ", ".join(f"{count} {kind}" for kind, count in made.compositions.items())
    beside = f"; its class: {made.class_set}" if made.class_set else ""
    paths = {"out": str(made.out), "class_set": str(made.class_set) if made.class_set else None}
    report(asdict(made) | paths, as_json=json, words=f"wrote {made.out}: {kinds}, trigger word {made.trigger!r}{beside}", quiet=quiet)
