"""Images with their prompts: read from a folder, or generated."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.folders import SUFFIXES, is_image, natural_order
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import ABOUT, ROWS, read_set
from sakuga.export import ExportError, read_recipe
from sakuga.files import parse_json, read_bytes
from sakuga.finishing.image import Image
from sakuga.story.limits import MAX_TABLE_BYTES
from sakuga.studio.animate.draw import DrawRecipe, image_spec
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.animate.storyboard import read_prompts
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import RecipeError
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings
from sakuga.timeline.spec import FrameSpec, Prompt, digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSet:
    """Images of any sizes with their prompts and names.

    A prompt is "" if unknown; names pair the images of two sets.
    """

    name: str
    images: tuple[Image, ...]
    prompts: tuple[str, ...]
    names: tuple[str, ...]
    """File names, or "seed 3"."""
    model: str | None = None
    """The model that generated them, where all recipes name the same."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def with_prompt(self) -> list[int]:
        """The indices of images whose prompt is known."""
        return [index for index, prompt in enumerate(self.prompts) if prompt]


def read_image_set(folder: Path, prompts: Path | None = None) -> Generator[Step, None, ImageSet]:
    """Read a folder's images in natural order.

    Prompts are those of the file `prompts` (one a line), of the training set, or of the recipes. Raises InputError for a folder without
    images, or where the number of prompts differs from that of images.
    """
    if (folder / ABOUT).is_file() or (folder / ROWS).is_file():
        paths, words = _set(folder)
    else:
        paths = sorted((path for path in folder.iterdir() if path.is_file() and is_image(path)), key=natural_order)
        words = {}
    if not paths:
        raise InputError(f"{folder} holds no image ({', '.join(SUFFIXES)}), no style and no training run")
    lines = read_prompts(prompts) if prompts else []
    if lines and len(lines) not in (1, len(paths)):
        raise InputError(f"{prompts} holds {len(lines)} prompts for the {len(paths)} images in {folder}: give one for each, or one for all")
    images, texts, models, notes = [], list[str](), set[str | None](), list[str]()
    for place, path in enumerate(paths):
        read = read_image(path)
        recipe = _recipe(path)
        images.append(read.image)
        notes += read.notes
        models.add(recipe.model if recipe else None)
        texts.append(lines[place % len(lines)] if lines else words.get(path) or (recipe.prompt if recipe else ""))
        yield Step(stage="finishing", done=place + 1, total=len(paths))
    if len(sizes := {image.shape for image in images}) > 1:
        notes.append(f"the images in {folder.name} have {len(sizes)} different sizes: each is scored at its own")
    names = tuple(str(path.relative_to(folder)) for path in paths)
    model = models.pop() if len(models) == 1 else None
    return ImageSet(name=folder.name, images=tuple(images), prompts=tuple(texts), names=names, model=model, notes=tuple(notes))


def _set(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """Read images and captions of a training set.

    A folder with the same rows file counts as one.
    """
    if (folder / ABOUT).is_file():
        made = read_set(folder)
        return [made.path(one) for one in made.examples], {made.path(one): one.text for one in made.examples}
    words: dict[Path, str] = {}
    for number, line in enumerate(read_bytes(folder / ROWS, MAX_TABLE_BYTES).decode("utf-8-sig", "replace").splitlines(), 1):
        try:
            row = parse_json(line) if line.strip() else {}
            if row:
                words[folder / row["file_name"]] = str(row.get("text", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f'{folder / ROWS}, line {number}: each row needs {{"file_name": ..., "text": ...}}') from None
    return list(words), words


def _recipe(path: Path) -> DrawRecipe | None:
    try:
        text = read_recipe(path)
        recipe = parse_recipe(text, str(path)) if text else None
    except (RecipeError, ExportError):
        return None
    return recipe if isinstance(recipe, DrawRecipe) else None


def generate_image_set(
    name: str,
    session: RenderSession,
    settings: ResolvedSettings,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    with_triggers: bool = True,
) -> Generator[Step, None, ImageSet]:
    """Generate every prompt with every seed.

    With `with_triggers` the styles' trigger words are added to the prompts. Raises InputError for a prompt given twice.
    """
    pairs = [(prompt, seed) for prompt in prompts for seed in seeds]
    specs: dict[str, FrameSpec] = {}
    for prompt, seed in pairs:
        spec = image_spec(prompt, seed, settings, session.files)
        spec = spec if with_triggers else replace(spec, conditioning=Prompt(prompt=prompt))
        specs[digest(spec)] = spec
    if len(specs) < len(pairs):
        raise InputError("a prompt is given twice: give each once")
    rendering = yield from session.render(specs, specs)
    images = tuple(session.read_frames(rendering, specs, lambda _, image: image))
    repeated, names = tuple(prompt for prompt, _ in pairs), tuple(f"seed {seed}" for _, seed in pairs)
    return ImageSet(name=name, images=images, prompts=repeated, names=names, model=session.files.name, notes=rendering.count.notes)
