"""Pictures to be judged, with the words that each was to show: read from a folder, or drawn."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.folders import SUFFIXES, is_picture, natural
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import ABOUT, ROWS, read_set
from sakuga.export import ExportError, read_recipe
from sakuga.finishing.image import Picture
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.images import DrawRecipe, drawn_spec
from sakuga.studio.animate.remake import parse_recipe
from sakuga.studio.animate.storyboards import read_prompts
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import RecipeError
from sakuga.studio.core.render_session import Bench
from sakuga.timeline.spec import FrameSpec, Text, digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gallery:
    """Pictures of any sizes, each with its prompt ("" where nobody knows it) and a name, by which galleries are paired."""

    name: str
    pictures: tuple[Picture, ...]
    prompts: tuple[str, ...]
    names: tuple[str, ...]
    """File names, or "seed 3"."""
    model: str | None = None
    """What drew them, where all recipes name the same."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def told(self) -> list[int]:
        """The places of pictures whose words are known."""
        return [place for place, prompt in enumerate(self.prompts) if prompt]


def read_gallery(folder: Path, prompts: Path | None = None) -> Generator[Step, None, Gallery]:
    """Read the pictures of a folder in natural order; their words are those of `prompts` (one a line), of the set, or of their recipes.

    Raises InputError where there are none, or where there are more or fewer lines than pictures.
    """
    if (folder / ABOUT).is_file() or (folder / ROWS).is_file():
        paths, words = _set(folder)
    else:
        paths = sorted((path for path in folder.iterdir() if path.is_file() and is_picture(path)), key=natural)
        words = {}
    if not paths:
        raise InputError(f"{folder} holds no picture ({', '.join(SUFFIXES)}), no style and no training run: there is nothing to evaluate")
    lines = read_prompts(prompts) if prompts else []
    if lines and len(lines) not in (1, len(paths)):
        many = f"{prompts} holds {len(lines)} prompts for the {len(paths)} pictures in {folder}"
        raise InputError(f"{many}: give one for each, or one for all")
    pictures, said, models, notes = [], list[str](), set[str | None](), list[str]()
    for place, path in enumerate(paths):
        read = read_picture(path)
        recipe = _recipe(path)
        pictures.append(read.picture)
        notes += read.notes
        models.add(recipe.model if recipe else None)
        said.append(lines[place % len(lines)] if lines else words.get(path) or (recipe.prompt if recipe else ""))
        yield Step(stage="finishing", done=place + 1, total=len(paths))
    if len(sizes := {picture.shape for picture in pictures}) > 1:
        notes.append(f"the pictures of {folder.name} have {len(sizes)} different sizes: each is judged as it is")
    names = tuple(str(path.relative_to(folder)) for path in paths)
    model = models.pop() if len(models) == 1 else None
    return Gallery(name=folder.name, pictures=tuple(pictures), prompts=tuple(said), names=names, model=model, notes=tuple(notes))


def _set(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """Read pictures and words of a training set, or of a folder with rows of the same form."""
    if (folder / ABOUT).is_file():
        made = read_set(folder)
        return [made.path(one) for one in made.examples], {made.path(one): one.text for one in made.examples}
    words: dict[Path, str] = {}
    for number, line in enumerate((folder / ROWS).read_text(encoding="utf-8-sig").splitlines(), 1):
        try:
            row = json.loads(line) if line.strip() else {}
            if row:
                words[folder / row["file_name"]] = str(row.get("text", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f'{folder / ROWS}, line {number}: a row says {{"file_name": ..., "text": ...}}') from None
    return list(words), words


def _recipe(path: Path) -> DrawRecipe | None:
    try:
        text = read_recipe(path)
        recipe = parse_recipe(text, str(path)) if text else None
    except (RecipeError, ExportError):
        return None
    return recipe if isinstance(recipe, DrawRecipe) else None


def draw_gallery(
    name: str, bench: Bench, how: FilmSettings, prompts: Sequence[str], seeds: Sequence[int], *, called: bool = True
) -> Generator[Step, None, Gallery]:
    """Draw every prompt with every seed, through the store; unless `called`, styles are worn and not called up in the prompt."""
    pairs = [(prompt, seed) for prompt in prompts for seed in seeds]
    specs: dict[str, FrameSpec] = {}
    for prompt, seed in pairs:
        spec = drawn_spec(prompt, seed, how, bench.source)
        spec = spec if called else replace(spec, conditioning=Text(prompt=prompt))
        specs[digest(spec)] = spec
    if len(specs) < len(pairs):
        raise InputError("two prompts are the same: give each once")
    drawing = yield from bench.draw(specs, specs)
    pictures = tuple(bench.develop(drawing, specs, lambda _, picture: picture))
    said, names = tuple(prompt for prompt, _ in pairs), tuple(f"seed {seed}" for _, seed in pairs)
    return Gallery(name=name, pictures=pictures, prompts=said, names=names, model=bench.source.name, notes=drawing.count.notes)
