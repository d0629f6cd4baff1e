"""Checks of a checkpoint's configs: what they say must be what can be drawn, and of a size that networks have."""

from collections.abc import Iterator
from math import inf
from typing import Any

from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles
from sakuga.story.limits import MAX_SIZE
from sakuga.text import listed

PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""What a network may predict; the names are those of diffusers."""
BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
"""Noise schedules that every sampler knows."""
SPACINGS = ("linspace", "leading", "trailing")
MAX_CHANNELS, MAX_LAYERS, MAX_LEVELS = 2**16, 256, 12
"""Of a network's layer, of a level, and levels of a network; far above those of any checkpoint."""
MAX_LATENT = MAX_SIZE // 8
"""Side and channels of latents."""
MAX_TIMESTEPS = 100_000
TEXT_ENCODER = {
    "num_hidden_layers": MAX_LAYERS, "hidden_size": MAX_CHANNELS, "vocab_size": 2**22, "max_position_embeddings": 4096,
    "num_attention_heads": MAX_CHANNELS, "intermediate_size": 2**20, "projection_dim": MAX_CHANNELS,
}  # fmt: skip
COUNTS: dict[str, dict[str, int]] = {
    "unet": {
        "layers_per_block": MAX_LAYERS, "attention_head_dim": MAX_CHANNELS, "num_attention_heads": MAX_CHANNELS,
        "cross_attention_dim": MAX_CHANNELS, "norm_num_groups": MAX_CHANNELS, "transformer_layers_per_block": MAX_LAYERS,
        "conv_in_kernel": 31, "conv_out_kernel": 31,
    },
    "vae": {"layers_per_block": MAX_LAYERS, "norm_num_groups": MAX_CHANNELS},
    "scheduler": {"num_train_timesteps": MAX_TIMESTEPS},
    "text_encoder": TEXT_ENCODER,
    "text_encoder_2": TEXT_ENCODER,
}  # fmt: skip
"""Whole numbers from 1, or lists of them, and the most; each may be missing."""
NUMBERS: dict[str, dict[str, float]] = {"scheduler": {"beta_start": 1, "beta_end": 1}, "vae": {"scaling_factor": 1000}}
"""Numbers above 0, and what they are below."""


def check_configs(files: CheckpointFiles) -> None:
    """Refuse configs that are damaged, or that describe what is not supported; raises CheckpointError."""
    unet, vae, scheduler = (files.config(part) for part in ("unet", "vae", "scheduler"))
    _check_scheduler(files, scheduler)
    for part, config, key in (("unet", unet, "sample_size"), ("unet", unet, "in_channels"), ("vae", vae, "latent_channels")):
        if not _is_count(config.get(key), MAX_LATENT):
            raise _refusal(files, f"{key} in {part}/config.json is {config.get(key)!r}, not a number from 1 to {MAX_LATENT}")
    for part, channels in (("unet", unet.get("block_out_channels")), ("vae", _levels(vae))):
        if (
            not isinstance(channels, list)
            or not 0 < len(channels) <= MAX_LEVELS
            or not all(_is_count(one, MAX_CHANNELS) for one in channels)
        ):
            raise _refusal(files, f"block_out_channels in {part}/config.json is {_shown(channels)}, not a list of numbers")
    _check_numbers(files)


def _check_numbers(files: CheckpointFiles) -> None:
    for part in COUNTS.keys() | NUMBERS.keys():
        config = files.config(part) if files.config_path(part).is_file() else {}
        for key, most in COUNTS.get(part, {}).items():
            if not all(_is_count(one, most) for one in _every(config.get(key))):
                raise _refusal(files, f"{key} of its {part} is {_shown(config[key])}, not from 1 to {most}")
        for key, below in NUMBERS.get(part, {}).items():
            if not all(_is_number(one, below) for one in _every(config.get(key))):
                raise _refusal(files, f"{key} of its {part} is {_shown(config[key])}, not a number above 0 and below {below:g}")


def _check_scheduler(files: CheckpointFiles, scheduler: dict[str, Any]) -> None:
    kind, prediction = str(scheduler.get("_class_name", "")), scheduler.get("prediction_type", "epsilon")
    if "FlowMatch" in kind or prediction == "flow_prediction" or scheduler.get("use_flow_sigmas"):
        raise _refusal(files, "it was trained by flow matching, which its noise schedule does not describe")
    betas, timesteps = scheduler.get("trained_betas"), scheduler.get("num_train_timesteps", 1000)
    if betas is not None and (not isinstance(betas, list) or len(betas) != timesteps or not all(_is_number(one, 1) for one in betas)):
        raise _refusal(files, f"its trained_betas are no {timesteps} numbers above 0 and below 1")
    _check_choice(files, "prediction_type", prediction, PREDICTIONS)
    _check_choice(files, "timestep_spacing", scheduler.get("timestep_spacing", SPACINGS[0]), SPACINGS)
    if betas is None:
        _check_choice(files, "beta_schedule", scheduler.get("beta_schedule", "linear"), BETA_SCHEDULES)


def _check_choice(files: CheckpointFiles, key: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise _refusal(files, f"its {key} is {_shown(value)}, not {listed(choices, 'or')}")


def _every(value: Any) -> Iterator[Any]:
    """Yield a value, or those in a list of them, which may nest once; nothing for None."""
    for one in value if isinstance(value, list) else [] if value is None else [value]:
        yield from one if isinstance(one, list) else [one]


def _levels(vae: dict[str, Any]) -> Any:
    return vae.get("block_out_channels") or vae.get("encoder_block_out_channels")


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _is_number(value: Any, below: float = inf) -> bool:
    return type(value) in (int, float) and 0 < value < below


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]}..."


def _refusal(files: CheckpointFiles, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint '{files.name}' is not supported: {reason}; use another, or correct its config")
