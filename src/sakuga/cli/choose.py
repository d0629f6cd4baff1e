"""The commands `sakuga choose` and `sakuga replay`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt
from sakuga.text import counted

TEXTS = "Guidance by texts"
Session = Annotated[Path, typer.Argument(help="A session's decision log")]


@opt.film_settings(
    "style",
    "size",
    "fps",
    "steps",
    "model",
    "sampler",
    "precision",
    *opt.SAMPLING,
    *opt.FILE_CHOICES,
    "tiled_vae",
    "guidance",
    "grain",
    "paper",
    "pixel",
    size=opt.setting("size", default="the image's shape at the model's default area"),
    fps=opt.setting("fps", default="20"),
    style=opt.setting("style", default="none"),
    sampler=opt.setting("sampler", default="lcm where the model has a few-step adapter, else dpm++"),
    guidance=opt.setting("guidance", help="Strength of the embedding (CFG)", default="1 with lcm, else half that of prompts"),
)
def choose(
    image: Annotated[Path, typer.Argument(help="An image file to start from")],
    pick: Annotated[
        str | None,
        opt.described(
            "Decisions instead of the page: 2,1,r,4 (r offers others, u undoes, y redoes, @7 jumps to node 7, +7 pins, -7 discards)",
            default="open the studio at the choose page",
        ),
    ] = None,
    variants: Annotated[int, opt.described("Images to choose from (1 to 16)", "--variants", "-n", default="4")] = 4,
    mode: Annotated[str, opt.described("How images are made from the one before: variation, img2img or prompt", default="variation")] = (
        "variation"
    ),
    prompt: Annotated[str, opt.described("Prompt of img2img and prompt")] = "",
    strength: Annotated[float, opt.described("Denoising strength of img2img (above 0 to 1)", default="0.6")] = 0.6,
    between: Annotated[int, opt.described("Frames per chosen image (1 to 1000)", default="8")] = 8,
    in_betweens: Annotated[
        str, opt.described("Frames between two: lerp generates them; flow, latent and crossfade interpolate images", default="lerp")
    ] = "lerp",
    noise_shift: Annotated[float, opt.described("Share of new noise per image (0 to 1)", default="0.4")] = 0.4,
    fit: Annotated[str, opt.described("View of an image that is not square (crop or pad)", default="crop")] = "crop",
    out: Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.gif")] = Path("clip.gif"),
    session: Annotated[
        Path | None, opt.described("Decision log to write or go on with", default="a new one in $SAKUGA_HOME/sessions", panel=opt.OUTPUT)
    ] = None,
    seed: opt.Seed = 0,
    good: Annotated[
        list[str] | None,
        opt.described("Text to guide the images towards; repeatable", default="trigger words, and words for quality", panel=TEXTS),
    ] = None,
    bad: Annotated[
        list[str] | None, opt.described("Text to guide the images away from; repeatable", default="words for bad quality", panel=TEXTS)
    ] = None,
    settings: Any = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    max_size: opt.MaxSize = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Choose each next image by hand, and make a clip of them."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    how: dict[str, Any] = {
        "variants": variants,
        "mode": mode,
        "prompt": prompt,
        "strength": strength,
        "between": between,
        "in_betweens": in_betweens,
        "noise_shift": noise_shift,
        "fit": fit,
        "good": good or None,
        "bad": bad or None,
        "seed": seed,
        "settings": settings,
    }
    if pick is None:
        _open_page(studio.session_request(image, **how), quiet)
        return
    work = studio.choose(image, pick, out, session=session, store=store, recipe=recipe, max_size=opt.max_bytes(max_size), **how)
    made = watch(work, quiet=quiet or json)
    path = [node.id for node in made.tree.path()[1:]]
    counts = {"frames": made.clip.frames, "generated": made.clip.generated, "reused": made.clip.reused}
    words = (
        f"wrote {made.clip.path}: {counted(made.clip.frames, 'frame')} through {counted(len(path), 'chosen image')}\nsession {made.session}"
    )
    values = {"clip": str(made.clip.path), "session": str(made.session), "path": path, "nodes": len(made.tree.nodes), **counts}
    report({**values, "notes": list(made.clip.notes)}, as_json=json, words=words, quiet=quiet)


def _open_page(request: Any, quiet: bool) -> None:
    """Begin a session in the studio's data folder, and serve the studio at its page."""
    from sakuga.cli.studio import start_server
    from sakuga.paths import home
    from sakuga.studio import parse_bytes
    from sakuga.web.choose_state import add_session
    from sakuga.web.data_folder import DataFolder
    from sakuga.web.database import Database

    data = DataFolder(home())
    data.create()
    database = Database(data.database)
    database.migrate()
    name = add_session(data, database, request, request.image.stem)
    start_server(port=8765, host="127.0.0.1", quota=parse_bytes("20GB"), open_page=f"/#/choose/{name}", quiet=quiet)


def replay(
    session: Session,
    out: Annotated[Path, opt.described(opt.CLIP, "--out", "-o", default="clip.gif")] = Path("clip.gif"),
    node: Annotated[int | None, opt.described("Last image of the clip, by its node", default="the current one")] = None,
    model: Annotated[str | None, opt.described("The model, if it is not the built-in one")] = None,
    image: Annotated[list[Path] | None, opt.described("The first image, if the store does not hold it")] = None,
    style: Annotated[list[str] | None, opt.described("A style of the session from outside, a file or folder; repeatable")] = None,
    anyway: Annotated[bool, opt.described("Generate even if model, styles or engine differ", "--anyway")] = False,
    store: opt.Store = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Make the clip of a choosing session again from its decision log."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    how: dict[str, Any] = {"model": model, "images": image or (), "styles": style or (), "anyway": anyway, "store": store}
    made = watch(studio.replay(session, out, node=node, **how), quiet=quiet or json)
    counts = {"frames": made.frames, "generated": made.generated, "reused": made.reused}
    words = f"wrote {made.path}: {counted(made.frames, 'frame')}, {made.generated} generated and {made.reused} from the store"
    report({"clip": str(made.path), **counts, "notes": list(made.notes)}, as_json=json, words=words, quiet=quiet)
