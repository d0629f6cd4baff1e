"""The commands `sakuga train ...`."""

import inspect
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sakuga.cli import options as opt

train = typer.Typer(no_args_is_help=True, help="Teach a model a style from a training set.")

Set = Annotated[Path, typer.Argument(metavar="SET", help="a training set, as `sakuga data build` writes it")]
Run = Annotated[Path, typer.Option("--out", "-o", help="the run's folder, with the style in it")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the run where it stopped, exactly; the same command otherwise")]
USUAL = "the model's usual"
Steps = Annotated[int | None, typer.Option(help="how often the weights are changed", show_default=USUAL)]
Epochs = Annotated[float | None, typer.Option(help="how often each picture is seen, in place of steps")]
Batch = Annotated[int | None, typer.Option(help="pictures at once", show_default=USUAL)]
Accumulation = Annotated[int | None, typer.Option(help="batches a step", show_default=USUAL)]
Rate = Annotated[float | None, typer.Option(help="the greatest learning rate", show_default=USUAL)]
Schedule = Annotated[str | None, typer.Option(help="constant, linear, cosine or cosine-restarts", show_default=USUAL)]
Warmup = Annotated[int | None, typer.Option(help="steps in which the rate rises", show_default=USUAL)]
Cycles = Annotated[int | None, typer.Option(help="of cosine-restarts", show_default="1")]
Decay = Annotated[float | None, typer.Option(help="weight decay", show_default="0.01")]
Clip = Annotated[float | None, typer.Option(help="the greatest length of a gradient", show_default="1")]
Optimizer = Annotated[str | None, typer.Option(help="adamw, or adamw8bit with bitsandbytes", show_default="adamw")]
Seed = Annotated[int | None, typer.Option(help="all chance of the training", show_default="0")]
Size = Annotated[int | None, typer.Option(help="pixels of a square as large as the pictures are trained", show_default="the model's own")]
Buckets = Annotated[bool | None, typer.Option(help="keep about the pictures' shapes, or cut squares", show_default="buckets")]
Flip = Annotated[bool | None, typer.Option(help="mirror pictures at random", show_default="no")]
Dropout = Annotated[float | None, typer.Option(help="the share of captions left out", show_default=USUAL)]
MinSnr = Annotated[float | None, typer.Option(help="the gamma of min-SNR weights; 0 is off", show_default=USUAL)]
NoiseOffset = Annotated[float | None, typer.Option(help="noise added to whole channels, for dark and bright", show_default="0")]
Ema = Annotated[float | None, typer.Option("--ema", help="the share that averaged weights keep each step; 0 is off", show_default="0")]
Precision = Annotated[str | None, typer.Option(help="fp32, bf16 or fp16", show_default="bf16 where that is fast")]
Checkpointing = Annotated[bool | None, typer.Option(help="less memory, more time", show_default="no")]
Patience = Annotated[int | None, typer.Option("--stop-early", help="validations without a better loss until it stops; takes the best")]
ValidateEvery = Annotated[int | None, typer.Option(help="steps between losses on the pictures held out; 0 never", show_default="a tenth")]
CheckpointEvery = Annotated[int | None, typer.Option(help="steps between checkpoints", show_default="a fifth")]
Keep = Annotated[int | None, typer.Option(help="checkpoints kept, beside the best", show_default="2")]
SampleEvery = Annotated[int | None, typer.Option(help="steps between samples; 0 draws none", show_default="a fifth")]
Prompts = Annotated[list[str] | None, typer.Option("--prompt", help="what samples show; several times for several")]
Cache = Annotated[bool | None, typer.Option(help="keep latents and texts; changes nothing but the time", show_default="cache")]
Tracker = Annotated[str | None, typer.Option("--log-with", help="tensorboard, wandb or none", show_default="tensorboard")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
LogEvery = Annotated[int | None, typer.Option(help="steps between lines of metrics", show_default="10")]
Rank = Annotated[int | None, typer.Option(help="of the matrices that are learnt", show_default="8")]
Alpha = Annotated[float | None, typer.Option(help="the matrices count alpha / rank", show_default="the rank")]
Targets = Annotated[
    str | None, typer.Option(help="which layers, with commas: attention, feed-forward, convolutions or layers' names", show_default=USUAL)
]
TextEncoder = Annotated[bool | None, typer.Option(help="teach the text encoder too", show_default="no")]


def shared(
    source: Set,
    out: Run,
    model: opt.Model = "sketchbook",
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    accumulation: Accumulation = None,
    rate: Rate = None,
    schedule: Schedule = None,
    warmup: Warmup = None,
    cycles: Cycles = None,
    decay: Decay = None,
    clip: Clip = None,
    optimizer: Optimizer = None,
    seed: Seed = None,
    size: Size = None,
    buckets: Buckets = None,
    flip: Flip = None,
    caption_dropout: Dropout = None,
    min_snr: MinSnr = None,
    noise_offset: NoiseOffset = None,
    average: Ema = None,
    precision: Precision = None,
    gradient_checkpointing: Checkpointing = None,
    patience: Patience = None,
    validate_every: ValidateEvery = None,
    checkpoint_every: CheckpointEvery = None,
    keep: Keep = None,
    sample_every: SampleEvery = None,
    prompts: Prompts = None,
    log_every: LogEvery = None,
    cache: Cache = None,
    tracker: Tracker = None,
    device: Device = "auto",
    resume: Resume = False,
) -> dict[str, Any]:
    """Read the options that all methods share as settings of the same names."""
    said = dict(locals())
    said["set"] = said.pop("source")
    return {**said, "prompts": tuple(prompts) if prompts else None}


Options = dict[str, inspect.Parameter]


def taught_by(method: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Make a command of what reads a method's own options: it takes the shared ones too, trains, and reports."""
    own, common = (dict(inspect.signature(function).parameters) for function in (method, shared))

    def command(json: opt.Json = False, quiet: opt.Quiet = False, **given: Any) -> None:
        from sakuga import studio
        from sakuga.cli.show import report, watch

        said = shared(**{name: given[name] for name in common})
        settings = studio.TrainSettings(**said, **method(**{name: given[name] for name in own}))
        alone = quiet or not studio.leads()
        made = watch(studio.train(settings), quiet=alone or json)
        held_out = "" if made.validation_loss is None else f", {made.validation_loss:.4g} on the pictures held out"
        words = f"wrote {made.style}: {made.steps} steps in {made.seconds:.0f} s, loss {made.loss:.4g}{held_out}"
        report({**asdict(made), "run": str(made.run), "style": str(made.style)}, as_json=json and studio.leads(), words=words, quiet=alone)

    last = {name: parameter for name, parameter in inspect.signature(command).parameters.items() if name != "given"}
    options: Options = {**dict(list(common.items())[:3]), **own, **dict(list(common.items())[3:]), **last}
    as_named = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options.values()]
    command.__signature__ = inspect.Signature(as_named)  # type: ignore[attr-defined]
    command.__annotations__ = {name: option.annotation for name, option in options.items()}
    command.__doc__ = method.__doc__
    return command


def lora(
    preset: Annotated[str | None, typer.Option(help="a recipe in use: sd15, portraits, sd21, sd21-long, sdxl or restarts")] = None,
    rank: Rank = None,
    alpha: Alpha = None,
    targets: Targets = None,
    text_encoder: TextEncoder = None,
) -> dict[str, Any]:
    """Teach a style as a LoRA: small matrices beside the model's layers."""
    from sakuga import studio

    method = studio.lora_method(preset, rank=rank, alpha=alpha, targets=_named(targets), text_encoder=text_encoder)
    return {"method": method, "preset": preset}


def textual_inversion(
    word: Annotated[str, typer.Option(help="what prompts will say", show_default="the set's trigger")] = "",
    initial: Annotated[str, typer.Option(help="words to begin from: what the pictures show in general", show_default="the word")] = "",
    vectors: Annotated[int, typer.Option(help="tokens that the word takes")] = 1,
) -> dict[str, Any]:
    """Teach one word what it means, and change nothing else (Textual Inversion)."""
    from sakuga import studio

    return {"method": studio.TextualInversion(word=word, initial=initial, vectors=vectors)}


def dreambooth(
    class_prompt: Annotated[str, typer.Option(help='what the subject is one of, as "a balloon", and is to stay')] = "",
    class_set: Annotated[str, typer.Option(help="a training set of such", show_default="drawn by the model")] = "",
    class_pictures: Annotated[int, typer.Option(help="how many are drawn")] = 50,
    prior: Annotated[
        str | None, typer.Option(help="what of them is held: pictures, or answers that the model gave before", show_default=USUAL)
    ] = None,
    prior_weight: Annotated[float, typer.Option(help="how much they count")] = 1.0,
    instance_prompt: Annotated[str, typer.Option(help='what all pictures show, as "a zk balloon"', show_default="their captions")] = "",
    initial: Annotated[str, typer.Option(help="how the subject looks, in known words: its name begins so, and is learnt beside")] = "",
    vectors: Annotated[int | None, typer.Option(help="tokens that the learnt name takes", show_default="as many as these words")] = None,
    full: Annotated[bool, typer.Option("--full", help="change the whole UNet, not a LoRA; makes a model, not a style")] = False,
    rank: Rank = None,
    alpha: Alpha = None,
    targets: Targets = None,
    text_encoder: TextEncoder = None,
) -> dict[str, Any]:
    """Teach one subject, and keep what else is of its class (DreamBooth)."""
    from sakuga import studio

    adapter = studio.lora_method(rank=rank, alpha=alpha, targets=_named(targets), text_encoder=text_encoder)
    count = len(initial.split()) if vectors is None else vectors
    name = studio.TextualInversion(initial=initial, vectors=count) if initial or vectors is not None else None
    method = studio.DreamBooth(
        adapter=None if full else adapter, name=name, class_prompt=class_prompt, class_set=class_set, class_pictures=class_pictures,
        prior=prior, prior_weight=prior_weight, instance_prompt=instance_prompt,  # type: ignore[arg-type]
    )  # fmt: skip
    return {"method": method}


train.command("lora")(taught_by(lora))
train.command("textual-inversion")(taught_by(textual_inversion))
train.command("dreambooth")(taught_by(dreambooth))


def _named(targets: str | None) -> tuple[str, ...] | None:
    return None if targets is None else tuple(filter(None, (target.strip() for target in targets.split(","))))
