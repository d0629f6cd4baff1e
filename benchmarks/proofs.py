"""Measure what trainings taught the Sketchbook: a look (LoRA), a name and a word (Textual Inversion), a thing and somebody (DreamBooth).

    python benchmarks/proofs.py look RUN -o docs/proofs
    python benchmarks/proofs.py name RUN -o docs/proofs
    python benchmarks/proofs.py word RUN -o docs/proofs
    python benchmarks/proofs.py thing RUN -o docs/proofs
    python benchmarks/proofs.py somebody RUN -o docs/proofs

RUN is the folder of a finished training; docs/proofs.md shows the commands that make it. Every prompt is drawn with a seed of its own, the
same for all that are compared, from words and scenes that no training saw. Writes NAME.json with the figures, each with its n and its 95%
interval, and NAME.webp with pictures. What is drawn is kept in the frame store, so a second call measures only.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image

from sakuga.evaluation.adapters import unnamed_cases
from sakuga.evaluation.clip import clip_scores, style_similarities, unit
from sakuga.evaluation.figure import Figure, Outcome, figure, mean, paired, share
from sakuga.evaluation.score import Case
from sakuga.evaluation.similarity import diversity
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import ATTRIBUTES, Codes, codes_stated
from sakuga.models.image_tensors import reconstruct
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.labels import CHARACTER, DressColour, HairColour, Look, Subject
from sakuga.sketchbook.scene import compose
from sakuga.sketchbook.training_scenes import ITSELF, TAUGHT, Lesson, Taught, class_lessons, style_lessons, subject_lessons
from sakuga.studio import FilmSettings, to_json
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import settled
from sakuga.studio.core.styles import find_styles
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.judges import Judges, call_judges
from sakuga.timeline.spec import FrameSpec, Text, digest

LOOK: Look = "watercolor"
HELD_OUT = 77
"""The seed of lessons that no training is given."""
SCENES, FACES, PLACES, PEOPLE, SEEDS = 104, 8, 32, 64, 16
SHOWN, SIDE = 6, 112
NAMES = list(ATTRIBUTES)
PERSON = ("person", "hair", "hair_length", "dress")
Pictures = list[Picture]
Found = tuple[list[Outcome], list[Pictures]]


class Easel:
    """Draws with the Sketchbook as it is, or with what a run taught it."""

    def __init__(self) -> None:
        self.source = find_checkpoint()
        self.judges: Judges = call_judges(self.source.name, None)
        self.base = Bench(self.source)

    def draw(self, prompts: Sequence[str], run: Path | None = None, *, called: bool = True) -> Pictures:
        """Draw prompts with the seeds 0, 1, 2, ...; unless `called`, the run's style is worn and not called up."""
        style = str(run / "style") if run else None
        how = settled(replace(FilmSettings(), size=(128, 128), style=style), self.source)
        bench = Bench(self.source, None, find_styles(style, self.source))
        specs: dict[str, FrameSpec] = {}
        for seed, prompt in enumerate(prompts):
            spec = drawn_spec(prompt, seed, how, self.source)
            spec = spec if called else replace(spec, conditioning=Text(prompt=prompt))
            specs[digest(spec)] = spec
        if "checkpoint" in vars(self.base):
            bench.checkpoint = self.base.checkpoint
        drawing = Work(bench.draw(specs, specs)).result()
        return list(bench.develop(drawing, specs, lambda _, picture: picture))

    def codes(self, pictures: Pictures) -> Codes:
        """Read labels, (n, attributes)."""
        found = self.judges.labels(pictures)
        assert found is not None
        return found

    def seen(self, pictures: Pictures) -> Any:
        """Return what CLIP sees in pictures."""
        assert self.judges.clip is not None
        return self.judges.clip.pictures(pictures)


def column(codes: Codes, name: str) -> Any:
    return codes[:, NAMES.index(name)]


def shares(key: str, sides: dict[str, Any]) -> list[Outcome]:
    """Return the share of each side of which something is true, and how much more of it the last has than the first, pair by pair."""
    first, *_, last = sides.values()
    return [*(share(f"{key}.{side}", hits) for side, hits in sides.items()), paired(f"{key}.more", first, last)]


def means(key: str, sides: dict[str, Any]) -> list[Outcome]:
    """Return the mean of each side, and how much more the last has than the first, pair by pair."""
    first, *_, last = sides.values()
    return [*(mean(f"{key}.{side}", values) for side, values in sides.items()), paired(f"{key}.more", first, last)]


def painted(lessons: Sequence[Lesson], look: Look = "flat") -> Pictures:
    return [np.asarray(lesson.moment.picture(128, 128, look)) for lesson in lessons]


