"""The commands `sakuga sketchbook ...`."""

from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt

sketchbook = typer.Typer(no_args_is_help=True, help="The built-in model: train it, put it together, score it.")


@sketchbook.command("train")
def train(
    stage: Annotated[
        str, typer.Option(help="vae, clip, classifier, latents, unet, upscaler, depth, controlnet, styles, lcm or all")
    ] = "all",
    work: Annotated[Path, typer.Option(help="where pictures, runs and weights are kept")] = Path("sketchbook-work"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    minutes: Annotated[float | None, typer.Option(help="stop after so many minutes; the schedule counts samples")] = None,
    samples: Annotated[int | None, typer.Option(help="the whole schedule, in samples", show_default="the stage's own")] = None,
    pictures: Annotated[int | None, typer.Option(help="different pictures to learn from", show_default="the stage's own")] = None,
    processes: Annotated[int, typer.Option(help="processes that draw training pictures")] = 1,
    start: Annotated[str | None, typer.Option("--from", help="shipped: go on from the committed weights with a fresh optimizer")] = None,
    resume: Annotated[bool, typer.Option(help="go on where the run stopped")] = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train the built-in model, from scratch or on from a stop."""
    from sakuga import studio
    from sakuga.cli.show import console, now_and_then

    training = studio.train_sketchbook(
        stage, work, device=device, minutes=minutes, samples=samples, pictures=pictures, processes=processes, start=start, resume=resume
    )
    for step in now_and_then(training, seconds=0 if quiet else 10):
        losses = " ".join(f"{name} {float(value):.4f}" for name, value in step.losses.items())
        console.print(f"{step.stage}: {step.seen} of {step.samples} {losses}", markup=False)


@sketchbook.command("export")
def export(
    work: Annotated[Path, typer.Option(help="the folder that was trained in")] = Path("sketchbook-work"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the checkpoint folder to write", show_default="the package's own")
    ] = None,
) -> None:
    """Put trained networks together as a checkpoint."""
    from sakuga import studio

    print(f"wrote {', '.join(studio.export_sketchbook(work, out))}")


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
    """Measure the built-in model: fidelity, autoencoder, CLIP, KID, Frechet distance, depth, control."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = studio.FilmSettings(steps=steps, guidance=guidance)
    scoring = studio.score_sketchbook(model, n=n, pictures=pictures, sheet=sheet, control_sheet=control_sheet, settings=settings)
    figures = watch(scoring, quiet=quiet or json)
    report(figures, as_json=json, words="\n".join(f"{key:32} {value:.4g}" for key, value in figures.items()), quiet=quiet)
