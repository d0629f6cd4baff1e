"""Assembling a training: checkpoint, method, encoded examples."""

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.models.checkpoint import DTYPES, Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.loading import quiet_libraries
from sakuga.models.motion_lookup import find_motion_adapter
from sakuga.models.placement import place_encoder, place_unet
from sakuga.training.caption_changes import caption_changes
from sakuga.training.clip_data import ClipObjective, EncodedClips
from sakuga.training.full_unet import FullUNetMethod
from sakuga.training.loop import Training
from sakuga.training.lora import LoraMethod
from sakuga.training.method import TrainingMethod
from sakuga.training.method_settings import DreamBooth, Lora, MotionLora, Slider, TextualInversion
from sakuga.training.motion_lora import MotionLoraMethod
from sakuga.training.named_lora import LoraEmbeddingMethod
from sakuga.training.objective import Objective
from sakuga.training.plan import TrainingPlan, TrainingPlanError
from sakuga.training.plan_options import parse_numbers
from sakuga.training.resolved import ResolvedTraining
from sakuga.training.slider import paired_sets
from sakuga.training.speed import pick_device
from sakuga.training.textual_inversion import EmbeddingMethod, is_known_word
from sakuga.training.training_data import BatchStream, EncodedExamples, EncodingProgress, ExampleSource, bucket_sizes
from sakuga.training.validation import Validation


def prepare_training(resolved: ResolvedTraining, class_set: TrainingSet | None, device: str) -> Generator[EncodingProgress, None, Training]:
    """Load the model and encode the images.

    With a `class_set` it is trained on too, for prior preservation.
    """
    plan, run = resolved.plan, resolved.run
    checkpoint = load_for_training(plan, resolved.source, pick_device(device))
    for note in _known_word_warning(plan, checkpoint):
        run.log(note)
        yield EncodingProgress(done=0, total=len(resolved.training_set.training), note=note)
    method = make_method(plan, checkpoint)
    if isinstance(method, MotionLoraMethod):
        return (yield from _prepare_clips(resolved, method))
    objective = Objective(checkpoint, plan)
    if isinstance(plan.method, Slider) and class_set:
        return (yield from _prepare_pairs(resolved, method, objective, class_set))
    training_set = _with_captions(plan, resolved.training_set, method)
    encoded = yield from _encode(resolved, checkpoint, training_set, training_set.training, "training")
    streams = [BatchStream(encoded, plan.batch, plan.seed)]
    if class_set:
        weight, distill = _prior(plan)
        class_images = yield from _encode(resolved, checkpoint, class_set, class_set.training, "class")
        streams.append(BatchStream(class_images, plan.batch, plan.seed + 1, weight=weight, distill=distill))
    validation = None
    if plan.validate_every and training_set.held_out:
        held_out = yield from _encode(resolved, checkpoint, training_set, training_set.held_out, "held-out")
        validation = Validation(held_out, objective, plan.batch)
    return Training(plan, method, streams, objective, run, validation)


def _prepare_pairs(
    resolved: ResolvedTraining, method: TrainingMethod, objective: Objective, others: TrainingSet
) -> Generator[EncodingProgress, None, Training]:
    """Encode both sides of a slider's pairs, whose batches have the same order, noise and timesteps."""
    plan, checkpoint = resolved.plan, method.checkpoint
    more, less = paired_sets(resolved.training_set, others)
    first = yield from _encode(resolved, checkpoint, more, more.training, "more")
    second = yield from _encode(resolved, checkpoint, less, less.training, "less")
    if len(first.examples) != len(second.examples):
        raise TrainingPlanError("an image of the pairs cannot be read, so another has no pair: repair it, or leave both out")
    if wrong := next((one for one, other in zip(first.examples, second.examples, strict=True) if one.bucket != other.bucket), None):
        raise TrainingPlanError(f"{wrong.path.name} and its pair have different shapes: crop both sets to one, as with `sakuga data crop`")
    streams = [BatchStream(first, plan.batch, plan.seed), BatchStream(second, plan.batch, plan.seed, negative=True)]
    return Training(plan, method, streams, objective, resolved.run, None)


def _prepare_clips(resolved: ResolvedTraining, method: MotionLoraMethod) -> Generator[EncodingProgress, None, Training]:
    """Encode the clips of a motion training.

    What counts is the mean over a clip's frames.
    """
    plan, checkpoint, training_set = resolved.plan, method.checkpoint, resolved.training_set
    sizes = bucket_sizes(plan, checkpoint.info.size_multiple)
    source = ExampleSource(
        training_set=training_set, examples=training_set.training, sizes=sizes, flip=False, cached=False, file=None, key=""
    )  # fmt: skip
    clips = EncodedClips(checkpoint, source, method.settings)
    yield from clips.prepare()
    sides = (False, True) if method.settings.both_ways else (False,)
    weight = 1 / method.settings.frames / len(sides)
    streams = [BatchStream(clips, plan.batch, plan.seed, weight=weight, negative=negative) for negative in sides]
    return Training(plan, method, streams, ClipObjective(checkpoint, plan), resolved.run, None)


