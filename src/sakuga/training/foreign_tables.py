"""What the settings of kohya, OneTrainer and ai-toolkit are called here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True, slots=True)
class Ours:
    """One of our settings, or why there is none."""

    setting: str = ""
    value: Any = None
    note: str = ""


Flat = Mapping[str, Any]
Rule = Callable[[Any, Flat], list[Ours]]
SCHEDULES = {
    "constant": "constant", "constant_with_warmup": "constant", "linear": "linear", "cosine": "cosine",
    "cosine_with_restarts": "cosine-restarts",
}  # fmt: skip
OPTIMIZERS = {
    "adamw": "adamw", "adamw8bit": "adamw8bit", "adamw_8bit": "adamw8bit", "prodigy": "prodigy", "prodigyopt": "prodigy",
    "adamwschedulefree": "schedule-free", "schedule_free_adamw": "schedule-free", "adam": "adamw",
}  # fmt: skip
PRECISIONS = {
    "no": "fp32", "float32": "fp32", "float_32": "fp32", "fp32": "fp32", "fp16": "fp16", "float16": "fp16", "float_16": "fp16",
    "bf16": "bf16", "bfloat16": "bf16", "bfloat_16": "bf16",
}  # fmt: skip
SAMPLINGS = {"uniform": "uniform", "logit_normal": "logit-normal", "content": "high-noise", "style": "low-noise", "balanced": "uniform"}
FOREIGN = (
    "flux", "stable_diffusion_3", "sd3", "pixart", "wuerstchen", "stable_cascade", "hunyuan", "sana", "chroma", "qwen", "wan", "hidream",
)  # fmt: skip
"""Parts of names of model families that are not trained here."""


def same(setting: str, kind: Callable[[Any], Any] = lambda value: value) -> Rule:
    """Return a rule for a setting with the same meaning."""
    return lambda value, flat: [Ours(setting, kind(value))]


def word(setting: str, words: Mapping[str, str]) -> Rule:
    """Return a rule for a setting whose choices have other names."""

    def rule(value: Any, flat: Flat) -> list[Ours]:
        ours = words.get(str(value).lower().rsplit(".", 1)[-1])
        return [Ours(setting, ours)] if ours else [Ours(note=f"there is no such {setting.replace('_', ' ')} here")]

    return rule


def told(note: str) -> Rule:
    """Return a rule for a line without a setting."""
    return lambda value, flat: [Ours(note=note)]


def number(value: Any) -> Any:
    """Return a whole number as int, else a float."""
    return int(value) if float(value).is_integer() else float(value)


def first_side(value: Any) -> int:
    """Return the size in pixels of 512, "512", "512,768" or [512, 768]: the side of a square of that area."""
    parts = value if isinstance(value, list) else str(value).replace("x", ",").split(",")
    sides = [int(str(part).strip()) for part in parts]
    return sides[0] if len(sides) == 1 or sides[0] == sides[1] else round((sides[0] * sides[1]) ** 0.5 / 8) * 8


def _network_arguments(value: Any, flat: Flat) -> list[Ours]:
    """Read kohya's `network_args`, such as ["conv_dim=8", "algo=loha"]."""
    found = []
    for text in [value] if isinstance(value, str) else value:
        name, _, given = text.partition("=")
        match name:
            case "algo":
                kinds = {"lora": "lora", "locon": "lora", "loha": "loha", "lokr": "lokr"}
                found.append(Ours("algorithm", kinds[given]) if given in kinds else Ours(note=f"there is no {given} here"))
            case "conv_dim":
                found += [Ours("convolution_rank", int(given)), Ours("targets", ("attention", "feed-forward", "convolutions"))]
            case "factor":
                found.append(Ours("factor", max(0, int(given))))
            case "rank_dropout":
                found.append(Ours("rank_dropout", float(given)))
            case "loraplus_lr_ratio":
                found.append(Ours("loraplus_ratio", float(given)))
            case "dora_wd":
                found.append(Ours("algorithm", "dora" if given.lower() == "true" else "lora"))
            case _:
                found.append(Ours(note=f"{name} has no counterpart"))
    return found


def _kohya_module(value: Any, flat: Flat) -> list[Ours]:
    if value == "networks.lora":
        return [Ours("targets", ("attention", "feed-forward"), "kohya trains both by default")]
    return [Ours(note="the algorithm is read from network_args" if value == "lycoris.kohya" else "there is no such network here")]


def _text_rate(value: Any, flat: Flat) -> list[Ours]:
    rate = float(value[0] if isinstance(value, list) else value)
    whole = float(flat.get("unet_lr") or flat.get("learning_rate") or 0)
    if rate == 0 or flat.get("network_train_unet_only"):
        return [Ours("text_encoder", False)]
    return [Ours("text_encoder", True), *([Ours("block_rates", f"text={rate / whole:g}")] if whole and rate != whole else [])]


def _off_is_off(setting: str) -> Rule:
    return lambda value, flat: [Ours(setting, bool(value) and str(value).upper() not in ("OFF", "FALSE", "NONE"))]


