"""What a report can be about: a clip, pictures, two folders of them, or a style; each is measured and laid out as a page."""

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.evaluation.figure import Outcome
from sakuga.evaluation.report import Page
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import own_styles, weights_in
from sakuga.studio.animate.storyboards import read_prompts
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.styles import find_styles
from sakuga.studio.evaluation.clip_page import clip_differences, clip_page
from sakuga.studio.evaluation.clips import told, watch_clip
from sakuga.studio.evaluation.evaluate import Asked
from sakuga.studio.evaluation.gallery import Gallery, read_gallery
from sakuga.studio.evaluation.gallery_page import gallery_page
from sakuga.studio.evaluation.judges import Judges, call_judges
from sakuga.studio.evaluation.measures import copy_figures, distance_figures, own_figures, pair_up, paired_figures, see, sureness
from sakuga.studio.evaluation.reports import CONFIG, METRICS
from sakuga.studio.evaluation.style_page import style_page
from sakuga.studio.evaluation.styles import try_style, usual_prompts
from sakuga.studio.evaluation.training_page import training_facts, training_section

PROMPTS = 32
"""Prompts that a style is tried on, unless said."""
Made = tuple[Page, tuple[Outcome, ...], dict[str, Any]]
"""A page, its figures, and what to say of it in config.json."""


def measured(asked: Asked, store: Path | None) -> Generator[Step, None, Made]:
    thing = Path(asked.thing).expanduser()
    if (style := style_in(thing)) is not None:
        return (yield from _style(asked, str(style), store, thing if is_run(thing) else None))
    if thing.is_dir():
        return (yield from _galleries(asked, thing))
    if thing.is_file():
        return (yield from _clip(asked, thing))
    source = find_checkpoint(asked.settings.model or SKETCHBOOK)
    if asked.thing.split(":")[0] in own_styles(source):
        return (yield from _style(asked, asked.thing, store))
    there = f"; styles of '{source.name}' are {', '.join(own)}" if (own := own_styles(source)) else ""
    raise InputError(f"{asked.thing}: there is no such folder, clip or style{there}")


def is_run(thing: Path) -> bool:
    """Tell whether a folder is that of a training run."""
    return (thing / "checkpoints").is_dir() and (thing / CONFIG).is_file()


def style_in(thing: Path) -> Path | None:
    """Find the style that a path names: a weight file, its folder, or a finished training run, whose style it is.

    Raises InputError for a training run that has made none yet.
    """
    if thing.is_file() and thing.suffix == ".safetensors":
        return thing
    if thing.is_dir() and weights_in(thing):
        return thing
    if not is_run(thing):
        return None
    if not (thing / METRICS).is_file():
        raise InputError(f"{thing} is a training run that is not finished: go on with --resume, then evaluate it")
    made = thing / str(json.loads((thing / METRICS).read_text(encoding="utf-8")).get("style", "style"))
    if not weights_in(made):
        raise InputError(f"{thing} trained a whole model and no style: draw with it by --model {made}, and evaluate the pictures")
    return made


def _clip(asked: Asked, path: Path) -> Generator[Step, None, Made]:
    if asked.reference or asked.prompts:
        raise InputError("a clip is held against the words of its recipe, or against one --text: leave --reference and --prompts out")
    recipe, _ = told(path, None)
    judges = call_judges(asked.settings.model, asked.clip, recipe.model if recipe else None)
    clip = yield from watch_clip(path, judges, asked.text)
    other = None
    if asked.against:
        if not Path(asked.against).is_file():
            raise InputError(f"{asked.against} is no clip: a clip is held against another clip")
        other = yield from watch_clip(Path(asked.against), judges, asked.text)
    outcomes = (*clip.outcomes, *(clip_differences(clip, other) if other else ()))
    bad = [{"first": bad.first + 1, "last": bad.last + 1, "why": bad.why} for bad in clip.bad]
    return clip_page(clip, other), outcomes, {"kind": "clip", "frames": len(clip.pictures), "bad_frames": bad}


def _galleries(asked: Asked, folder: Path) -> Generator[Step, None, Made]:
    first = yield from read_gallery(folder, asked.prompts)
    second = None
    if asked.against:
        if not Path(asked.against).is_dir():
            raise InputError(f"{asked.against} is no folder: a folder of pictures is held against another folder")
        second = yield from read_gallery(Path(asked.against), asked.prompts)
    judges = call_judges(asked.settings.model, asked.clip, first.model)
    for note in (*first.notes, *(second.notes if second else ())):
        yield Step(stage="story", note=note)
    config = {"kind": "pictures", "pictures": len(first), "judges": _judged_by(judges)}
    if second is None:
        seen = see(first, judges, asked.text)
        outcomes = (*own_figures(seen, judges), sureness(seen, judges))
        return gallery_page(seen, outcomes, _facts(first, judges)), outcomes, config
    seen, other = see(first, judges, asked.text), see(second, judges, asked.text)
    distances = distance_figures(seen, other, "apart.", judges.eye.name)
    if not paired(first, second):
        yield Step(stage="story", note=unpaired(first, second))
        outcomes = (*own_figures(seen, judges), *own_figures(other, judges, "second."), *distances)
        return gallery_page(seen, outcomes, _facts(first, judges), other), outcomes, config
    pairing = pair_up(other, seen)
    sides = (*own_figures(other, judges, "base."), *own_figures(seen, judges, "style."))
    outcomes = (*sides, *paired_figures(pairing), *copy_figures(other, seen), *distances)
    title, lede = f"{first.name} against {second.name}", f"{len(first)} pairs of pictures, paired by prompt and name."
    return style_page(title, lede, pairing, outcomes, _facts(first, judges), judges.caution), outcomes, config


