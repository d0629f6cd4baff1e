"""Denoising of a motion window: all its frames together, or in overlapping contexts."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from sakuga.diffusion.context_windows import context_weights, context_windows
from sakuga.diffusion.noise import seeded_noise
from sakuga.diffusion.objective import clean_prediction, target_towards
from sakuga.diffusion.temporal_smoothing import smooth_over_time, smooth_tint
from sakuga.diffusion.velocity import add_noise
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_files import CheckpointInfo
from sakuga.models.denoiser import UNetDenoiser, first_weight
from sakuga.models.motion import MotionUNet
from sakuga.models.motion_files import MotionFiles
from sakuga.models.protocols import Denoiser
from sakuga.models.schedulers import noise_schedule

OVERLAP = 4
"""Frames that neighbouring contexts share, at least, by default."""


def _itself(network: MotionUNet) -> MotionUNet:
    return network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionDenoiser:
    """A `Denoiser` of the frames of one window.

    Under guidance the batch holds the unconditional frames, then the conditional frames.
    """

    network: MotionUNet
    info: CheckpointInfo
    signal: Tensor
    """Alpha squared at each training timestep (`sampling.noise_schedule`)."""
    frames: int
    context: int
    """Frames denoised together; a longer window is denoised in overlapping contexts."""
    overlap: int = OVERLAP
    """Frames that neighbouring contexts share, at least."""
    scale: float | tuple[float, ...] = 1.0
    """Motion scale, for all frames or for each: 0.0 is the image model, 1.0 as trained, above more moves."""
    given: Mapping[int, Tensor] = field(default_factory=dict)
    """Clean scaled latents, (1, channels, h, w), of frames that are given. The sampler arrives at them."""
    strengths: Mapping[int, float] = field(default_factory=dict)
    """Denoising strengths of given frames: the share of the noise levels, from the lowest, in which one is denoised like the others."""
    closed: bool = False
    """Whether the last frame is followed by the first: contexts wrap around."""
    smoothing: float = 0.0
    """How much predicted clean frames are blended with their neighbours at each step, 0.0 to 1.0; above 0.0 their tint is smoothed, too."""
    image_denoiser: Denoiser | None = None
    """Predicts unconditional frames each by itself, so that guidance leads to what frames share, too; None is the motion UNet."""
    run: Callable[[MotionUNet], Any] = _itself
    """Returns what is called in place of a motion UNet, such as a compiled one."""

    @property
    def device(self) -> torch.device:
        return first_weight(self.network).device

    @property
    def dtype(self) -> torch.dtype:
        return first_weight(self.network).dtype

    def forward(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, size_conditioning: Tensor | None = None, **residuals: Any
    ) -> Tensor:
        """Predict from noisy latents, as `Denoiser.forward` says."""
        timesteps = torch.as_tensor(timestep, device=latents.device).expand(len(latents))
        held = self._held(int(timesteps.max()))
        inputs, times = self._with_given(held, latents, timesteps)
        prediction = self._predict_halves(held, inputs, times, prompt_embeds, size_conditioning, residuals)
        return self._smoothed(held, self._towards_given(held, prediction, latents, timesteps), latents, timesteps)

    def _held(self, timestep: int) -> Mapping[int, Tensor]:
        """Return the frames that are given at a timestep."""
        return {frame: clean for frame, clean in self.given.items() if timestep >= self.strengths.get(frame, 0.0) * len(self.signal)}

    def _predict_halves(
        self,
        held: Collection[int],
        latents: Tensor,
        timesteps: Tensor,
        prompt_embeds: Tensor,
        sizes: Tensor | None,
        residuals: Mapping[str, Any],
    ) -> Tensor:
        """Predict frames together, but unconditional ones by the image model if there is one; `held` frames are left out there."""
        if self.image_denoiser is None or len(latents) == self.frames:
            return self._predict(latents, timesteps, prompt_embeds, sizes, residuals)
        free = torch.tensor([frame for frame in range(self.frames) if frame not in held], device=latents.device, dtype=torch.long)
        unconditional, conditional = (
            (latents[rows], timesteps[rows], prompt_embeds[rows], _choose(sizes, rows), _choose_all(residuals, rows))
            for rows in (free, slice(self.frames, None))
        )
        together = self._predict(*conditional)
        *inputs, alone = unconditional
        one_by_one = torch.zeros_like(together)
        if len(free):
            one_by_one[free] = self.image_denoiser.forward(*inputs, **alone)
        return torch.cat([one_by_one, together])

    def _smoothed(self, given: Collection[int], prediction: Tensor, latents: Tensor, timesteps: Tensor) -> Tensor:
        """Predict what leads to clean frames that are smooth in time."""
        if not self.smoothing or self.frames == 1:
            return prediction
        noisy, kind = latents.float(), self.info.prediction_type
        signal = self._signal_of(noisy, timesteps)
        clean = clean_prediction(kind, noisy, prediction.float(), signal).reshape(-1, self.frames, *latents.shape[1:])
        blended = smooth_over_time(clean, self.smoothing, closed=self.closed)
        places = list(given)
        blended[:, places] = clean[:, places]
        smooth = smooth_tint(blended, given=places, closed=self.closed)
        return target_towards(kind, smooth.flatten(0, 1), noisy, signal)

    def _predict(
        self, latents: Tensor, timesteps: Tensor, prompt_embeds: Tensor, sizes: Tensor | None, residuals: Mapping[str, Any]
    ) -> Tensor:
        """Average the predictions of all contexts."""
        windows = self._windows(int(timesteps.max()))
        if len(windows) == 1:
            return self._denoiser(windows[0]).forward(latents, timesteps, prompt_embeds, sizes, **residuals)
        total, weights = torch.zeros_like(latents), latents.new_zeros(len(latents), 1, 1, 1)
        weight = latents.new_tensor(context_weights(len(windows[0])))
        for window in windows:
            rows = self._rows(window, latents)
            chosen = _choose_all(residuals, rows)
            predicted = self._denoiser(window).forward(
                latents[rows], timesteps[rows], prompt_embeds[rows], _choose(sizes, rows), **chosen
            )  # fmt: skip
            share = weight.repeat(len(rows) // len(window))[:, None, None, None]
            total.index_add_(0, rows, predicted * share)
            weights.index_add_(0, rows, share)
        return total / weights

    def _windows(self, timestep: int) -> list[list[int]]:
        """Return the contexts at a timestep: one at scale 0, where frames do not see each other."""
        if not (any(self.scale) if isinstance(self.scale, tuple) else self.scale):
            return [list(range(self.frames))]
        return context_windows(self.frames, self.context, self.overlap, closed=self.closed, step=timestep)

    def _denoiser(self, window: list[int]) -> UNetDenoiser:
        scale = self.scale if isinstance(self.scale, float | int) else torch.tensor([self.scale[frame] for frame in window])
        return UNetDenoiser(self.run(replace(self.network, frames=len(window), scale=scale)), self.info)

    def _rows(self, frames: list[int], batch: Tensor) -> Tensor:
        """Return the rows of frames in each half of a batch."""
        firsts = torch.arange(0, len(batch), self.frames, device=batch.device)
        return (firsts[:, None] + torch.tensor(frames, device=batch.device)).flatten()

    def _with_given(self, given: Mapping[int, Tensor], latents: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Put given frames into the batch, with timestep 0 and its noise, as in training."""
        if not given:
            return latents, timesteps
        latents, timesteps = latents.clone(), timesteps.clone()
        for frame, clean in given.items():
            noise = next(seeded_noise(clean.shape, frame)).to(clean)
            latents[frame :: self.frames] = add_noise(clean, noise, self.signal[0]).to(latents)
            timesteps[frame :: self.frames] = 0
        return latents, timesteps

    def _towards_given(self, given: Mapping[int, Tensor], prediction: Tensor, latents: Tensor, timesteps: Tensor) -> Tensor:
        """Predict of given frames what leads the sampler to their clean latents."""
        for frame, clean in given.items():
            rows = slice(frame, None, self.frames)
            signal = self._signal_of(latents, timesteps[rows])
            clean = clean.to(latents).expand_as(latents[rows])
            prediction[rows] = target_towards(self.info.prediction_type, clean, latents[rows], signal)
        return prediction

    def _signal_of(self, latents: Tensor, timesteps: Tensor) -> Tensor:
        """Return alpha squared at timesteps, (n, 1, 1, 1)."""
        return self.signal.to(latents)[timesteps.round().long()][:, None, None, None]