def _kohya_out(value: Any, flat: Flat) -> list[Ours]:
    return [Ours("out", str(PurePath(value) / flat.get("output_name", "run")))]


KOHYA: dict[str, Rule] = {
    "pretrained_model_name_or_path": same("model"),
    "train_data_dir": same("set", str),
    "output_dir": _kohya_out,
    "output_name": told("part of the run folder"),
    "network_module": _kohya_module,
    "network_dim": same("rank", int),
    "network_alpha": same("alpha", float),
    "network_args": _network_arguments,
    "network_train_unet_only": lambda value, flat: [Ours("text_encoder", not value)],
    "learning_rate": same("learning_rate", float),
    "unet_lr": same("learning_rate", float),
    "text_encoder_lr": _text_rate,
    "lr_scheduler": word("schedule", SCHEDULES),
    "lr_scheduler_num_cycles": same("cycles", int),
    "lr_warmup_steps": same("warmup", int),
    "optimizer_type": word("optimizer", OPTIMIZERS),
    "max_train_steps": same("steps", int),
    "max_train_epochs": same("epochs", float),
    "train_batch_size": same("batch", int),
    "gradient_accumulation_steps": same("gradient_accumulation", int),
    "max_grad_norm": same("max_grad_norm", float),
    "resolution": same("size", first_side),
    "enable_bucket": same("buckets", bool),
    "flip_aug": same("flip", bool),
    "caption_dropout_rate": same("caption_dropout", float),
    "caption_dropout_every_n_epochs": same("caption_dropout_every", int),
    "caption_tag_dropout_rate": same("tag_dropout", float),
    "shuffle_caption": same("shuffle_tags", bool),
    "keep_tokens": same("keep_tags", int),
    "min_snr_gamma": same("min_snr_gamma", float),
    "debiased_estimation_loss": same("debiased", bool),
    "loss_type": word("loss", {"l2": "l2", "huber": "huber", "smooth_l1": "smooth-l1"}),
    "huber_c": same("huber_c", float),
    "noise_offset": same("noise_offset", float),
    "multires_noise_iterations": same("multires_noise", int),
    "multires_noise_discount": same("multires_discount", float),
    "min_timestep": same("min_timestep", int),
    "max_timestep": same("max_timestep", int),
    "seed": same("seed", int),
    "mixed_precision": word("precision", PRECISIONS),
    "gradient_checkpointing": same("gradient_checkpointing", bool),
    "sample_every_n_steps": same("sample_every", int),
    "save_every_n_steps": same("checkpoint_every", int),
    "cache_latents": same("cache", bool),
    "prior_loss_weight": told("give loss_weight in concepts.toml"),
    "reg_data_dir": told("give it in concepts.toml, with regularisation = true"),
    "masked_loss": told("a set with masks is trained so"),
    "alpha_mask": told("build the set with `sakuga data build --alpha-masks`"),
    "caption_extension": told(".txt and .caption are read"),
    "v2": told("read from the model"),
    "v_parameterization": told("read from the model"),
    "save_model_as": told("always safetensors"),
    "xformers": told("of no effect"),
    "sdpa": told("of no effect"),
    "cache_latents_to_disk": told("kept in the run's folder"),
    "logging_dir": told("in the run's folder"),
    "bucket_no_upscale": told("small images are enlarged"),
    "persistent_data_loader_workers": told("of no effect"),
    "max_data_loader_n_workers": told("of no effect"),
    "save_precision": told("always fp16"),
}


def _loss_weight(value: Any, flat: Flat) -> list[Ours]:
    match str(value).upper():
        case "MIN_SNR_GAMMA":
            return [Ours("min_snr_gamma", float(flat.get("loss_weight_strength") or 5.0))]
        case "DEBIASED_ESTIMATION":
            return [Ours("debiased", True)]
        case "CONSTANT":
            return [Ours("min_snr_gamma", 0.0)]
        case _:
            return [Ours(note="there is no such loss weight here")]


def _peft_type(value: Any, flat: Flat) -> list[Ours]:
    dora = bool(flat.get("lora_decompose"))
    match str(value).upper():
        case "LORA":
            return [Ours("algorithm", "dora" if dora else "lora")]
        case "LOHA":
            return [Ours("algorithm", "loha")]
        case _:
            return [Ours(note="there is no such method here")]


