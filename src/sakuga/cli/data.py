"""The commands `sakuga data ...`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt
from sakuga.text import counted

data = typer.Typer(no_args_is_help=True, help="Prepare training sets: images with captions, to train a style on.")

Set = Annotated[Path, typer.Argument(metavar="SET", help="Training set, as written by `sakuga data build`")]
NewSet = Annotated[Path, typer.Option("--out", "-o", help="Training set to write; the folder must be new")]


@data.command("build")
def build(
    images: Annotated[
        str,
        typer.Argument(
            metavar="DIR|CLIP|CSV|HUB_ID",
            help="Folder of images and clips, a clip, a caption table (.csv, .jsonl) beside images, or owner/name of the hub",
        ),
    ],
    out: NewSet,
    caption: Annotated[str, opt.described("Caption of images without one", "--caption", default="none")] = "",
    trigger: Annotated[str, opt.described("Trigger word, appended to captions that lack it", "--trigger", default="none")] = "",
    licence: Annotated[
        str | None, opt.described("Licence of images whose rows name none, such as CC0-1.0", "--licence", "--license", default="unknown")
    ] = None,
    source: Annotated[str | None, opt.described("Source of images whose rows name none", "--source", default="the file name")] = None,
    alpha_masks: Annotated[bool, opt.described("Take the alpha channel of images as their mask", "--alpha-masks")] = False,
    fps: Annotated[
        float | None,
        opt.described("Frames a second to take of clips (more than 0)", "--fps", default="1 of videos; of animations the first frame"),
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make a training set from images, clips and captions.

    Captions are paired by name, images converted to upright RGB PNG. Of clips the sharpest frames of each scene are taken.
    """
    from sakuga import studio
    from sakuga.cli.show import report, watch

    if licence is None and sys.stdin.isatty() and not (json or quiet):
        licence = typer.prompt("licence of images that name none (CC0-1.0, my own work, ...)", default="unknown", err=True)
    work = studio.build_set(images, out, caption=caption, trigger=trigger, licence=licence, source=source, alpha_masks=alpha_masks, fps=fps)
    made = watch(work, quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.images, 'image')}, {made.captioned} with a caption"
    if made.skipped:
        words += f"; {len(made.skipped)} could not be read"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("inspect")