def with_motion(
    checkpoint: Checkpoint,
    adapter: MotionFiles,
    *,
    frames: int,
    context: int | None = None,
    overlap: int = OVERLAP,
    scale: float | tuple[float, ...] = 1.0,
    given: Mapping[int, Tensor] = MappingProxyType({}),
    strengths: Mapping[int, float] = MappingProxyType({}),
    closed: bool = False,
    smoothing: float = 0.0,
    joint_guidance: bool = False,
) -> Checkpoint:
    """Return a checkpoint that denoises the frames of a window together.

    It has the same networks; `sample` with it takes all frames of the window as one batch. See the fields of `MotionDenoiser`; by default
    `context` is as many frames as the adapter was trained on, and with `joint_guidance` unconditional frames are the image model's. A
    published adapter brings its noise schedule. Raises CheckpointError where the adapter is for another UNet.
    """
    checkpoint = replace(checkpoint, scheduler_config=checkpoint.scheduler_config | adapter.info.schedule)
    network = checkpoint.open_motion(adapter)
    denoiser = MotionDenoiser(
        network=network,
        info=checkpoint.info,
        signal=noise_schedule(checkpoint),
        frames=frames,
        context=adapter.info.context if context is None else context,
        overlap=overlap,
        scale=scale,
        given=given,
        strengths=strengths,
        closed=closed,
        smoothing=smoothing,
        image_denoiser=checkpoint.window_denoiser if joint_guidance else None,
        run=checkpoint.wrap_motion(network) if checkpoint.wrap_motion else _itself,
    )
    return replace(checkpoint, custom_denoiser=denoiser)


def _choose_all(values: Mapping[str, Any], rows: Tensor | slice) -> dict[str, Any]:
    return {name: _choose(value, rows) for name, value in values.items()}


def _choose(value: Any, rows: Tensor | slice) -> Any:
    """Take rows of a tensor, or of each tensor of a tuple."""
    if value is None:
        return None
    return tuple(one[rows] for one in value) if isinstance(value, tuple | list) else value[rows]
