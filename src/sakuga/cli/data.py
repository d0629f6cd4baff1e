"""The commands `sakuga data ...`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sakuga.cli import options as opt
from sakuga.text import counted

data = typer.Typer(no_args_is_help=True, help="Make training sets: pictures with their words, to teach a style with.")

Set = Annotated[Path, typer.Argument(metavar="SET", help="a training set, as `sakuga data build` writes it")]
NewSet = Annotated[Path, typer.Option("--out", "-o", help="the training set to write")]


@data.command("build")
def build(
    pictures: Annotated[
        str,
        typer.Argument(metavar="DIR|CSV|HUB_ID", help="a folder of pictures, a table of captions beside them, or owner/name of the hub"),
    ],
    out: NewSet,
    caption: Annotated[str, typer.Option(help="what is said of pictures that have no caption")] = "",
    trigger: Annotated[str, typer.Option(help="a word that calls up what is learnt; it is put into every caption that lacks it")] = "",
    licence: Annotated[str | None, typer.Option("--licence", "--license", help="of pictures whose rows name none, such as CC0-1.0")] = None,
    source: Annotated[str | None, typer.Option(help="where pictures are from whose rows do not say it")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a training set of pictures and captions: paired by name, upright RGB PNGs, source and licence a picture."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    if licence is None and sys.stdin.isatty() and not (json or quiet):
        licence = typer.prompt("licence of pictures that name none (CC0-1.0, my own work, ...)", default="unknown", err=True)
    work = studio.build_set(pictures, out, caption=caption, trigger=trigger, licence=licence, source=source)
    made = watch(work, quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.pictures, 'picture')}, {made.captioned} with a caption"
    if made.skipped:
        words += f"; {len(made.skipped)} could not be read"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("inspect")
def inspect(
    source: Set,
    model: Annotated[str, typer.Option(help="the model that is to learn: its size, its token limit, its CLIP")] = "sketchbook",
    clip: Annotated[str | None, typer.Option(help="another CLIP to look with: a folder or owner/name", show_default="the model's")] = None,
    size: Annotated[int | None, typer.Option(help="pixels of the side to train at", show_default="the model's own", min=8)] = None,
    html: Annotated[Path | None, typer.Option(help="write what was found, with the pictures, as one page")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Look a training set through: pictures, captions, composition, and a verdict in words."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    seen = watch(studio.inspect_set(source, model=model, clip=clip, size=size, html=html), quiet=quiet or json)
    report(studio.inspected_values(seen), as_json=json, words=studio.inspected_words(seen), quiet=quiet)


@data.command("dedupe")
def dedupe(source: Set, out: NewSet, json: opt.Json = False, quiet: opt.Quiet = False) -> None:
    """Keep the best of each group of near duplicates: the largest, then the sharpest."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.dedupe_set(source, out), quiet=quiet or json)
    lines = [f"{file} is left out, as {kept} is the same" for file, kept in made.left_out.items()]
    words = "\n".join([*lines, f"wrote {made.out}: {counted(made.pictures, 'picture')}, {len(made.left_out)} left out"])
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("split")
def split(
    source: Set,
    out: NewSet,
    holdout: Annotated[float, typer.Option(help="the share to hold out, 0 to 1; or, from 1 on, how many pictures")] = 0.1,
    seed: opt.Seed = 0,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Hold some pictures out, to measure a training by: as many of each composition as there are in the set."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.split_set(source, out, holdout=holdout, seed=seed), quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.training, 'picture')} to learn from, {made.held_out} held out"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("balance")
def balance(
    source: Set,
    out: NewSet,
    portraits: Annotated[float | None, typer.Option(help="the part of portraits; 0 leaves them out")] = None,
    figures: Annotated[float | None, typer.Option(help="the part of figures")] = None,
    landscapes: Annotated[float | None, typer.Option(help="the part of landscapes")] = None,
    by: Annotated[str, typer.Option(help="repeats (some are seen again, none is lost) or selection (some are left out)")] = "repeats",
    seed: opt.Seed = 0,
    clip: Annotated[str, typer.Option(help="the CLIP that tells what pictures are of, where their rows do not say it")] = "sketchbook",
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Bring portraits, figures and landscapes into a ratio; what no part is given for stays as it is."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    balancing = studio.balance_set(source, out, portraits=portraits, figures=figures, landscapes=landscapes, by=by, seed=seed, clip=clip)
    made = watch(balancing, quiet=quiet or json)
    before, after = (", ".join(f"{count} {kind}" for kind, count in shares.items()) for shares in (made.before, made.after))
    words = f"wrote {made.out}: {counted(made.pictures, 'picture')}; an epoch shows {after} (before: {before})"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("caption")
def caption(
    source: Set,
    out: NewSet,
    model: Annotated[str | None, typer.Option(help="a captioning model here (BLIP and the like): a folder, or a hub id owner/name")] = None,
    llm: Annotated[str | None, typer.Option(help="a vision model behind a server: gpt-4o, URL#model, hf:owner/name, mistral:name")] = None,
    clip: Annotated[str, typer.Option(help="with neither, the CLIP that chooses among plain phrases")] = "sketchbook",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="say everything anew; else captions that are there are kept")] = False,
    trigger: Annotated[str | None, typer.Option(help="what calls up the set from now on", show_default="the set's own")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Caption the pictures that have no caption, and put the trigger word into every caption, once."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.caption_set(source, out, model=model, llm=llm, clip=clip, overwrite=overwrite, trigger=trigger)
    made = watch(work, quiet=quiet or json)
    words = f"wrote {made.out}: {made.captioned} captioned by {made.by}, {made.kept} kept"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("crop")
def crop(
    source: Set,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the training set to write")] = None,
    size: Annotated[int, typer.Option(help="the side of the square, in pixels; buckets keep its area")] = 512,
    bucketed: Annotated[bool, typer.Option("--buckets", help="cut each picture to the size that its shape is nearest to")] = False,
    step: Annotated[int | None, typer.Option(help="of the buckets' sides, in pixels", show_default="64, and 8 below 384")] = None,
    focus: Annotated[str, typer.Option(help="what stays in: face (or else the finest detail), or centre")] = "face",
    preview: Annotated[Path | None, typer.Option(help="write a picture of what is cut off; without -o nothing else is written")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Cut pictures to the size that is trained at, around faces; see beforehand what would be lost."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.crop_set(source, out, size=size, bucketed=bucketed, step=step, focus=focus, preview=preview)
    made = watch(work, quiet=quiet or json)
    sizes = ", ".join(f"{count} of {name}" for name, count in made.sizes.items())
    paths = {key: str(path) if path else None for key, path in (("out", made.out), ("preview", made.preview))}
    words = f"wrote {' and '.join(filter(None, paths.values()))}: {sizes}; {made.cut} cut, {made.lost:.0%} lost of a picture on average"
    report(asdict(made) | paths, as_json=json, words=words, quiet=quiet)


@data.command("distill")
def distill(
    prompts: Annotated[Path, typer.Argument(help="a text file with one prompt a line; # begins a comment")],
    out: NewSet,
    n: Annotated[int, typer.Option("-n", help="pictures to draw; no prompt is drawn again before all were")] = 200,
    trigger: Annotated[str | None, typer.Option(help="what captions call the style", show_default="the styles' own words")] = None,
    licence: Annotated[
        str | None, typer.Option(help="under which the pictures may be used", show_default="the Sketchbook's, else unknown")
    ] = None,
    model: opt.Model = "sketchbook",
    style: opt.Style = None,
    negative: opt.Negative = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    sampler: opt.Sampler = None,
    precision: opt.Precision = None,
    size: Annotated[str | None, typer.Option(help="N or WxH in pixels", show_default="the model's own")] = None,
    seed: opt.Seed = 0,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Let a model draw a training set itself, from prompts; the same command goes on where it was stopped."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    settings = opt.settings(
        model=model, style=style, negative=negative, steps=steps, guidance=guidance, sampler=sampler, precision=precision, size=size
    )
    drawing = studio.distill_set(
        studio.read_prompts(prompts), out, count=n, trigger=trigger, licence=licence, seed=seed, settings=settings, store=store
    )
    made = watch(drawing, quiet=quiet or json)
    drawn = f"{made.count.drawn} drawn, {made.count.reused} from the store"
    words = f"wrote {made.out}: {counted(made.pictures, 'picture')} of {counted(made.prompts, 'prompt')}; {drawn}"
    values = {"trigger": made.trigger, "pictures": made.pictures, "prompts": made.prompts}
    counts = {"drawn": made.count.drawn, "reused": made.count.reused, "notes": list(made.count.notes)}
    report({"out": str(made.out), **values, **counts}, as_json=json, words=words, quiet=quiet)


@data.command("push")
def push(
    source: Set,
    to: Annotated[str, typer.Argument(metavar="HUB_ID", help="owner/name of the data set on the Hugging Face hub")],
    private: Annotated[bool, typer.Option("--private", help="only its owner sees it")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would be sent, and send nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Give a training set to the Hugging Face hub: listed first, sent when you say so."""
    from sakuga import InputError, studio
    from sakuga.cli.show import console, report, watch

    parcel = studio.pack_set(source, to)
    size = f"{len(parcel.files)} files, {parcel.size / 1e6:.1f} MB, to {to}"
    if dry_run:
        listed = "\n".join(
            [*(f"{length:12,}  {name}" for name, length in parcel.files.items()), f"{size}: nothing was sent", *parcel.notes]
        )
        report(asdict(parcel) | {"size": parcel.size, "sent": False}, as_json=json, words=listed, quiet=quiet)
        return
    if not yes:
        if json or quiet or not sys.stdin.isatty():
            raise InputError(f"{size} would be sent for others to see: add --yes to send it, or --dry-run to see what")
        for note in parcel.notes:
            console.print(note, markup=False)
        typer.confirm(f"send {size}{', private' if private else ', for everybody to see'}?", abort=True, err=True)
    made = watch(studio.push_set(source, to, private=private), quiet=quiet or json)
    report(asdict(made) | {"sent": True}, as_json=json, words=f"sent {made.files} files: {made.address}", quiet=quiet)
