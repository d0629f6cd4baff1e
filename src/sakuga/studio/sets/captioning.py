"""Captioning training sets: by a local model, a vision model behind a server, or plain phrases."""

import hashlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sakuga import InputError
from sakuga.datasets.captioners import INSTRUCTION, Describe, server_captioner, template_captioner
from sakuga.datasets.captions import add_trigger, normalize, remove_trigger
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import Composition, Example, SetError, TrainingSet
from sakuga.files import write_text
from sakuga.models.checkpoint_files import SKETCHBOOK, file_digest
from sakuga.paths import home
from sakuga.story.llm import Server, server_of
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import Derived, read_source, write_derived_set

Captioner = Callable[[Example, Path], str]
"""From an example and its image file to a caption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedSet:
    """Result of `caption_set`."""

    out: Path
    by: str
    """The name of the captioning model, or "template"."""
    trigger: str
    captioned: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Captioning:
    """A validated request."""

    source: TrainingSet
    out: Path
    trigger: str
    texts: tuple[str, ...]
    """The captions so far, without the old trigger word where it changes."""
    missing: tuple[int, ...]
    """Indices of the examples to caption."""
    model: str | None
    server: Server | None
    clip: str

    @property
    def by(self) -> str:
        return Path(self.model).name if self.model else self.server.model if self.server else "template"


@checked()
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
    """Write a set with all captions and trigger words.

    Captions come from a local captioning `model`, a vision model behind a server (`llm`, named as for storyboards), or else from plain
    phrases chosen by the CLIP model `clip`. Existing captions stay unless `overwrite`; a new `trigger` replaces the set's. A model's
    captions are cached, so that an interrupted run continues. Raises SakugaError.
    """
    if model and llm:
        raise InputError("both a local model and a server are named: use one of them")
    original = read_source(source, out)
    plain = [remove_trigger(example.text, original.trigger) for example in original.examples]
    word = original.trigger if trigger is None else trigger
    captioning = _Captioning(
        source=original,
        out=Path(out),
        trigger=word,
        texts=tuple(plain if word != original.trigger else (example.text for example in original.examples)),
        missing=tuple(place for place, text in enumerate(plain) if overwrite or not normalize(text)),
        model=model,
        server=server_of(llm) if llm else None,
        clip=clip,
    )
    return Work(_caption(captioning))


def _caption(request: _Captioning) -> Generator[Step, None, CaptionedSet]:
    original, texts, missing = request.source, list(request.texts), request.missing
    if missing:
        yield Step(stage="loading", note=f"captioning {len(missing)} of {len(texts)} images by {request.by}")
        captioner = _captioner(request)
    for count, place in enumerate(missing, 1):
        example = original.examples[place]
        texts[place] = normalize(captioner(example, original.path(example)))
        yield Step(stage="finishing", done=count, total=len(missing))
    examples = [replace(example, text=add_trigger(text, request.trigger)) for example, text in zip(original.examples, texts, strict=True)]
    change = f"{len(missing)} captioned by {request.by}" if missing else f"given the trigger word {request.trigger!r}"
    derived = Derived(source=original, out=request.out, change=change)
    yield from write_derived_set(derived, derived.unchanged(examples), len(examples), request.trigger)
    kept = len(texts) - len(missing)
    return CaptionedSet(out=request.out, by=request.by, trigger=request.trigger, captioned=len(missing), kept=kept)


def _captioner(request: _Captioning) -> Captioner:
    if request.model:
        from sakuga.models.captioner import load_captioner

        weights = sorted(Path(request.model).glob("*.safetensors"))
        return _cached(load_captioner(request.model), " ".join([Path(request.model).name, *map(file_digest, weights)]))
    if server := request.server:
        return _cached(server_captioner(server), f"{server.base_url} {server.model} {INSTRUCTION}")
    from sakuga.models.feature_extractors import load_clip

    clip = load_clip(request.clip)

    @cache
    def template(composition: Composition | None) -> Describe:
        return template_captioner(clip, composition)

    return lambda example, path: template(example.composition)(read_image(path).image)


def _cached(describe: Describe, name: str) -> Captioner:
    """Cache captions by model and image bytes under $SAKUGA_HOME/captions."""
    folder = home() / "captions"

    def caption(example: Example, path: Path) -> str:
        file = folder / f"{hashlib.sha256(f'{name} {file_digest(path)}'.encode()).hexdigest()}.txt"
        if file.is_file():
            return file.read_text(encoding="utf-8")
        text = describe(read_image(path).image)
        if not text.strip():
            raise SetError(f"{path}: the model gave no caption: write one by hand, or use another model")
        write_text(file, text)
        return text

    return caption
