"""Frames of clips as images of a training set."""

from collections.abc import Generator, Sequence
from pathlib import Path

from PIL import Image as PILImage

from sakuga.datasets.clip_folders import FoundClip
from sakuga.datasets.clip_frames import choose_frames, find_cuts, measure_frames, read_frames
from sakuga.datasets.clips import stream_clip
from sakuga.datasets.image_reading import ImageError
from sakuga.datasets.image_sources import FoundImage
from sakuga.datasets.training_set import SetError
from sakuga.story.options import Number
from sakuga.studio.core.progress import Step
from sakuga.text import counted

DEFAULT_FPS = 1.0
FPS = Number(
    help="Frames a second that are taken of clips", default_help="1 of videos; of animations the first frame", least=0, most=240, above=True
)


def check_clip(clip: FoundClip) -> None:
    """Decode the first frame of a clip; raises SetError where there is none."""
    try:
        next(stream_clip(clip.path))
    except ImageError:
        raise SetError(f"{clip.path}: no frame of this clip can be read: save it again as MP4 or WebM, or leave it out") from None


def extract_frames(clips: Sequence[FoundClip], fps: float, folder: Path) -> Generator[Step, None, list[FoundImage]]:
    """Write the frames to take of each clip into a folder; notes say how many, of how many scenes."""
    found: list[FoundImage] = []
    for place, clip in enumerate(clips, 1):
        frames = list(measure_frames(clip.path))
        chosen = choose_frames(frames, fps)
        for number, (second, image) in enumerate(read_frames(clip.path, chosen)):
            file = folder / f"{place:04}-{number:06}.png"
            PILImage.fromarray(image).save(file)
            origin = f"{clip.name} at {float(second):.2f} s"
            found.append(FoundImage(path=file, name=f"{clip.name}-{number:04}.png", text=clip.text, source=origin))
        scenes = counted(len(find_cuts(frames)) + 1, "scene")
        note = f"{clip.name}: took {counted(len(chosen), 'frame')} of {len(frames)}, in {scenes}"
        yield Step(stage="loading", done=place, total=len(clips), note=note)
    return found
