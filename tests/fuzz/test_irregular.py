"""What is no ordinary file is refused at once at every door: pipes, devices, and files far larger than any of their kind."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sakuga import SakugaError
from sakuga.datasets.captions import read_text
from sakuga.datasets.clip_folders import find_clips
from sakuga.datasets.clips import read_clip
from sakuga.datasets.concepts import read_concepts
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.tables import read_table
from sakuga.datasets.training_set import read_set
from sakuga.export import read_recipe
from sakuga.models.adapters import read_adapter
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.motion_files import MotionFiles
from sakuga.models.single_file.header import read_single_file
from sakuga.models.style_files import Style, read_metadata
from sakuga.models.upscaler_files import check_upscaler
from sakuga.story.film import read_film
from sakuga.studio.animate.foreign import foreign_recipe
from sakuga.studio.animate.storyboard import read_prompts
from sakuga.studio.choosing.log import read as read_session
from sakuga.training.foreign_config import read_foreign_config
from sakuga.training.plan import read_plan

DOORS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "film": ("film.toml", read_film),
    "prompts": ("prompts.txt", read_prompts),
    "recipe": ("clip.gif", read_recipe),
    "foreign recipe": ("image.png", lambda path: foreign_recipe(path) or read_recipe(path)),
    "image": ("image.png", read_image),
    "clip": ("clip.mp4", read_clip),
    "clip of a set": ("clip.gif", find_clips),
    "table": ("table.csv", lambda path: read_table(path, [])),
    "caption": ("caption.txt", lambda path: read_text(path, [])),
    "set": ("set.toml", lambda path: read_set(path.parent)),
    "concepts": ("concepts.toml", read_concepts),
    "session": ("session.jsonl", read_session),
    "config of another trainer": ("kohya.toml", read_foreign_config),
    "plan of a run": ("config.json", read_plan),
    "checkpoint": ("model.safetensors", read_single_file),
    "config of a checkpoint": ("unet/config.json", lambda path: CheckpointFiles("model", path.parent.parent).config("unet")),
    "style": ("style.safetensors", lambda path: Style("style", (path,)).contents),
    "weights of a style": ("style.safetensors", lambda path: read_adapter(path, "style")),
    "upscaler": ("upscaler.safetensors", check_upscaler),
    "motion adapter": ("motion.safetensors", lambda path: MotionFiles("motion", path).config),
}
"""Each door's file name, and the function that reads it."""
TEXTS = tuple(name for name, (file, _) in DOORS.items() if Path(file).suffix not in (".png", ".gif", ".mp4", ".safetensors"))
SECONDS = 20


@contextmanager
def writer_after(pipe: Path, seconds: float) -> Iterator[list[bool]]:
    """Yield whether a reader of a pipe had to be freed: it is, after some seconds, so that a test falls and does not hang."""
    waited: list[bool] = []

    def write() -> None:
        waited.append(True)
        os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))

    timer = threading.Timer(seconds, write)
    timer.start()
    try:
        yield waited
    finally:
        timer.cancel()
        timer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", DOORS)
def test_a_named_pipe_is_refused_at_once(name: str, tmp_path: Path) -> None:
    file, read = DOORS[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with writer_after(path, SECONDS) as waited, pytest.raises(SakugaError):
        read(path)
    assert not waited


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no such device")
@pytest.mark.parametrize("name", DOORS)
def test_a_link_to_a_device_without_end_is_refused(name: str, tmp_path: Path) -> None:
    file, read = DOORS[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/dev/zero")
    with pytest.raises(SakugaError):
        read(path)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_a_gigabyte_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    file, read = DOORS[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.truncate(path, 1 << 30)
    with pytest.raises(SakugaError, match=r"(?i)has more than (16|128) MB"):
        read(path)


@pytest.mark.parametrize("name", ["checkpoint", "style", "weights of a style", "upscaler", "motion adapter"])
def test_a_header_of_far_more_bytes_than_any_has_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    file, read = DOORS[name]
    (tmp_path / file).write_bytes((90 << 20).to_bytes(8, "little"))
    os.truncate(tmp_path / file, 100 << 20)
    with pytest.raises(SakugaError, match="header"):
        read(tmp_path / file)


def test_a_card_of_a_style_that_is_no_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to("/dev/zero")
    assert read_metadata("style", tmp_path).trigger == ""
