"""Proofs: what trainings achieve on the Sketchbook, and what they cost.

    python benchmarks/proofs.py look RUN -o docs/proofs        (LoRA)
    python benchmarks/proofs.py name RUN -o docs/proofs        (Textual Inversion of a character)
    python benchmarks/proofs.py word RUN -o docs/proofs        (Textual Inversion of an object)
    python benchmarks/proofs.py thing RUN -o docs/proofs       (DreamBooth of an object)
    python benchmarks/proofs.py somebody RUN -o docs/proofs    (DreamBooth of a character)

RUN is the folder of a finished training; docs/proofs.md shows the commands that make it. Every prompt has its own seed, the same for all
variants; prompts and scenes are held out. Writes NAME.json with the metrics, each with n and its 95% interval, and NAME.webp with images.
Images stay in the frame store, so a second call only measures.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image as PILImage

from sakuga.evaluation.clip_score import clip_scores, style_similarities, unit_vectors
from sakuga.evaluation.held_out import Case, cases_without_look
from sakuga.evaluation.metric import Measurement, Metric, make_metric, mean, paired, share
from sakuga.evaluation.similarity import diversity
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.image_tensors import reconstruct
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes, stated_codes
from sakuga.sketchbook.labels import CHARACTER, DressColor, HairColor, Look, Subject
from sakuga.sketchbook.scene import compose
from sakuga.sketchbook.training_scenes import ITSELF, TAUGHT, Taught, TrainingScene, class_scenes, style_scenes, subject_scenes
from sakuga.studio import FilmSettings, to_json
from sakuga.studio.animate.draw import image_spec
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.styles import find_styles
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.metric_models import MetricModels, load_metric_models
from sakuga.timeline.spec import FrameSpec, Prompt, digest

LOOK: Look = "watercolor"
HELD_OUT = 77
"""Seed of scenes that no training uses."""
SCENES, FACES, PLACES, PEOPLE, SEEDS = 104, 8, 32, 64, 16
SHOWN, SIDE = 6, 112
NAMES = list(ATTRIBUTES)
PERSON = ("person", "hair", "hair_length", "dress")
Images = list[Image]
Proof = tuple[list[Measurement], list[Images]]


class Generator:
    """The Sketchbook, without and with the style of a run."""

    def __init__(self) -> None:
        self.files = find_checkpoint()
        self.metric_models: MetricModels = load_metric_models(self.files.name, None)
        self.base = RenderSession(self.files)

    def generate(self, prompts: Sequence[str], run: Path | None = None, *, triggered: bool = True, weight: float | None = None) -> Images:
        """Generate prompts with the seeds 0, 1, 2, ...; unless `triggered`, the style is applied without its trigger word.

        Without `weight` it has its own.
        """
        style = str(run / "style") + ("" if weight is None else f":{weight:g}") if run else None
        resolved = resolve_settings(replace(FilmSettings(), size=(128, 128), style=style), self.files)
        session = self.base.with_styles(find_styles(style, self.files))
        specs: dict[str, FrameSpec] = {}
        for seed, prompt in enumerate(prompts):
            spec = image_spec(prompt, seed, resolved, self.files)
            spec = spec if triggered else replace(spec, conditioning=Prompt(prompt=prompt))
            specs[digest(spec)] = spec
        rendering = Work(session.render(specs, specs)).result()
        return list(session.read_frames(rendering, specs, lambda _, image: image))

    def codes(self, images: Images) -> Codes:
        """Classify images, (n, attributes)."""
        found = self.metric_models.labels(images)
        assert found is not None
        return found

    def embed(self, images: Images) -> Any:
        """Return CLIP embeddings of images."""
        assert self.metric_models.clip is not None
        return self.metric_models.clip.embed_images(images)


def column(codes: Codes, name: str) -> Any:
    return codes[:, NAMES.index(name)]


def shares(key: str, variants: dict[str, Any]) -> list[Measurement]:
    """Return the share of each variant, and the paired difference of the last and the first."""
    first, *_, last = variants.values()
    return [*(share(f"{key}.{variant}", hits) for variant, hits in variants.items()), paired(f"{key}.difference", first, last)]


def means(key: str, variants: dict[str, Any]) -> list[Measurement]:
    """Return the mean of each variant, and the paired difference of the last and the first."""
    first, *_, last = variants.values()
    return [*(mean(f"{key}.{variant}", values) for variant, values in variants.items()), paired(f"{key}.difference", first, last)]


def rendered(scenes: Sequence[TrainingScene], look: Look = "flat") -> Images:
    return [np.asarray(scene.moment.image(128, 128, look)) for scene in scenes]


def cases_with(n: int, subject: bool) -> list[Case]:
    """Return the first held-out captions without a look, that name a subject or are portraits."""
    found = [
        case for case in cases_without_look(6 * n) if (column(case.stated[None], "subject")[0] > 0 if subject else case.labels.portrait)
    ]
    return found[:n]


def look(generator: Generator, run: Path, n: int) -> Proof:
    """Measure whether the look shows, on scenes and faces, and whether prompts are still followed."""
    scenes, faces = cases_with(n, True), cases_with(FACES, False)
    stated = np.stack([case.stated for case in scenes])
    images = {
        variant: [generator.generate([case.caption for case in cases], style) for cases in (scenes, faces)]
        for variant, style in (("base", None), ("trained", run))
    }
    references = generator.embed(rendered(list(style_scenes(64, portraits=24, figures=None, trigger="", seed=HELD_OUT)), LOOK))
    codes = {variant: [generator.codes(part) for part in parts] for variant, parts in images.items()}
    look_code = ATTRIBUTES["look"].index(LOOK)
    made = shares("look.scenes", {variant: column(parts[0], "look") == look_code for variant, parts in codes.items()})
    made += shares("look.faces", {variant: column(parts[1], "look") == look_code for variant, parts in codes.items()})
    likeness = {variant: style_similarities("style", generator.embed(parts[0] + parts[1]), references) for variant, parts in images.items()}
    made += means("likeness", likeness)
    for name in ("subject", "time", "weather", "place"):
        is_stated = column(stated, name) >= 0
        right = {variant: (column(parts[0], name) == column(stated, name))[is_stated] for variant, parts in codes.items()}
        made += shares(name, right)
    mixed = [images[variant][0][: SHOWN - 2] + images[variant][1][:2] for variant in ("base", "trained")]
    return made, mixed


def word(generator: Generator, run: Path, n: int) -> Proof:
    """Measure whether the trained word shows its subject, against the initializer words and the bare class word.

    A word that names no object of the world is that of the held-out character. DreamBooth is also measured on its class.
    """
    method = json.loads((run / "config.json").read_text(encoding="utf-8"))["method"]
    embedding = method.get("name") or method
    trigger, initial = embedding["word"], embedding["initial"]
    thing = trigger.strip("<>")
    subject: Taught = thing if thing in TAUGHT else "character"
    true = list(subject_scenes(n, subject=subject, name=trigger, seed=HELD_OUT))
    words = {"base": initial, "class_word": thing, "trained": trigger}
    if subject == "character":
        words |= {"base": f"a {initial}", "class_word": f"a {CHARACTER.person}"}
    images = {
        variant: generator.generate(
            [scene.text.replace(trigger, word_of) for scene in true],
            run if variant == "trained" else None,
        )
        for variant, word_of in words.items()
    }
    made, strips = _compared(generator, images, rendered(true), _is_the_character if subject == "character" else _is_a(subject))
    made += _distinguished(generator, images, true)
    if method["kind"] == "dreambooth":
        preserved, of_class, _ = _class_preserved(generator, run, n, subject, ("subject",))
        return made + preserved, [*strips, *(row[:SHOWN] for row in of_class.values())]
    return made, strips


def somebody(generator: Generator, run: Path, n: int) -> Proof:
    """Measure whether her name shows her, and whether others of her class stay the same."""
    name = json.loads((run / "config.json").read_text(encoding="utf-8"))["trigger"]
    true = list(subject_scenes(n, subject="character", name=name, seed=HELD_OUT))
    described = [scene.text.replace(name, "a girl with long green hair in a yellow dress") for scene in true]
    images = {"base": generator.generate(described), "trained": generator.generate([scene.text for scene in true], run)}
    made, strips = _compared(generator, images, rendered(true), _is_the_character)
    preserved, of_class, codes = _class_preserved(generator, run, n, "character", ("hair", "dress"))
    green = ATTRIBUTES["hair"].index(CHARACTER.hair)
    made += preserved + shares("class.green", {variant: column(read, "hair") == green for variant, read in codes.items()})
    variants: dict[str, Path | None] = {"base": None, "trained": run}
    for variant, style in variants.items():
        girls = generator.generate(["a portrait of a girl"] * SEEDS, style, triggered=False)
        made.append(diversity(f"class.diversity.{variant}", girls, [0] * SEEDS, generator.metric_models.feature_extractor.distance))
    return made, [*strips, *(of_class[variant][:SHOWN] for variant in variants)]


def _class_preserved(
    generator: Generator, run: Path, n: int, subject: Taught, parts: Sequence[str]
) -> tuple[list[Measurement], dict[str, Images], dict[str, Codes]]:
    """Measure whether others of the class still match their prompts, and how much they change in grey levels."""
    others = list(class_scenes(n, subject=subject, seed=HELD_OUT))
    stated = np.stack([stated_codes(read_labels(scene.text)) for scene in others])
    texts = [scene.text for scene in others]
    images = {"base": generator.generate(texts), "trained": generator.generate(texts, run, triggered=False)}
    codes = {variant: generator.codes(generated) for variant, generated in images.items()}
    made = [
        one
        for part in parts
        for one in shares(f"class.{part}", {variant: column(read, part) == column(stated, part) for variant, read in codes.items()})
    ]
    changes = [np.abs(after.astype(float) - before).mean() for before, after in zip(*images.values(), strict=True)]
    return [*made, mean("class.moved", changes)], images, codes


def _is_the_character(codes: Codes) -> Any:
    """Return for each image whether hair, hair length, dress and person are those of the held-out character."""
    return (codes[:, [NAMES.index(part) for part in PERSON]] == [ATTRIBUTES[part].index(getattr(CHARACTER, part)) for part in PERSON]).all(
        axis=1
    )


def _is_a(subject: str) -> Callable[[Codes], Any]:
    return lambda codes: column(codes, "subject") == ATTRIBUTES["subject"].index(subject)


def _distinguished(generator: Generator, images: dict[str, Images], true: Sequence[TrainingScene]) -> list[Measurement]:
    """Measure how often CLIP finds an image nearer to the true one of its scene than to all look-alikes in that scene.

    Look-alikes of a character have other hair or another dress, those of an object are the other objects. `apart.copies` is the ceiling:
    true images, encoded and decoded.
    """
    look_alikes = [_with_look_alikes(scene) for scene in true]
    embeddings = unit_vectors(generator.embed([image for row in look_alikes for image in row])).reshape(len(true), len(look_alikes[0]), -1)
    copies = reconstruct(generator.base.checkpoint.vae, np.stack([row[0] for row in look_alikes]), torch.device("cpu"))

    def nearest_is_true(generated: Images) -> Any:
        return np.einsum("nd,nkd->nk", unit_vectors(generator.embed(generated)), embeddings).argmax(axis=1) == 0

    with torch.inference_mode():
        return [
            *shares("apart", {variant: nearest_is_true(generated) for variant, generated in images.items()}),
            share("apart.copies", nearest_is_true(list(copies))),
        ]


def _with_look_alikes(scene: TrainingScene) -> Images:
    """Render a scene with its subject, and with each of its look-alikes."""
    labels = scene.moment.labels
    if person := labels.portrait:
        others = [replace(person, hair=hair) for hair in get_args(HairColor) if hair != person.hair]
        others += [replace(person, dress=dress) for dress in get_args(DressColor) if dress != person.dress]
        every = [labels, *(replace(labels, portrait=other) for other in others)]
    else:
        every = [labels, *(replace(labels, subject=subject) for subject in get_args(Subject)[1:] if subject != labels.subject)]
    return [compose(one, scene.seed, identity=ITSELF).at(0.0).image(128, 128) for one in every]


def _compared(generator: Generator, images: dict[str, Images], true: Images, shows_subject: Any) -> Proof:
    """Measure similarity to true images of the same scenes, and how often the subject is recognised."""
    references = generator.embed(true)
    made = means(
        "likeness", {variant: clip_scores("likeness", generator.embed(generated), references) for variant, generated in images.items()}
    )
    made += shares("read", {variant: shows_subject(generator.codes(generated)) for variant, generated in images.items()})
    made.append(share("read.true", shows_subject(generator.codes(true))))
    return made, [true[:SHOWN], *(generated[:SHOWN] for generated in images.values())]


def training_cost(run: Path) -> list[Measurement]:
    """Return steps, seconds and file size of the training."""
    result = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in (run / "style").glob("*.safetensors"))
    values = {"steps": result["steps"], "seconds": result["seconds"], "file_kb": size / 1024}
    return [make_metric(f"took.{key}", value, 1, None) for key, value in values.items()]


def write(folder: Path, name: str, made: list[Measurement], rows: list[Images]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in to_json(made).items()}
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    small = [[np.asarray(PILImage.fromarray(image).resize((SIDE, SIDE), PILImage.Resampling.LANCZOS)) for image in row] for row in rows]
    PILImage.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in small])).save(folder / f"{name}.webp", quality=82)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("proof", choices=("look", "name", "word", "thing", "somebody"))
    parser.add_argument("run", type=Path)
    parser.add_argument("-n", type=int)
    parser.add_argument("-o", "--out", type=Path, default=Path("proofs"))
    arguments = parser.parse_args()
    generator = Generator()
    match arguments.proof:
        case "look":
            made, rows = look(generator, arguments.run, arguments.n or SCENES)
        case "name" | "word" | "thing":
            made, rows = word(generator, arguments.run, arguments.n or PLACES)
        case _:
            made, rows = somebody(generator, arguments.run, arguments.n or PEOPLE)
    made += training_cost(arguments.run)
    write(arguments.out, arguments.proof, made, rows)
    print("\n".join(f"{one.key:24} {one}" for one in made if isinstance(one, Metric)))


if __name__ == "__main__":
    main()
