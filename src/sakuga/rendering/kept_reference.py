"""The reference of frames, kept from one batch to the next."""

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.reference_attention import ReferenceImage
from sakuga.rendering.frame_inputs import ReadImage, Spec, reference_image


class KeptReference:
    """Keeps the reference that frames attended to last, with what its self-attention read at each step.

    The frames of a film attend to one, which so goes through the UNet once for each step, not once for each frame.
    """

    def __init__(self) -> None:
        self._settings: tuple[object, ...] = ()
        self._image: ReferenceImage | None = None

    def image(self, checkpoint: Checkpoint, spec: Spec, read: ReadImage) -> ReferenceImage | None:
        """Return a frame's reference; its styles are applied to the checkpoint, whose networks are always the same."""
        if spec.reference is None:
            return None
        if self._image is None or self._settings != _settings(spec):
            self._image, self._settings = reference_image(checkpoint, spec, read), _settings(spec)
        return self._image

    def clear(self) -> None:
        """Let go of its memory."""
        self._image = None


def _settings(spec: Spec) -> tuple[object, ...]:
    """Return all that decides what the self-attention of a frame's reference reads at each step."""
    size = spec.width, spec.height
    return spec.reference, size, spec.styles, spec.sampler, spec.steps, spec.options, spec.approximations
