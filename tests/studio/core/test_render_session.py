"""A session renders missing frames, reports its steps, and reads frames back."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.resources import LoadedResources
from sakuga.rendering.worker_executor import WorkerExecutor
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.work import Work, WorkClosed
from sakuga.timeline.spec import Digest, FrameSpec, Generated, InBetween, InitImage, Prompt, SeedNoise, digest


@pytest.fixture
def files(tiny_v_folder: Path) -> CheckpointFiles:
    return find_checkpoint(str(tiny_v_folder))


@pytest.fixture
def make_spec(files: CheckpointFiles) -> Callable[..., Generated]:
    def make(seed: int = 0, **changes: object) -> Generated:
        plain = Generated(
            checkpoint=files.digest, conditioning=Prompt(prompt="a castle"), noise=SeedNoise(seed=seed), width=32, height=32, steps=2
        )
        return replace(plain, **changes)

    return make


def by_name(*specs: FrameSpec) -> dict[Digest, FrameSpec]:
    return {digest(spec): spec for spec in specs}


def same(_: Digest, image: Image) -> Image:
    return image


def test_prompts_that_are_read_in_several_parts_are_told(files: CheckpointFiles, tmp_path: Path) -> None:
    session = RenderSession(files, tmp_path)
    long = ", ".join(["a castle by the sea"] * 20)
    assert session.negative_warnings("ugly, blurry") == []
    (told,) = session.negative_warnings(long)
    assert told == "negative prompt: it has 319 tokens, which the text encoder reads in 5 parts"
    assert session.prompt_warnings("a castle by the sea") == []
    assert "5 parts" in session.prompt_warnings(long)[0]


def test_steps_carry_the_stored_frame_and_honest_totals(
    files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path
) -> None:
    specs = by_name(*(make_spec(seed, batch=4) for seed in range(5)))
    session = RenderSession(files, tmp_path)
    work = Work(session.render(specs, specs))
    steps = []
    for step in work:
        steps.append(step)
        assert step.frame is None or session.store.has(step.frame), "a frame can be shown as soon as its step comes"
    assert [step.stage for step in steps] == ["loading", "loading", *["rendering"] * 10]
    steps = steps[1:]
    assert steps[0].note == "torch runs the networks" or "OpenVINO" in steps[0].note
    assert [(step.done, step.total) for step in steps[1:] if not step.denoising] == [(done, 5) for done in range(6)]
    assert [step.frame for step in steps[2:] if not step.denoising] == list(specs)
    assert steps[1].seconds_left is None
    assert steps[2].seconds_left > 0
    assert steps[-1].seconds_left == pytest.approx(0)
    assert (work.result().count.generated, work.result().count.reused) == (5, 0)


def test_progress_grows_with_each_denoising_step(files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path) -> None:
    specs = by_name(*(make_spec(seed, batch=4) for seed in range(5)))
    steps = [step for step in RenderSession(files, tmp_path).render(specs, specs) if step.stage == "rendering"]
    assert [step.denoising for step in steps] == [False, True, True, *[False] * 4, True, True, False]
    assert [step.fraction for step in steps] == pytest.approx([0, 0.4, *[0.8] * 5, 0.9, 1, 1]), "a short batch costs less"


def test_stored_frames_are_read_without_loading_networks(
    files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path
) -> None:
    first, second = make_spec(1), make_spec(2)
    between = InBetween(first=digest(first), second=digest(second), at=0.5)
    specs = by_name(first, second, between)
    before = RenderSession(files, tmp_path)
    expected = list(before.read_frames(Work(before.render(specs, specs)).result(), specs, same))
    session = RenderSession(files, tmp_path)
    rendering = Work(session.render(specs, specs)).result()
    assert (rendering.count.generated, rendering.count.reused) == (0, 2)
    assert all(map(np.array_equal, session.read_frames(rendering, specs, same), expected))
    assert not session.loaded.lazy_checkpoint.is_loaded


def test_in_betweens_are_computed_once(
    files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_spec(1), make_spec(2)
    betweens = [InBetween(first=digest(first), second=digest(second), at=at) for at in (0.25, 0.5)]
    specs = by_name(first, second, *betweens)
    session = RenderSession(files, tmp_path)
    rendering = Work(session.render(specs, specs)).result()
    shown = list(session.read_frames(rendering, specs, same))
    darker = list(session.read_frames(rendering, specs, lambda _, image: image // 2))
    assert not np.array_equal(shown[2], darker[2]), "an in-between depends on its finished images"
    monkeypatch.setattr(LoadedResources, "interpolation", None)
    repeated_session = RenderSession(files, tmp_path)
    assert all(map(np.array_equal, repeated_session.read_frames(rendering, specs, same), shown))
    assert all(map(np.array_equal, repeated_session.read_frames(rendering, specs, lambda _, image: image // 2), darker))


def test_a_work_closed_by_another_thread_ends_between_two_denoising_steps_and_keeps_its_frames(
    files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path
) -> None:
    endless = make_spec(1, steps=1000, sampler="ddim", width=256, height=256, batch=2)
    specs = by_name(make_spec(0), endless)
    session = RenderSession(files, tmp_path)
    work = Work(session.render(specs, specs))
    while next(work).frame is None:
        pass
    thread = Thread(target=lambda: list(work))
    thread.start()
    thread.join(0.5)
    work.close()
    thread.join(20)
    assert not thread.is_alive()
    with pytest.raises(WorkClosed):
        work.result()
    assert list(session.store.names()) == [digest(make_spec(0))]


def test_sessions_with_other_styles_or_stores_share_their_networks(files: CheckpointFiles, tmp_path: Path) -> None:
    session = RenderSession(files, tmp_path / "one")
    assert session.with_styles([]).checkpoint is session.checkpoint
    other = session.with_store(tmp_path / "two")
    assert other.checkpoint is session.checkpoint
    assert (other.store.root, other.resources.store) == (tmp_path / "two", tmp_path / "two")


def test_a_session_renders_in_worker_processes(files: CheckpointFiles, make_spec: Callable[..., Generated], tmp_path: Path) -> None:
    first = make_spec(0)
    specs = by_name(first, make_spec(1, init=InitImage(frame=digest(first), strength=0.5)))
    session = RenderSession(files, tmp_path / "workers", executor=partial(WorkerExecutor, workers=1))
    try:
        steps = list(session.render(specs, specs))
    finally:
        session.close()
    local = RenderSession(files, tmp_path / "local")
    assert [step.fraction for step in steps] == [step.fraction for step in local.render(specs, specs)]
    assert sum(step.denoising for step in steps) == 3
    assert all(local.store.path(name).read_bytes() == session.store.path(name).read_bytes() for name in specs)
    assert not session.loaded.lazy_checkpoint.is_loaded