ONETRAINER: dict[str, Rule] = {
    "training_method": lambda value, flat: [
        Ours(note="a LoRA" if value == "LORA" else "give `sakuga train dreambooth` or `textual-inversion`")
    ],
    "model_type": told("read from the model"),
    "base_model_name": same("model"),
    "output_model_destination": same("out", str),
    "peft_type": _peft_type,
    "lora_rank": same("rank", number),
    "lora_alpha": same("alpha", float),
    "lora_decompose": lambda value, flat: [Ours("algorithm", "dora")] if value else [],
    "learning_rate": same("learning_rate", float),
    "learning_rate_scheduler": word("schedule", SCHEDULES),
    "learning_rate_warmup_steps": same("warmup", number),
    "learning_rate_cycles": same("cycles", number),
    "epochs": same("epochs", float),
    "batch_size": same("batch", int),
    "gradient_accumulation_steps": same("gradient_accumulation", int),
    "resolution": same("size", first_side),
    "aspect_ratio_bucketing": same("buckets", bool),
    "optimizer.optimizer": word("optimizer", OPTIMIZERS),
    "optimizer.weight_decay": same("weight_decay", float),
    "clip_grad_norm": same("max_grad_norm", float),
    "min_noising_strength": lambda value, flat: [Ours("min_timestep", round(1000 * float(value)))],
    "max_noising_strength": lambda value, flat: [Ours("max_timestep", round(1000 * float(value)))],
    "timestep_distribution": word("timestep_sampling", SAMPLINGS),
    "offset_noise_weight": same("noise_offset", float),
    "loss_weight_fn": _loss_weight,
    "loss_weight_strength": told("part of loss_weight_fn"),
    "masked_training": told("a set with masks is trained so"),
    "unmasked_weight": same("unmasked_weight", float),
    "train_dtype": word("precision", PRECISIONS),
    "ema_decay": lambda value, flat: [
        Ours("ema_decay", float(value)) if str(flat.get("ema", "OFF")).upper() != "OFF" else Ours(note="EMA is off")
    ],
    "ema": told("see ema_decay"),
    "gradient_checkpointing": _off_is_off("gradient_checkpointing"),
    "text_encoder.train": same("text_encoder", bool),
    "concepts.path": same("set", str),
    "concepts.image.enable_random_flip": same("flip", bool),
    "concepts.text.enable_tag_shuffling": same("shuffle_tags", bool),
    "concepts.text.keep_tags_count": same("keep_tags", int),
    "concepts.text.tag_dropout_probability": same("tag_dropout", float),
    "concept_file_name": told("write its concepts into concepts.toml"),
    "latent_caching": same("cache", bool),
}


AI_TOOLKIT: dict[str, Rule] = {
    "name": told("the run folder's name"),
    "type": told("of no effect"),
    "training_folder": lambda value, flat: [Ours("out", str(PurePath(value) / str(flat.get("name") or "run")))],
    "trigger_word": same("trigger", str),
    "network.type": word("algorithm", {"lora": "lora", "locon": "lora", "lokr": "lokr"}),
    "network.linear": same("rank", int),
    "network.linear_alpha": same("alpha", float),
    "network.conv": lambda value, flat: [
        Ours("convolution_rank", int(value)),
        Ours("targets", ("attention", "feed-forward", "convolutions")),
    ],
    "network.lokr_factor": lambda value, flat: [Ours("factor", max(0, int(value)))],
    "save.save_every": same("checkpoint_every", int),
    "save.max_step_saves_to_keep": same("keep", int),
    "datasets.folder_path": same("set", str),
    "datasets.caption_dropout_rate": same("caption_dropout", float),
    "datasets.shuffle_tokens": same("shuffle_tags", bool),
    "datasets.resolution": same("size", first_side),
    "datasets.mask_path": told("put the masks beside their images, as NAME-masklabel.png"),
    "datasets.caption_ext": told(".txt and .caption are read"),
    "datasets.flip_x": same("flip", bool),
    "train.batch_size": same("batch", int),
    "train.steps": same("steps", int),
    "train.gradient_accumulation": same("gradient_accumulation", int),
    "train.gradient_accumulation_steps": same("gradient_accumulation", int),
    "train.train_text_encoder": same("text_encoder", bool),
    "train.gradient_checkpointing": same("gradient_checkpointing", bool),
    "train.optimizer": word("optimizer", OPTIMIZERS),
    "train.lr": same("learning_rate", float),
    "train.lr_scheduler": word("schedule", SCHEDULES),
    "train.dtype": word("precision", PRECISIONS),
    "train.ema_config.ema_decay": lambda value, flat: [
        Ours("ema_decay", float(value)) if flat.get("train.ema_config.use_ema") else Ours(note="EMA is off")
    ],
    "train.ema_config.use_ema": told("see ema_decay"),
    "train.content_or_style": word("timestep_sampling", SAMPLINGS),
    "train.noise_offset": same("noise_offset", float),
    "train.min_snr_gamma": same("min_snr_gamma", float),
    "train.max_grad_norm": same("max_grad_norm", float),
    "train.train_unet": told("always"),
    "model.name_or_path": same("model"),
    "sample.sample_every": same("sample_every", int),
    "sample.prompts": same("prompts", tuple),
    "sample.seed": told("seeds are 0, 1, 2, ..."),
    "model.is_xl": told("read from the model"),
    "model.is_v_pred": told("read from the model"),
}


def _foreign_name(value: Any) -> str:
    name = str(value).lower()
    return next((str(value) for part in FOREIGN if part in name), "")


FAMILIES: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("model_type", _foreign_name),
    ("model.arch", _foreign_name),
    ("model.is_flux", lambda value: "Flux" if value else ""),
    ("model.is_v3", lambda value: "Stable Diffusion 3" if value else ""),
    ("network_module", _foreign_name),
)
"""Keys that tell a family that is not trained here, and its name."""