def _prior(plan: TrainingPlan) -> tuple[float, bool]:
    """Return the weight of prior preservation, and whether the base model's predictions are its target."""
    match plan.method:
        case DreamBooth(prior=prior, prior_weight=weight):
            return weight, prior == "predictions"
        case Lora(preserve=weight):
            return weight, True
        case _:
            raise AssertionError(plan.method)


def _known_word_warning(plan: TrainingPlan, checkpoint: Checkpoint) -> list[str]:
    """Warn of a word that the model knows already."""
    match plan.method:
        case TextualInversion(word=word) | DreamBooth(name=TextualInversion(word=word)) if is_known_word(checkpoint, word):
            return [f"the model knows {word!r} already: with the style applied, the word has its new meaning only; '<{word}>' keeps both"]
        case Lora() if plan.trigger and is_known_word(checkpoint, plan.trigger):
            return [
                f"the model knows the trigger word {plan.trigger!r} already: what it means to the model comes with the style, and may cost "
                "subjects; a word that it does not know has no meaning yet"
            ]
        case _:
            return []


def _with_captions(plan: TrainingPlan, training_set: TrainingSet, method: TrainingMethod) -> TrainingSet:
    """Apply the instance prompt and the trained word."""
    prompt = plan.method.instance_prompt if isinstance(plan.method, DreamBooth) else ""
    captions = [prompt or example.text for example in training_set.examples]
    captions = [method.name.add_word(text) for text in captions] if isinstance(method, LoraEmbeddingMethod) else captions
    examples = tuple(replace(example, text=text) for example, text in zip(training_set.examples, captions, strict=True))
    return replace(training_set, examples=examples)


def load_for_training(plan: TrainingPlan, source: CheckpointFiles, device: torch.device) -> Checkpoint:
    """Load a checkpoint in the layout that trains fastest.

    Only frozen networks are in half precision, and never the autoencoder.
    """
    checkpoint = load_checkpoint(source, str(device))
    place_unet(checkpoint.unet, device)
    for encoder in checkpoint.text_encoders:
        place_encoder(encoder.network, device)
    if not (isinstance(plan.method, DreamBooth) and plan.method.adapter is None):
        with quiet_libraries():
            checkpoint.unet.to(DTYPES[plan.precision])
    if plan.gradient_checkpointing:
        checkpoint.unet.enable_gradient_checkpointing()
    return checkpoint


def make_method(plan: TrainingPlan, checkpoint: Checkpoint) -> TrainingMethod:
    """Build the trainable parameters of a plan's method.

    Raises TrainingPlanError where the model lacks the layers or words that it names.
    """
    match plan.method:
        case Lora():
            return LoraMethod(checkpoint, plan.method, seed=plan.seed, cache_captions=_caches_captions(plan))
        case Slider(adapter=adapter):
            return LoraMethod(checkpoint, adapter, seed=plan.seed, cache_captions=_caches_captions(plan))
        case MotionLora(motion=motion):
            files = find_motion_adapter(checkpoint.files, motion or None)
            return MotionLoraMethod(checkpoint, files, plan.method, seed=plan.seed, cache_captions=_caches_captions(plan))
        case TextualInversion():
            return EmbeddingMethod(checkpoint, plan.method, plan.method.word, seed=plan.seed)
        case DreamBooth(adapter=None, prior=prior):
            return FullUNetMethod(checkpoint, cache_captions=_caches_captions(plan), keep_base=prior == "predictions")
        case DreamBooth(adapter=Lora() as adapter, name=name):
            lora = LoraMethod(checkpoint, adapter, seed=plan.seed, cache_captions=_caches_captions(plan))
            return LoraEmbeddingMethod(lora, EmbeddingMethod(checkpoint, name, name.word, seed=plan.seed)) if name else lora
        case _:
            raise AssertionError(plan.method)


def _caches_captions(plan: TrainingPlan) -> bool:
    """Return whether embeddings of captions are kept; those of captions that differ at every use would fill the memory."""
    return plan.cache and not caption_changes(plan).active


def _encode(
    resolved: ResolvedTraining, checkpoint: Checkpoint, training_set: TrainingSet, examples: Sequence[Example], name: str
) -> Generator[EncodingProgress, None, EncodedExamples]:
    plan, run, multiple, trained = resolved.plan, resolved.run, checkpoint.info.size_multiple, name != "held-out"
    source = ExampleSource(
        training_set=training_set,
        examples=tuple(examples),
        sizes=bucket_sizes(plan, multiple),
        extra_sizes=tuple(bucket_sizes(plan, multiple, int(size)) for size in parse_numbers(plan.extra_sizes)) if trained else (),
        focus=plan.focus,
        color_jitter=plan.color_jitter if trained else 0.0,
        flip=plan.flip and trained,
        cached=plan.cache and not (plan.color_jitter and trained),
        file=run.cache / f"{name}.safetensors" if run.is_main else None,
        key=hashlib.sha256(json.dumps([plan.model_digest, plan.set_digest]).encode()).hexdigest(),
    )
    encoded = EncodedExamples(checkpoint, source)
    for progress in encoded.prepare():
        if progress.note:
            run.log(progress.note)
        yield progress
    return encoded
