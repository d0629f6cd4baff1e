"""Put a training together: the checkpoint, what learns, and the lessons."""

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch

from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.models.checkpoint import DTYPES, Checkpoint, load
from sakuga.models.checkpoint_files import Source
from sakuga.models.loading import quiet
from sakuga.training.full_unet import WholeLearner
from sakuga.training.loop import Training
from sakuga.training.lora import LoraLearner
from sakuga.training.method import Learner
from sakuga.training.named_lora import NamedLearner
from sakuga.training.objective import Objective
from sakuga.training.plan import DreamBooth, Lora, Plan, PlanError, TextualInversion
from sakuga.training.run_folder import RunFolder
from sakuga.training.speed import half_is_fast, placed, with_plain_attention
from sakuga.training.textual_inversion import WordLearner, known_already
from sakuga.training.training_data import Course, Latents, read_lessons, shapes
from sakuga.training.validation import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """How many pictures are ready, of how many; and words to the person."""

    done: int
    total: int
    note: str = ""


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name; "auto" is the GPU where there is one."""
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def usual_precision(device: torch.device) -> str:
    """Return the number format that trains fastest there and learns as well."""
    return "bf16" if half_is_fast(device) else "fp32"


def begin(
    plan: Plan, source: Source, taught: TrainingSet, prior: TrainingSet | None, run: RunFolder, device: torch.device
) -> Generator[Encoded, None, Training]:
    """Open the model, and encode the pictures; with a `prior` set of its class, DreamBooth learns that beside."""
    checkpoint = opened(plan, source, device)
    for note in _doubts(plan, checkpoint):
        run.say(note)
        yield Encoded(done=0, total=len(taught.training), note=note)
    learner = make_learner(plan, checkpoint)
    objective = Objective(checkpoint, plan)
    taught = _called(plan, taught, learner)
    latents = yield from _latents(plan, checkpoint, taught, taught.training, run, "training")
    courses = [Course(latents, plan.batch, plan.seed)]
    if prior and isinstance(plan.method, DreamBooth):
        beside = yield from _latents(plan, checkpoint, prior, prior.training, run, "class")
        held = plan.method.prior == "answers"
        courses.append(Course(beside, plan.batch, plan.seed + 1, weight=plan.method.prior_weight, held=held))
    validation = None
    if plan.validate_every and taught.held_out:
        held_out = yield from _latents(plan, checkpoint, taught, taught.held_out, run, "held-out")
        validation = Validation(held_out, objective, plan.batch)
    return Training(plan, learner, courses, objective, run, validation)


def _doubts(plan: Plan, checkpoint: Checkpoint) -> list[str]:
    """Say what happens to a word that the model has already, where it is learnt anew."""
    match plan.method:
        case TextualInversion(word=word) | DreamBooth(name=TextualInversion(word=word)) if known_already(checkpoint, word):
            return [
                f"the model knows {word!r} already: prompts with it show what is learnt instead while this is worn; '<{word}>' keeps both"
            ]
        case _:
            return []


def _called(plan: Plan, taught: TrainingSet, learner: Learner) -> TrainingSet:
    """Tell all pictures by one prompt, where DreamBooth is asked to, and say in each the name that is learnt."""
    prompt = plan.method.instance_prompt if isinstance(plan.method, DreamBooth) else ""
    texts = [prompt or example.text for example in taught.examples]
    said = [learner.name.said(text) for text in texts] if isinstance(learner, NamedLearner) else texts
    return replace(taught, examples=tuple(replace(example, text=text) for example, text in zip(taught.examples, said, strict=True)))


def opened(plan: Plan, source: Source, device: torch.device) -> Checkpoint:
    """Open a checkpoint as it trains fastest; only what is not learnt is in half precision, and never the autoencoder.

    Raises PlanError for fp16 on a CPU, which has no units for it.
    """
    if plan.precision == "fp16" and device.type == "cpu":
        raise PlanError("fp16 is for GPUs, and a CPU is slow and inexact in it: train in bf16 or fp32")
    checkpoint = load(source, str(device))
    placed(checkpoint.unet, device)
    for reader in checkpoint.readers:
        with_plain_attention(reader.encoder, device)
    if not (isinstance(plan.method, DreamBooth) and plan.method.adapter is None):
        with quiet():
            checkpoint.unet.to(DTYPES[plan.precision])
    if plan.gradient_checkpointing:
        checkpoint.unet.enable_gradient_checkpointing()
    return checkpoint


def make_learner(plan: Plan, checkpoint: Checkpoint) -> Learner:
    """Make what learns by a plan's method; raises PlanError where the model has not what it asks for."""
    match plan.method:
        case Lora():
            return LoraLearner(checkpoint, plan.method, seed=plan.seed, keep_texts=plan.cache)
        case TextualInversion():
            return WordLearner(checkpoint, plan.method, plan.method.word, seed=plan.seed)
        case DreamBooth(adapter=None, prior=prior):
            return WholeLearner(checkpoint, keep_texts=plan.cache, remembers=prior == "answers")
        case DreamBooth(adapter=Lora() as adapter, name=name):
            lora = LoraLearner(checkpoint, adapter, seed=plan.seed, keep_texts=plan.cache)
            return NamedLearner(lora, WordLearner(checkpoint, name, name.word, seed=plan.seed)) if name else lora
        case _:
            raise AssertionError(plan.method)


def _latents(
    plan: Plan, checkpoint: Checkpoint, taught: TrainingSet, examples: Sequence[Example], run: RunFolder, name: str
) -> Generator[Encoded, None, Latents]:
    lessons, notes = read_lessons(taught, examples, shapes(plan, checkpoint.facts.multiple))
    for note in notes:
        run.say(note)
        yield Encoded(done=0, total=len(lessons), note=note)
    seen = [[lesson.path.name, *lesson.bucket] for lesson in lessons]
    about = hashlib.sha256(json.dumps([plan.model_digest, plan.set_digest, plan.flip, seen]).encode()).hexdigest()
    latents = Latents(checkpoint, lessons, kept=plan.cache, file=run.cache / f"{name}.safetensors" if run.leads else None, about=about)
    for done in latents.prepare(flip=plan.flip and name != "held-out"):
        yield Encoded(done=done, total=len(lessons))
    return latents
