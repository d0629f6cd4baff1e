"""Training sets whose pictures are captioned: by a model here, by a vision model behind a server, or from plain phrases."""

import hashlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.captioners import ASKED, Describe, by_server, by_template
from sakuga.datasets.captions import tidied, with_trigger, without_trigger
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import Composition, Example, SetError, read_set
from sakuga.datasets.writing import check_new_set
from sakuga.models.checkpoint_files import SKETCHBOOK, file_digest
from sakuga.paths import home
from sakuga.story.llm import server_of
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import taken_over

Captioner = Callable[[Example, Path], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedSet:
    """A set whose captions were completed."""

    out: Path
    by: str
    """Who captioned: the name of the model, or "template"."""
    trigger: str
    captioned: int
    kept: int


def caption_set(
    source: Path | str,
    out: Path | str,
    *,
    model: str | None = None,
    llm: str | None = None,
    clip: str = SKETCHBOOK,
    overwrite: bool = False,
    trigger: str | None = None,
) -> Work[Step, CaptionedSet]:
    """Write a set in which every picture has a caption, and every caption the trigger word.

    A captioning `model` here speaks, or one behind a server, `llm`, named as for storyboards; with neither, a CLIP chooses among plain
    phrases. Captions that are there are kept, unless `overwrite`; a new `trigger` takes the place of the set's. What a model said of a
    picture is remembered, so that captioning goes on where it was stopped. Raises SakugaError.
    """
    if model and llm:
        raise InputError("a model here and one behind a server are named: caption by one of them")
    return Work(_caption(Path(source), Path(out), model, llm, clip, overwrite, trigger))


def _caption(
    source: Path, out: Path, model: str | None, llm: str | None, clip: str, overwrite: bool, trigger: str | None
) -> Generator[Step, None, CaptionedSet]:
    check_new_set(out)
    whole = read_set(source)
    word = whole.trigger if trigger is None else trigger
    texts = [without_trigger(example.text, whole.trigger) for example in whole.examples]
    wanted = [place for place, text in enumerate(texts) if overwrite or not tidied(text)]
    if word == whole.trigger:
        texts = [example.text for example in whole.examples]
    by = Path(model).name if model else llm.rpartition("#")[2] if llm else "template"
    if wanted:
        yield Step(stage="loading", note=f"captioning {len(wanted)} of {len(texts)} pictures by {by}")
        captioner = _captioner(model, llm, clip)
    for count, place in enumerate(wanted, 1):
        texts[place] = tidied(captioner(whole.examples[place], whole.path(whole.examples[place])))
        yield Step(stage="finishing", done=count, total=len(wanted))
    examples = [replace(example, text=with_trigger(text, word)) for example, text in zip(whole.examples, texts, strict=True)]
    done = f"{len(wanted)} captioned by {by}" if wanted else f"given the trigger {word!r}"
    yield from taken_over(replace(whole, trigger=word), examples, out, done)
    return CaptionedSet(out=out, by=by, trigger=word, captioned=len(wanted), kept=len(texts) - len(wanted))


def _captioner(model: str | None, llm: str | None, clip: str) -> Captioner:
    if model:
        from sakuga.models.captioner import open_captioner

        weights = sorted(Path(model).glob("*.safetensors"))
        return _remembering(open_captioner(model), " ".join([Path(model).name, *map(file_digest, weights)]))
    if llm:
        server = server_of(llm)
        return _remembering(by_server(server), f"{server.base_url} {server.model} {ASKED}")
    from sakuga.models.feature_extractors import open_clip

    opened = open_clip(clip)

    @cache
    def template(composition: Composition | None) -> Describe:
        return by_template(opened, composition)

    return lambda example, path: template(example.composition)(read_picture(path).picture)


def _remembering(describe: Describe, name: str) -> Captioner:
    """Keep what was said of each picture, by its bytes, under $SAKUGA_HOME/captions."""
    folder = home() / "captions"

    def caption(example: Example, path: Path) -> str:
        file = folder / f"{hashlib.sha256(f'{name} {file_digest(path)}'.encode()).hexdigest()}.txt"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        text = describe(read_picture(path).picture)
        if not text.strip():
            raise SetError(f"{path}: the model says nothing of this picture: caption it by hand, or by another model")
        folder.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
        return text

    return caption
