"""Metadata of a trained LoRA's file, as kohya writes it (`ss_*`) and Stability's model spec has it (`modelspec.*`).

Civitai, ComfyUI and A1111 read trigger words, base model, rank and tags from it. It has no dates, so that a training repeated has the same
bytes.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sakuga import __version__
from sakuga.datasets.training_set import UNKNOWN, TrainingSet
from sakuga.models.checkpoint_files import CheckpointInfo
from sakuga.models.families import FamilyName
from sakuga.training.method_settings import DreamBooth, Lora, Slider
from sakuga.training.plan import TrainingPlan

BASES: dict[FamilyName, tuple[str, str]] = {
    "sd1": ("sd_v1", "stable-diffusion-v1"), "sd2": ("sd_v2", "stable-diffusion-v2-768-v"),
    "sdxl": ("sdxl_base_v1-0", "stable-diffusion-xl-v1-base"), "sketchbook": ("sketchbook", "sketchbook"),
}  # fmt: skip
"""What kohya and the model spec call the base model's family."""
PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}
MODULES = {"lora": "networks.lora", "dora": "networks.lora", "loha": "lycoris.kohya", "lokr": "lycoris.kohya"}
MOST_TAGS = 1000


def file_metadata(
    plan: TrainingPlan, training_set: TrainingSet, info: CheckpointInfo, family: FamilyName | None, name: str, result: Mapping[str, Any]
) -> dict[str, str]:
    """Return the metadata of a LoRA's file, all values texts."""
    lora = plan.method.adapter if isinstance(plan.method, DreamBooth | Slider) else plan.method
    if not isinstance(lora, Lora):
        return {}
    values = {**_network(lora), **_training(plan, lora, result), **_data(plan, training_set), **_model(plan, info, family, name)}
    values |= _model_spec(plan, lora, training_set, info, family, name)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items() if value is not None}


def _network(lora: Lora) -> dict[str, Any]:
    options = {
        "conv_dim": lora.convolution_rank, "algo": lora.algorithm if lora.algorithm in ("loha", "lokr") else None,
        "factor": lora.factor or None, "dora_wd": True if lora.algorithm == "dora" else None, "rank_dropout": lora.rank_dropout or None,
        "loraplus_lr_ratio": lora.loraplus_ratio if lora.loraplus_ratio != 1 else None,
    }  # fmt: skip
    return {
        "ss_network_module": MODULES[lora.algorithm],
        "ss_network_dim": str(lora.rank),
        "ss_network_alpha": f"{float(lora.rank if lora.alpha is None else lora.alpha):g}",
        "ss_network_args": {key: str(value) for key, value in options.items() if value is not None},
    }


def _training(plan: TrainingPlan, lora: Lora, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ss_learning_rate": f"{plan.learning_rate:g}",
        "ss_unet_lr": f"{plan.learning_rate:g}",
        "ss_text_encoder_lr": f"{plan.learning_rate:g}" if lora.text_encoder else "0",
        "ss_optimizer": plan.optimizer,
        "ss_lr_scheduler": plan.schedule.replace("-", "_"),
        "ss_lr_warmup_steps": str(plan.warmup),
        "ss_max_train_steps": str(plan.steps),
        "ss_steps": str(result["steps"]),
        "ss_gradient_accumulation_steps": str(plan.gradient_accumulation),
        "ss_batch_size_per_device": str(plan.batch),
        "ss_seed": str(plan.seed),
        "ss_mixed_precision": {"fp32": "no"}.get(plan.precision, plan.precision),
        "ss_min_snr_gamma": None if plan.min_snr_gamma is None else f"{plan.min_snr_gamma:g}",
        "ss_noise_offset": f"{plan.noise_offset:g}" if plan.noise_offset else None,
        "ss_multires_noise_iterations": str(plan.multires_noise) if plan.multires_noise else None,
        "ss_caption_dropout_rate": f"{plan.caption_dropout:g}",
        "ss_max_grad_norm": f"{plan.max_grad_norm:g}",
        "ss_loss_type": plan.loss.replace("-", "_"),
    }


def _data(plan: TrainingPlan, training_set: TrainingSet) -> dict[str, Any]:
    tags = Counter(tag for example in training_set.training for tag in _tags(example.text))
    images = len(training_set.training)
    return {
        "ss_num_train_images": str(len(training_set.epoch)),
        "ss_num_validation_images": str(len(training_set.held_out)),
        "ss_tag_frequency": {training_set.name: dict(tags.most_common(MOST_TAGS))},
        "ss_dataset_dirs": {training_set.name: {"n_repeats": 1, "img_count": images}},
        "ss_resolution": f"({plan.size}, {plan.size})",
        "ss_enable_bucket": str(plan.buckets),
        "ss_shuffle_caption": str(plan.shuffle_tags),
        "ss_keep_tokens": str(plan.keep_tags),
        "ss_flip_aug": str(plan.flip),
    }


def _tags(caption: str) -> list[str]:
    return [tag for tag in (part.strip() for part in caption.split(",")) if tag]


def _model(plan: TrainingPlan, info: CheckpointInfo, family: FamilyName | None, name: str) -> dict[str, Any]:
    return {
        "ss_output_name": name,
        "ss_sd_model_name": plan.model,
        "ss_sd_model_hash": plan.model_digest[:10],
        "ss_base_model_version": BASES[family][0] if family else None,
        "ss_v2": str(family == "sd2"),
        "ss_v_parameterization": str(info.prediction_type == "v_prediction"),
        "ss_sd_scripts_commit_hash": f"sakuga {__version__}",
    }


def _model_spec(
    plan: TrainingPlan, lora: Lora, training_set: TrainingSet, info: CheckpointInfo, family: FamilyName | None, name: str
) -> dict[str, Any]:
    licences = {example.licence for example in training_set.training}
    architecture = BASES[family][1] if family else "unknown"
    return {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": f"{architecture}/{'lora' if lora.algorithm in ('lora', 'dora') else lora.algorithm}",
        "modelspec.implementation": "diffusers",
        "modelspec.title": name,
        "modelspec.resolution": f"{plan.size}x{plan.size}",
        "modelspec.prediction_type": PREDICTIONS.get(info.prediction_type),
        "modelspec.trigger_phrase": plan.trigger or None,
        "modelspec.license": licences.pop() if len(licences) == 1 and UNKNOWN not in licences else None,
        "modelspec.tags": ", ".join(filter(None, ["lora", plan.trigger])),
    }
