"""The command `sakuga draw`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt
from sakuga.story.settings import OPTIONS
from sakuga.text import counted

INPUT = "Input images"


@opt.film_settings(
    *opt.IMAGE[:6],
    "strength",
    *opt.IMAGE[6:],
    strength=Annotated[float | None, opt.option(OPTIONS["strength"], help="Denoising strength of the init image", panel=INPUT)],
)
def draw(
    prompt: Annotated[str | None, typer.Argument(help="What the image shows")] = None,
    prompts: Annotated[Path | None, opt.described("Text file with one prompt per line; # begins a comment", "--prompts")] = None,
    images_per_prompt: opt.ImagesPerPrompt = 1,
    out: Annotated[Path, opt.described("Folder of the images; those in it stay", "--out", "-o", default="images")] = Path("images"),
    seed: opt.Seed = 0,
    preview: opt.Preview = False,
    settings: Any = None,
    init_image: Annotated[Path | None, opt.described("Image to start from (img2img)", "--init-image", panel=INPUT)] = None,
    control: Annotated[Path | None, opt.described("Control image: its depth places things", "--control", panel=INPUT)] = None,
    control_weight: Annotated[float | None, opt.described("ControlNet weight (0 to 2)", default="1", panel=INPUT)] = None,
    depth: Annotated[
        str | None,
        opt.described("Depth of the control image (estimator, luminance, or map for a depth map)", default="estimator", panel=INPUT),
    ] = None,
    reference: Annotated[Path | None, opt.described("Image whose look is kept, by attention to it", "--reference", panel=INPUT)] = None,
    reference_weight: Annotated[float | None, opt.described("Reference weight (above 0 to 32)", default="4", panel=INPUT)] = None,
    hires: Annotated[str | None, opt.described("Second pass at a larger size: 2x, 1.5x (above 1 to 4)", "--hires")] = None,
    hires_strength: Annotated[
        float | None, opt.described("Denoising strength of the second pass (above 0 to 1)", "--hires-strength", default="0.5")
    ] = None,
    steps_gif: Annotated[Path | None, opt.described("Clip of one image's denoising steps", "--steps-gif", panel=opt.OUTPUT)] = None,
    store: opt.Store = None,
    recipe: opt.Recipe = True,
    a1111: Annotated[bool, opt.described("Write the settings as A1111 does, too", "--a1111", panel=opt.OUTPUT)] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Generate images from prompts."""
    from sakuga import studio
    from sakuga.cli.show import report, watch

    work = studio.draw(
        ([prompt] if prompt is not None else []) + (studio.read_prompts(prompts) if prompts else []),
        out,
        images_per_prompt=images_per_prompt,
        seed=seed,
        settings=settings,
        init_image=init_image,
        control=studio.control_input(control, control_weight, depth),
        store=store,
        recipe=recipe,
        preview=preview,
        steps_gif=steps_gif,
        a1111=a1111,
        hires=studio.hires_pass(hires, hires_strength),
        reference=studio.reference_input(reference, reference_weight),
    )
    made = watch(work, quiet=quiet or json)
    values = {"images": [str(path) for path in made.paths], "generated": made.count.generated, "reused": made.count.reused}
    report(values, as_json=json, words=f"{counted(len(made.paths), 'image')} in {out}: {_named(made.paths)}", quiet=quiet)


def _named(paths: Sequence[Path]) -> str:
    """Return the names of the first and the last file, or of the only one."""
    return " to ".join(dict.fromkeys((paths[0].name, paths[-1].name)))