def cases_with(n: int, subject: bool) -> list[Case]:
    """Return the first held-out captions that name no look and a subject, or else a portrait."""
    found = [case for case in unnamed_cases(6 * n) if (column(case.stated[None], "subject")[0] > 0 if subject else case.labels.portrait)]
    return found[:n]


def look(easel: Easel, run: Path, n: int) -> Found:
    """Is the look worn, on scenes and on faces; and is what the words say still there?"""
    scenes, faces = cases_with(n, True), cases_with(FACES, False)
    stated = np.stack([case.stated for case in scenes])
    drawn = {
        side: [easel.draw([case.caption for case in cases], worn) for cases in (scenes, faces)]
        for side, worn in (("base", None), ("worn", run))
    }
    references = easel.seen(painted(list(style_lessons(64, portraits=24, figures=None, trigger="", seed=HELD_OUT)), LOOK))
    codes = {side: [easel.codes(part) for part in parts] for side, parts in drawn.items()}
    wanted = ATTRIBUTES["look"].index(LOOK)
    made = shares("look.scenes", {side: column(parts[0], "look") == wanted for side, parts in codes.items()})
    made += shares("look.faces", {side: column(parts[1], "look") == wanted for side, parts in codes.items()})
    likeness = {side: style_similarities("style", easel.seen(parts[0] + parts[1]), references) for side, parts in drawn.items()}
    made += means("likeness", likeness)
    for name in ("subject", "time", "weather", "place"):
        told = column(stated, name) >= 0
        right = {side: (column(parts[0], name) == column(stated, name))[told] for side, parts in codes.items()}
        made += shares(name, right)
    mixed = [drawn[side][0][: SHOWN - 2] + drawn[side][1][:2] for side in ("base", "worn")]
    return made, mixed


def word(easel: Easel, run: Path, n: int) -> Found:
    """Is the subject drawn where its word is said? The base is told its kind, and the words that the learning began from.

    A word that names no object of the world names the held-back character. Where a LoRA is learnt beside: are others still themselves?
    """
    method = json.loads((run / "config.json").read_text(encoding="utf-8"))["method"]
    learnt = method.get("name") or method
    trigger, initial = learnt["word"], learnt["initial"]
    thing = trigger.strip("<>")
    subject: Taught = thing if thing in TAUGHT else "character"
    true = list(subject_lessons(n, subject=subject, name=trigger, seed=HELD_OUT))
    told = {"base": initial, "kind": thing, "worn": trigger}
    if subject == "character":
        told |= {"base": f"a {initial}", "kind": f"a {CHARACTER.person}"}
    drawn = {
        side: easel.draw(
            [lesson.text.replace(trigger, said) for lesson in true],
            run if side == "worn" else None,
        )
        for side, said in told.items()
    }
    made, strips = _likened(easel, drawn, painted(true), _herself if subject == "character" else _is_a(subject))
    made += _told_apart(easel, drawn, true)
    if method["kind"] == "dreambooth":
        kept, of_class, _ = _class_kept(easel, run, n, subject, ("subject",))
        return made + kept, [*strips, *(pictures[:SHOWN] for pictures in of_class.values())]
    return made, strips


def somebody(easel: Easel, run: Path, n: int) -> Found:
    """Is she drawn where her name is said, and are others of her class still themselves where it is not?"""
    name = json.loads((run / "config.json").read_text(encoding="utf-8"))["trigger"]
    true = list(subject_lessons(n, subject="character", name=name, seed=HELD_OUT))
    told = [lesson.text.replace(name, "a girl with long green hair in a yellow dress") for lesson in true]
    drawn = {"base": easel.draw(told), "worn": easel.draw([lesson.text for lesson in true], run)}
    made, strips = _likened(easel, drawn, painted(true), _herself)
    kept, of_class, codes = _class_kept(easel, run, n, "character", ("hair", "dress"))
    green = ATTRIBUTES["hair"].index(CHARACTER.hair)
    made += kept + shares("class.green", {side: column(read, "hair") == green for side, read in codes.items()})
    sides: dict[str, Path | None] = {"base": None, "worn": run}
    for side, taught in sides.items():
        girls = easel.draw(["a portrait of a girl"] * SEEDS, taught, called=False)
        made.append(diversity(f"class.diversity.{side}", girls, [0] * SEEDS, easel.judges.eye.distance))
    return made, [*strips, *(of_class[side][:SHOWN] for side in sides)]


def _class_kept(
    easel: Easel, run: Path, n: int, subject: Taught, parts: Sequence[str]
) -> tuple[list[Outcome], dict[str, Pictures], dict[str, Codes]]:
    """Do others of a subject's class show what is said of them, without the style and with it; how far, in grey levels, do they move?"""
    others = list(class_lessons(n, subject=subject, seed=HELD_OUT))
    stated = np.stack([codes_stated(read_labels(lesson.text)) for lesson in others])
    texts = [lesson.text for lesson in others]
    drawn = {"base": easel.draw(texts), "worn": easel.draw(texts, run, called=False)}
    codes = {side: easel.codes(pictures) for side, pictures in drawn.items()}
    made = [
        one
        for part in parts
        for one in shares(f"class.{part}", {side: column(read, part) == column(stated, part) for side, read in codes.items()})
    ]
    moved = [np.abs(after.astype(float) - before).mean() for before, after in zip(*drawn.values(), strict=True)]
    return [*made, mean("class.moved", moved)], drawn, codes


