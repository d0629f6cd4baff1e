"""Checks of a checkpoint's configs: what they say must be what can be drawn."""

from typing import Any

from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles
from sakuga.story.limits import MAX_SIZE

PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""What a network may predict; the names are those of diffusers."""
BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
"""Noise schedules that every sampler knows."""


def check_configs(files: CheckpointFiles) -> None:
    """Refuse configs that are damaged, or that describe what is not supported; raises CheckpointError."""
    unet, vae, scheduler = (files.config(part) for part in ("unet", "vae", "scheduler"))
    _check_scheduler(files, scheduler)
    for part, config, key in (("unet", unet, "sample_size"), ("unet", unet, "in_channels"), ("vae", vae, "latent_channels")):
        if not _is_count(config.get(key), MAX_SIZE):
            raise _refusal(files, f"{key} in {part}/config.json is {config.get(key)!r}, not a number from 1 to {MAX_SIZE}")
    for part, channels in (("unet", unet.get("block_out_channels")), ("vae", _levels(vae))):
        if not isinstance(channels, list) or not channels or not all(_is_count(one, 2**20) for one in channels):
            raise _refusal(files, f"block_out_channels in {part}/config.json is {channels!r}, not a list of numbers")


def _check_scheduler(files: CheckpointFiles, scheduler: dict[str, Any]) -> None:
    kind, prediction = str(scheduler.get("_class_name", "")), scheduler.get("prediction_type", "epsilon")
    if "FlowMatch" in kind or prediction == "flow_prediction" or scheduler.get("use_flow_sigmas"):
        raise _refusal(files, "it was trained by flow matching, which its noise schedule does not describe")
    if prediction not in PREDICTIONS:
        raise _refusal(files, f"its prediction_type is {prediction!r}, not {', '.join(PREDICTIONS[:-1])} or {PREDICTIONS[-1]}")
    if (schedule := scheduler.get("beta_schedule", "linear")) not in BETA_SCHEDULES and scheduler.get("trained_betas") is None:
        raise _refusal(files, f"its beta_schedule is {schedule!r}, not {', '.join(BETA_SCHEDULES[:-1])} or {BETA_SCHEDULES[-1]}")


def _levels(vae: dict[str, Any]) -> Any:
    return vae.get("block_out_channels") or vae.get("encoder_block_out_channels")


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _refusal(files: CheckpointFiles, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint '{files.name}' is not supported: {reason}; use another, or correct its config")