def inspect(
    source: Set,
    model: Annotated[
        str, opt.described("Model to train: gives resolution, token limit and CLIP", "--model", default="sketchbook")
    ] = "sketchbook",
    clip: Annotated[
        str | None, opt.described("CLIP that classifies compositions: folder or owner/name", "--clip", default="the model's, or sketchbook")
    ] = None,
    size: Annotated[int | None, opt.described("Training resolution in pixels (8 or more)", "--size", default="the model's", min=8)] = None,
    html: Annotated[Path | None, opt.described("HTML page to write, with images", "--html", default="none")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Check a training set, with a verdict."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    result = watch(studio.inspect_set(source, model=model, clip=clip, size=size, html=html), quiet=quiet or json)
    report(studio.inspection_values(result), as_json=json, words=studio.inspection_text(result), quiet=quiet)


@data.command("dedupe")
def dedupe(source: Set, out: NewSet, json: opt.Json = False, quiet: opt.Quiet = False) -> None:
    """Remove near duplicates, keeping the best of each group.

    The best is captioned, then largest, then sharpest.
    """
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.dedupe_set(source, out), quiet=quiet or json)
    lines = [f"{file} is left out: a near duplicate of {best}" for file, best in made.left_out.items()]
    words = "\n".join([*lines, f"wrote {made.out}: {counted(made.images, 'image')}, {len(made.left_out)} left out"])
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("split")
def split(
    source: Set,
    out: NewSet,
    holdout: Annotated[
        float, opt.described("Share to hold out (0 to 1), or number of images (1 or more)", "--holdout", default="0.1")
    ] = 0.1,
    seed: opt.Seed = 0,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Hold out images for evaluation, in proportion to the compositions."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.split_set(source, out, holdout=holdout, seed=seed), quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.training, 'image')} for training, {made.held_out} held out"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("balance")
def balance(
    source: Set,
    out: NewSet,
    portraits: Annotated[
        float | None, opt.described("Part of portraits (0 or more; 0 leaves them out)", "--portraits", default="unchanged")
    ] = None,
    figures: Annotated[float | None, opt.described("Part of figures (0 or more)", "--figures", default="unchanged")] = None,
    landscapes: Annotated[float | None, opt.described("Part of landscapes (0 or more)", "--landscapes", default="unchanged")] = None,
    by: Annotated[
        str, opt.described("repeats (some images are used more often) or selection (some are left out)", "--by", default="repeats")
    ] = "repeats",
    seed: opt.Seed = 0,
    clip: Annotated[
        str, opt.described("CLIP that classifies compositions where rows have none", "--clip", default="sketchbook")
    ] = "sketchbook",
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Bring portraits, figures and landscapes into a ratio."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    balancing = studio.balance_set(source, out, portraits=portraits, figures=figures, landscapes=landscapes, by=by, seed=seed, clip=clip)
    made = watch(balancing, quiet=quiet or json)
    before, after = (", ".join(f"{count} {kind}" for kind, count in counts.items()) for counts in (made.before, made.after))
    words = f"wrote {made.out}: {counted(made.images, 'image')}; per epoch {after} (before: {before})"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("caption")
def caption(
    source: Set,
    out: NewSet,
    model: Annotated[
        str | None, opt.described("Local captioning model (BLIP and the like): folder or owner/name", "--model", default="none")
    ] = None,
    llm: Annotated[
        str | None,
        opt.described("Vision model behind a server: gpt-4o, URL#model, hf:owner/name, mistral:name", "--llm", default="none"),
    ] = None,
    clip: Annotated[
        str, opt.described("CLIP that chooses among plain phrases, without --model and --llm", "--clip", default="sketchbook")
    ] = "sketchbook",
    overwrite: Annotated[bool, opt.described("Replace existing captions", "--overwrite")] = False,
    trigger: Annotated[str | None, opt.described("New trigger word of the set", "--trigger", default="the set's own")] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write missing captions, and add the trigger word to all."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.caption_set(source, out, model=model, llm=llm, clip=clip, overwrite=overwrite, trigger=trigger)
    made = watch(work, quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.captioned, 'image')} captioned by {made.by}, {counted(made.kept, 'caption')} kept"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("edit")
def edit(
    source: Set,
    out: NewSet,
    replacements: Annotated[
        list[str] | None, opt.described('Text to replace everywhere, as "old=new"; repeatable', "--replace", default="none")
    ] = None,
    remove: Annotated[list[str] | None, opt.described("Tag to remove; repeatable", "--remove", default="none")] = None,
    add: Annotated[list[str] | None, opt.described("Tag to add where it is missing; repeatable", "--add", default="none")] = None,
    first: Annotated[bool, opt.described("Add tags in front", "--first")] = False,
    regex: Annotated[bool, opt.described("Read what is replaced as a regular expression", "--regex")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Edit all captions: replace texts, remove and add tags."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.edit_captions(
        source, out, replacements=replacements or (), remove=remove or (), add=add or (), first=first, regex=regex
    )  # fmt: skip
    made = watch(work, quiet=quiet or json)
    words = f"wrote {made.out}: {made.changed} of {counted(made.images, 'caption')} changed"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("tags")
def tags(
    source: Set,
    most: Annotated[int, opt.described("Tags to list, the commonest first", "--most", default="30")] = 30,
    json: opt.Json = False,
) -> None:
    """Count the tags of all captions."""
    from sakuga import InputError, studio
    from sakuga.cli.show import report, visible

    if most < 1:
        raise InputError(f"most: {most} is out of range; choose 1 or more")
    found = studio.tag_statistics(source)
    lines = [f"{one.captions:6}  {one.share:4.0%}  {visible(one.tag)}" for one in found.tags[:most]]
    lines += [f"{found.empty} without a caption"] if found.empty else []
    lines += [f"{len(found.without_trigger)} without the trigger word"] if found.without_trigger else []
    report(asdict(found), as_json=json, words="\n".join(lines) or "no captions")


@data.command("shared")
def shared(
    sets: Annotated[list[Path], typer.Argument(metavar="SET...", help="Two training sets or more")],
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Find near duplicates that lie in more than one set."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    found = watch(studio.shared_images(sets), quiet=quiet or json)
    lines = ["  ".join(group) for group in found.groups] or [f"none of {found.images} images is in two sets"]
    report(asdict(found), as_json=json, words="\n".join(lines), quiet=quiet)


@data.command("crop")
def crop(
    source: Set,
    out: Annotated[Path | None, opt.described("Training set to write; the folder must be new", "--out", "-o", default="none")] = None,
    size: Annotated[
        int, opt.described("Side of the square in pixels (16 to 4096); buckets have at most its area", "--size", default="512")
    ] = 512,
    bucketed: Annotated[bool, opt.described("Crop each image to the bucket of the nearest aspect ratio", "--buckets")] = False,
    step: Annotated[
        int | None, opt.described("Step of the buckets' sides in pixels", "--step", default="64, or 8 below a size of 384")
    ] = None,
    focus: Annotated[
        str, opt.described("What to center on: face (or else the finest detail), or centre", "--focus", default="face")
    ] = "face",
    preview: Annotated[
        Path | None, opt.described("Image to write that shows what is cropped off; without -o nothing else is written", "--preview")
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Crop images to the training resolution, around faces."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.crop_set(source, out, size=size, bucketed=bucketed, step=step, focus=focus, preview=preview)
    made = watch(work, quiet=quiet or json)
    sizes = ", ".join(f"{count} of {name}" for name, count in made.sizes.items())
    paths = {key: str(path) if path else None for key, path in (("out", made.out), ("preview", made.preview))}
    words = f"wrote {' and '.join(filter(None, paths.values()))}: {sizes}; {made.cut} cropped, losing {made.lost:.0%} on average"
    report(asdict(made) | paths, as_json=json, words=words, quiet=quiet)


@data.command("mask")
def mask(
    source: Set,
    out: NewSet,
    by: Annotated[
        str, opt.described("What to keep: subject (what stands out from the border) or face", "--by", default="subject")
    ] = "subject",
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Find masks: where the loss of a training counts.

    They become the alpha channel of the images.
    """
    from sakuga import studio
    from sakuga.cli.show import report, watch

    made = watch(studio.mask_set(source, out, by=by), quiet=quiet or json)
    words = f"wrote {made.out}: {counted(made.images, 'image')}, masks cover {made.covered:.0%} on average"
    if made.whole:
        words += f"; nothing was found in {len(made.whole)}, which count as a whole"
    report(asdict(made) | {"out": str(made.out)}, as_json=json, words=words, quiet=quiet)


@data.command("distill")
@opt.film_settings(
    *("style", "negative", "size", "steps", "model", "sampler", "precision", "guidance", *opt.SAMPLING, *opt.FILE_CHOICES),
    size=opt.setting("size", default="the model's native size"),
)
def distill(
    prompts: Annotated[Path, typer.Argument(help="Text file with one prompt per line; # begins a comment")],
    out: NewSet,
    n: Annotated[int, opt.described("Images to generate (1 to 100000)", "-n", default="200")] = 200,
    trigger: Annotated[str | None, opt.described("Trigger word of the set", "--trigger", default="the styles' own")] = None,
    licence: Annotated[
        str | None, opt.described("Licence of the images", "--licence", "--license", default="the Sketchbook's, or unknown")
    ] = None,
    seed: opt.Seed = 0,
    settings: Any = None,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate a training set from prompts; an interrupted run continues."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.distill_set(
        studio.read_prompts(prompts), out, count=n, trigger=trigger, licence=licence, seed=seed, settings=settings, store=store
    )
    made = watch(work, quiet=quiet or json)
    frames = f"{made.count.generated} generated, {made.count.reused} from the store"
    words = f"wrote {made.out}: {counted(made.images, 'image')} of {counted(made.prompts, 'prompt')}; {frames}"
    values = {"trigger": made.trigger, "images": made.images, "prompts": made.prompts}
    counts = {"generated": made.count.generated, "reused": made.count.reused, "notes": list(made.count.notes)}
    report({"out": str(made.out), **values, **counts}, as_json=json, words=words, quiet=quiet)


@data.command("push")
def push(
    source: Set,
    to: Annotated[str, typer.Argument(metavar="HUB_ID", help="owner/name of the dataset on the Hugging Face hub")],
    private: Annotated[bool, opt.described("Make the dataset private", "--private")] = False,
    dry_run: Annotated[bool, opt.described("List the files, and upload nothing", "--dry-run")] = False,
    yes: Annotated[bool, opt.described("Upload without confirmation", "--yes", "-y")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Upload a training set to the hub, after confirmation."""
    from sakuga import InputError, studio
    from sakuga.cli.show import console, report, watch

    plan = studio.plan_push(source, to)
    size = f"{len(plan.files)} files, {plan.size / 1e6:.1f} MB, to {to}"
    if dry_run:
        files = (f"{length:12,}  {name}" for name, length in plan.files.items())
        words = "\n".join([*files, f"{size}: nothing was uploaded", *plan.notes])
        report(asdict(plan) | {"size": plan.size, "sent": False}, as_json=json, words=words, quiet=quiet)
        return
    if not yes:
        if json or quiet or not sys.stdin.isatty():
            raise InputError(f"{size} would be uploaded: add --yes to upload, or --dry-run to list the files")
        for note in plan.notes:
            console.print(note, markup=False)
        typer.confirm(f"upload {size}{', private' if private else ', for everyone to see'}?", abort=True, err=True)
    made = watch(studio.push_set(source, to, private=private), quiet=quiet or json)
    report(asdict(made) | {"sent": True}, as_json=json, words=f"uploaded {made.files} files: {made.address}", quiet=quiet)
