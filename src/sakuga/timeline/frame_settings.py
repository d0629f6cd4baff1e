"""How frames are drawn, whatever they show."""

from dataclasses import dataclass
from fractions import Fraction

from sakuga.story.storyboard import Follow
from sakuga.timeline.spec import Conditioning, Control, Depth, Digest, Drawn, Noise, Precision, Sampler, Start, Way, Worn


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How a storyboard is drawn."""

    checkpoint: Digest
    width: int
    height: int
    rate: Fraction = Fraction(12)
    """Frames a second."""
    drawn_rate: int = 4
    """Frames a second that the model draws, at least; the others are in-betweens."""
    between: Way = "flow"
    """How in-betweens are made."""
    on: int = 1
    """Frames that each picture stands for: 2 is on twos."""
    sampler: Sampler = "dpm++"
    steps: int = 20
    guidance: float = 5.0
    strength: float = 0.7
    """How much of the noise schedule is drawn again from one keyframe to the next."""
    follow: Follow = "key"
    """What a drawn frame within a shot starts from."""
    hold_on: float = 0.4
    """How much of the noise schedule is drawn again within a shot: low, so that a picture stays itself while the camera moves."""
    wander: float = 0.15
    """How far the noise walks in a second; 0.0 freezes the picture's grain, 1.0 is a new noise every second."""
    control: float = 0.0
    """How firmly the depth of a start picture leads the drawing."""
    depth: Depth = "luminance"
    """Who reads depth, for parallax and control."""
    negative: str = ""
    styles: tuple[Worn, ...] = ()
    precision: Precision = "fp32"
    batch: int = 4

    def drawn(
        self,
        conditioning: Conditioning,
        *,
        negative: Conditioning,
        noise: Noise,
        start: Start | None = None,
        control: Control | None = None,
        guidance: float | None = None,
        steps: int | None = None,
        styles: tuple[Worn, ...] | None = None,
        batch: int = 1,
    ) -> Drawn:
        """Say what decides a frame; guidance, steps and styles are as usual where they are left out."""
        return Drawn(
            checkpoint=self.checkpoint,
            conditioning=conditioning,
            negative=negative,
            noise=noise,
            start=start,
            control=control,
            width=self.width,
            height=self.height,
            sampler=self.sampler,
            steps=self.steps if steps is None else steps,
            guidance=self.guidance if guidance is None else guidance,
            styles=self.styles if styles is None else styles,
            batch=batch,
            precision=self.precision,
        )