def _herself(codes: Codes) -> Any:
    """Tell of each picture whether hair, its length, dress and person are those of the held-back character."""
    return (codes[:, [NAMES.index(part) for part in PERSON]] == [ATTRIBUTES[part].index(getattr(CHARACTER, part)) for part in PERSON]).all(
        axis=1
    )


def _is_a(subject: str) -> Callable[[Codes], Any]:
    return lambda codes: column(codes, "subject") == ATTRIBUTES["subject"].index(subject)


def _told_apart(easel: Easel, drawn: dict[str, Pictures], true: Sequence[Lesson]) -> list[Outcome]:
    """How often CLIP finds a drawing nearer to the true picture of its scene than to all look-alikes in that very scene.

    Look-alikes of somebody have other hair or another dress, those of an object are the other objects. `apart.copies` is the ceiling:
    true pictures through the autoencoder.
    """
    scenes = [_with_look_alikes(lesson) for lesson in true]
    seen = unit(easel.seen([picture for scene in scenes for picture in scene])).reshape(len(true), len(scenes[0]), -1)
    copies = reconstruct(easel.base.checkpoint.vae, np.stack([scene[0] for scene in scenes]), torch.device("cpu"))

    def apart(pictures: Pictures) -> Any:
        return np.einsum("nd,nkd->nk", unit(easel.seen(pictures)), seen).argmax(axis=1) == 0

    with torch.inference_mode():
        return [*shares("apart", {side: apart(pictures) for side, pictures in drawn.items()}), share("apart.copies", apart(list(copies)))]


def _with_look_alikes(lesson: Lesson) -> Pictures:
    """Render a scene with its subject, and then with each of those that could be taken for it."""
    labels = lesson.moment.labels
    if person := labels.portrait:
        others = [replace(person, hair=hair) for hair in get_args(HairColour) if hair != person.hair]
        others += [replace(person, dress=dress) for dress in get_args(DressColour) if dress != person.dress]
        every = [labels, *(replace(labels, portrait=other) for other in others)]
    else:
        every = [labels, *(replace(labels, subject=subject) for subject in get_args(Subject)[1:] if subject != labels.subject)]
    return [compose(one, lesson.seed, identity=ITSELF).at(0.0).picture(128, 128) for one in every]


def _likened(easel: Easel, drawn: dict[str, Pictures], true: Pictures, shown: Any) -> Found:
    """How like true pictures of the same scenes drawings are, and how often what was taught is read in them."""
    references = easel.seen(true)
    made = means("likeness", {side: clip_scores("likeness", easel.seen(pictures), references) for side, pictures in drawn.items()})
    made += shares("read", {side: shown(easel.codes(pictures)) for side, pictures in drawn.items()})
    made.append(share("read.true", shown(easel.codes(true))))
    return made, [true[:SHOWN], *(pictures[:SHOWN] for pictures in drawn.values())]


def took(run: Path) -> list[Outcome]:
    """Return what the training took."""
    result = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in (run / "style").glob("*.safetensors"))
    values = {"steps": result["steps"], "seconds": result["seconds"], "file_kb": size / 1024}
    return [figure(f"took.{key}", value, 1, None) for key, value in values.items()]


def write(folder: Path, name: str, made: list[Outcome], rows: list[Pictures]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    said = {key: round(value, 4) if isinstance(value, float) else value for key, value in to_json(made).items()}
    (folder / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    small = [[np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)) for picture in row] for row in rows]
    Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in small])).save(folder / f"{name}.webp", quality=82)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("proof", choices=("look", "name", "word", "thing", "somebody"))
    parser.add_argument("run", type=Path)
    parser.add_argument("-n", type=int)
    parser.add_argument("-o", "--out", type=Path, default=Path("proofs"))
    asked = parser.parse_args()
    easel = Easel()
    match asked.proof:
        case "look":
            made, rows = look(easel, asked.run, asked.n or SCENES)
        case "name" | "word" | "thing":
            made, rows = word(easel, asked.run, asked.n or PLACES)
        case _:
            made, rows = somebody(easel, asked.run, asked.n or PEOPLE)
    made += took(asked.run)
    write(asked.out, asked.proof, made, rows)
    print("\n".join(f"{one.key:24} {one}" for one in made if isinstance(one, Figure)))


if __name__ == "__main__":
    main()
