"""Generation settings that all frames of a film share."""

from dataclasses import dataclass
from fractions import Fraction

from sakuga.story.storyboard import InitFrom
from sakuga.timeline.controls import STILL, PlannedControl, controls_at
from sakuga.timeline.motion import MotionSettings
from sakuga.timeline.prompts import weighted
from sakuga.timeline.spec import (
    AppliedControl,
    AppliedStyle,
    Conditioning,
    ControlImage,
    Depth,
    Digest,
    Generated,
    InBetweenMethod,
    InitImage,
    Noise,
    Precision,
    Reference,
    Sampler,
    SamplingOptions,
    Weighting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSettings:
    """How the frames of a film are generated."""

    checkpoint: Digest
    width: int
    height: int
    rate: Fraction = Fraction(12)
    """Frames per second."""
    keyframe_rate: int = 4
    """Least number of generated frames per second; the others are in-betweens."""
    between: InBetweenMethod = "flow"
    """How in-betweens are interpolated."""
    between_motion: MotionSettings | None = None
    """How frames between two keyframes are generated; None interpolates them."""
    loop: bool = False
    """Whether the last frame goes on to the first; all shots need a motion adapter."""
    on: int = 1
    """Frames that each image stays; 2 animates on twos."""
    sampler: Sampler = "dpm++"
    steps: int = 20
    guidance: float = 5.0
    strength: float = 0.7
    """Denoising strength of a morph into the next shot, 0 to 1."""
    init_from: InitFrom = "keyframe"
    """Initial image of the frames within a shot."""
    shot_strength: float = 0.4
    """Denoising strength of the frames within a shot, 0 to 1."""
    noise_drift: float = 0.15
    """How much the noise changes per second, 0 (frozen) to 1 (a new noise every second)."""
    reference_weight: float = 0.0
    """Weight of attention to the first shot's keyframe, so that the cast keeps its look; 0 disables it."""
    control_weight: float = 0.0
    """ControlNet conditioning scale of the initial image's depth; 0 disables it."""
    controls: tuple[PlannedControl, ...] = ()
    """ControlNets beside the checkpoint's own."""
    depth: Depth = "luminance"
    """Where depth comes from, for parallax and control."""
    negative: str = ""
    styles: tuple[AppliedStyle, ...] = ()
    precision: Precision = "fp32"
    options: SamplingOptions = SamplingOptions()  # noqa: RUF009 - frozen
    approximations: tuple[str, ...] = ()
    weighting: Weighting = "comfyui"
    """How emphasis scales embeddings."""
    batch: int = 4
    """Width of the batch for frames that are independent of each other."""

    def spec(
        self,
        conditioning: Conditioning,
        *,
        negative: Conditioning,
        noise: Noise,
        init: InitImage | None = None,
        control: ControlImage | None = None,
        controls: tuple[AppliedControl, ...] | None = None,
        guidance: float | None = None,
        steps: int | None = None,
        styles: tuple[AppliedStyle, ...] | None = None,
        reference: Reference | None = None,
        batch: int = 1,
    ) -> Generated:
        """Return the spec of one frame.

        None takes the film's own setting.
        """
        if controls is None:
            controls = controls_at(self.controls, 0.0, init.frame if init else None, init.warp if init else STILL)
        return Generated(
            checkpoint=self.checkpoint,
            conditioning=weighted(conditioning, self.weighting),
            negative=weighted(negative, self.weighting),
            noise=noise,
            init=init,
            control=control,
            controls=controls,
            reference=reference,
            width=self.width,
            height=self.height,
            sampler=self.sampler,
            steps=self.steps if steps is None else steps,
            guidance=self.guidance if guidance is None else guidance,
            styles=self.styles if styles is None else styles,
            batch=batch,
            precision=self.precision,
            options=self.options,
            approximations=self.approximations,
        )