def paired(first: Gallery, second: Gallery) -> bool:
    """Tell whether two galleries hold the same prompts and names in the same order."""
    return first.names == second.names and first.prompts == second.prompts


def unpaired(first: Gallery, second: Gallery) -> str:
    """Say why two galleries cannot be paired."""
    if len(first) != len(second):
        why = f"{first.name} has {len(first)} pictures and {second.name} has {len(second)}"
    else:
        rows = (zip(one.names, one.prompts, strict=True) for one in (first, second))
        place = next(place for place, (here, there) in enumerate(zip(*rows, strict=True)) if here != there)
        why = f"picture {place + 1} is {first.names[place]!r} here and {second.names[place]!r} there, or of other words"
    return f"the folders cannot be paired ({why}): sets are compared with sets, which needs more pictures"


def _style(asked: Asked, name: str, store: Path | None, run: Path | None = None) -> Generator[Step, None, Made]:
    source = find_checkpoint(asked.settings.model or SKETCHBOOK)
    if asked.seeds < 1 or (asked.count is not None and asked.count < 1):
        raise InputError("a style is tried on at least one prompt and one seed")
    prompts = list(dict.fromkeys(read_prompts(asked.prompts))) if asked.prompts else usual_prompts(source.name, asked.count or PROMPTS)
    prompts = prompts[: asked.count]
    seeds = range(asked.seed, asked.seed + asked.seeds)
    other = _other_style(asked.against)
    styles = [*find_styles(name, source), *find_styles(other, source)]
    judges = call_judges(source.name, asked.clip)
    bench = Bench(source, store, styles, asked.settings.precision)
    wearing = replace(asked.settings, style=name)
    tried = yield from try_style(bench, wearing, judges, prompts, seeds, against=other, reference=asked.reference, text=asked.text)
    shown, plain = tried.pairing.other.gallery.name, tried.pairing.base.gallery.name
    called = f"What the training {run.name!r} taught" if run else f"The style {shown}"
    title = f"{called} {f'against {plain} ' if other else ''}on {source.name}"
    ways = f"drawn in {plain} and in {shown}" if other else "drawn without the style and with it"
    lede = f"{len(prompts)} prompts with {asked.seeds} seed{'s' * (asked.seeds > 1)} each, {ways}."
    facts = (
        ("model", f"{source.name} {source.digest[:12]}"),
        ("style", f"{Path(tried.style.name).name} {tried.style.digest[:12]}"),
        ("called by", tried.style.said or "no word of its own"),
        ("seeds", f"{asked.seed} to {asked.seed + asked.seeds - 1}"),
        *_judge_facts(judges),
        *((("references", f"{len(tried.references.gallery)} {tried.references.gallery.name}"),) if tried.references else ()),
    )
    config = {"kind": "style", "style": tried.style.digest, "checkpoint": source.digest, "prompts": prompts, "judges": _judged_by(judges)}
    page = style_page(title, lede, tried.pairing, tried.outcomes, facts, judges.caution)
    if run and (training := training_section(run)):
        page = replace(page, sections=(*page.sections, training), facts=(*page.facts, *training_facts(run)))
    return page, tried.outcomes, config


def _other_style(against: str | None) -> str | None:
    """Find what a style is held against: another style, as its files or by its name."""
    if against is None:
        return None
    place = Path(against).expanduser()
    if (found := style_in(place)) is not None:
        return str(found)
    if place.exists():
        raise InputError(f"{against} is no style: a style is held against another style, or without --against against its base")
    return against


def _judged_by(judges: Judges) -> dict[str, str | None]:
    return {"clip": judges.clip.name if judges.clip else None, "features": judges.eye.name}


def _facts(gallery: Gallery, judges: Judges) -> tuple[tuple[str, str], ...]:
    drawn = (("drawn with", gallery.model),) if gallery.model else ()
    return (("folder", gallery.name), *drawn, *_judge_facts(judges), *(("note", note) for note in gallery.notes))


def _judge_facts(judges: Judges) -> tuple[tuple[str, str], ...]:
    words = (("words are judged by", judges.caution or judges.blind),)
    return (*words, ("distances are by", f"the label classifier's 256 features of {judges.eye.name}"))
