"""A live session renders what is shown, speculates meanwhile, and never mistakes one image for another."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import process_time, sleep
from typing import Any

import numpy as np
import pytest

from sakuga import SakugaError
from sakuga.models.sampling import DenoisingStep
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.studio.choosing.live import Choosing
from sakuga.studio.choosing.log import Jump, Take, Undo, read
from sakuga.studio.choosing.replay import open_session
from sakuga.studio.choosing.session import Session
from sakuga.studio.core.render_session import RenderSession

SECONDS = 60
"""How long a test waits before it fails."""


class Gate:
    """Lets a real executor denoise step by step."""

    def __init__(self) -> None:
        self.open, self.waits = Event(), Event()
        self.open.set()
        self.steps: list[int] = []
        self.fails = False

    def executor(self, resources: Resources) -> LocalExecutor:
        gate = self

        class Gated(LocalExecutor):
            def _denoise(self, *batch: Any) -> Iterator[DenoisingStep]:
                if gate.fails:
                    raise RenderError("the device is gone")
                for step in super()._denoise(*batch):
                    gate.steps.append(step.index)
                    if not gate.open.is_set():
                        gate.waits.set()
                        assert gate.open.wait(SECONDS)
                    yield step

        return Gated(resources)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def gated(begin: Callable[..., Session], gate: Gate) -> Iterator[Callable[..., Choosing]]:
    opened: list[Choosing] = []

    def choosing(session: Session | None = None, **how: Any) -> Choosing:
        session = session or begin(steps=4)
        resolved = session.layout.resolved
        rendering = RenderSession(resolved.files, resolved.store, resolved.uses, resolved.settings.precision, gate.executor)
        opened.append(Choosing(session, rendering, **how).__enter__())
        return opened[-1]

    yield choosing
    gate.open.set()
    for one in opened:
        one.close()


def shown_landed(choosing: Choosing) -> bool:
    view = choosing.wait_until_shown(SECONDS)
    return bool(view.tree.shown) and all(node.frame in view.landed for node in view.tree.shown)


def at_rest(choosing: Choosing) -> bool:
    """Wait until nothing that is wanted is missing."""
    return any(choosing.renderer.is_idle or sleep(0.01) for _ in range(100 * SECONDS))


def stopped_in_speculation(choosing: Choosing, gate: Gate) -> tuple[int, int]:
    """Let the images shown land, and stop the round after them at its first step; returns its node and another one."""
    shown_frames = 4
    while len(gate.steps) < shown_frames:
        sleep(0.005)
    gate.open.clear()
    assert shown_landed(choosing)
    assert gate.waits.wait(SECONDS)
    running = choosing.renderer.running
    assert running
    assert not running.urgent
    first, other = choosing.view.tree.shown
    assert running.parent in (first.frame, other.frame)
    return (first.id, other.id) if running.parent == first.frame else (other.id, first.id)


def test_the_round_of_the_image_taken_goes_on_if_it_runs(gated: Callable[..., Choosing], gate: Gate) -> None:
    choosing = gated()
    running, _ = stopped_in_speculation(choosing, gate)
    choosing.decide(Take(node=running))
    started = len(gate.steps)
    gate.open.set()
    assert shown_landed(choosing)
    assert choosing.renderer.cancelled == 0
    assert gate.steps[started:][:3] == [1, 2, 3]  # the rest of the round that ran: nothing began anew


def test_other_rounds_are_cancelled_between_two_denoising_steps(gated: Callable[..., Choosing], gate: Gate) -> None:
    choosing = gated(speculate=True)
    _, other = stopped_in_speculation(choosing, gate)
    given_up = choosing.renderer.running
    choosing.decide(Take(node=other))
    started = len(gate.steps)
    choosing._speculate = False
    gate.open.set()
    assert shown_landed(choosing)
    assert choosing.renderer.cancelled == 1
    assert gate.steps[started:][:2] == [0, 1]  # no further step of the other branch
    assert given_up
    assert not any(choosing.renderer.has_landed(name) for name in given_up.names)


def test_no_result_lands_under_the_name_of_another(gated: Callable[..., Choosing], begin: Callable[..., Session]) -> None:
    choosing = gated()
    assert shown_landed(choosing)
    for decision in (Take(node=1), Undo(), Take(node=2), Jump(node=0), Take(node=1)):  # faster than anything is rendered
        choosing.decide(decision)
    assert shown_landed(choosing)
    shown = choosing.view.tree.shown
    assert [node.parent for node in shown] == [1, 1]
    calm = gated(begin("calm", steps=4), speculate=False)
    assert shown_landed(calm)
    calm.decide(Take(node=1))
    assert shown_landed(calm)
    store = choosing.renderer.session.store
    for node, other in zip(shown, calm.view.tree.shown, strict=True):
        assert node.frame == other.frame
        assert np.array_equal(store.read(node.frame), calm.renderer.session.store.read(other.frame))


def test_every_child_is_ready_when_there_was_time(gated: Callable[..., Choosing]) -> None:
    choosing = gated()
    assert shown_landed(choosing)
    assert at_rest(choosing)
    for number in (1, 0):
        choosing.decide(Take(node=choosing.view.tree.shown[number].id))
        view = choosing.view
        assert all(node.frame in view.landed for node in view.tree.shown)
        assert at_rest(choosing)


def test_speculation_waits_while_the_device_is_busy_and_a_person_never_does(gated: Callable[..., Choosing], gate: Gate) -> None:
    choosing = gated(busy=lambda: True)
    assert shown_landed(choosing)
    choosing.decide(Take(node=2))
    assert shown_landed(choosing)
    assert len(gate.steps) == 2 * 4  # the two rounds shown and no other


def test_a_session_at_rest_uses_no_processor(gated: Callable[..., Choosing]) -> None:
    choosing = gated(speculate=False)
    assert shown_landed(choosing)
    sleep(0.2)
    before = process_time()
    sleep(0.5)
    assert process_time() - before < 0.25


def test_an_image_may_be_taken_before_it_is_rendered(gated: Callable[..., Choosing], gate: Gate) -> None:
    gate.open.clear()
    choosing = gated(speculate=False)
    assert gate.waits.wait(SECONDS)
    choosing.decide(Take(node=2))
    gate.open.set()
    assert shown_landed(choosing)
    assert choosing.renderer.cancelled == 0
    assert gate.steps == [0, 1, 2, 3] * 2


def test_rounds_go_on_until_an_image_is_taken(gated: Callable[..., Choosing]) -> None:
    choosing = gated(speculate=False)
    choosing.go_on()
    for view in choosing.changes():
        if len(view.tree.offers) >= 4:
            break
    choosing.decide(Take(node=choosing.view.tree.shown[0].id))
    rounds = len(choosing.view.tree.offers_of(0))
    assert shown_landed(choosing)
    assert not choosing.view.going_on
    assert len(choosing.view.tree.offers_of(0)) == rounds
    seeds = [choice.seed for offer in choosing.view.tree.offers for choice in offer.choices]
    assert len(set(seeds)) == len(seeds)


def test_a_failure_is_told_and_can_be_tried_again(gated: Callable[..., Choosing], gate: Gate) -> None:
    gate.fails = True
    choosing = gated(speculate=False)
    assert choosing.wait_until_shown(SECONDS).error == "the device is gone"
    gate.fails = False
    choosing.retry()
    assert shown_landed(choosing)
    assert choosing.view.error == ""


def test_nothing_depends_on_the_session_staying_open(
    gated: Callable[..., Choosing], gate: Gate, tmp_path: Path, tiny_v_folder: Path
) -> None:
    choosing = gated()
    assert shown_landed(choosing)
    gate.open.clear()
    choosing.decide(Take(node=2))
    gate.open.set()
    choosing.close()
    opened = open_session(choosing.session.path, model=str(tiny_v_folder), store=tmp_path / "frames")
    assert opened.tree == choosing.session.tree
    again = gated(opened)
    assert shown_landed(again)
    assert len(again.view.tree.nodes) == 5


def test_frames_are_fed_back_without_loss(gated: Callable[..., Choosing], tmp_path: Path) -> None:
    choosing = gated(speculate=False)
    assert shown_landed(choosing)
    choosing.decide(Take(node=1))
    assert shown_landed(choosing)
    node = choosing.view.tree.shown[0]
    spec = choosing.session.link(node.id).spec
    assert spec.conditioning.base.frame == choosing.session.link(1).name
    assert FrameStore(tmp_path / "frames").path(node.frame).read_bytes().startswith(b"\x89PNG")


def test_likelihood_follows_what_was_taken(gated: Callable[..., Choosing], tmp_path: Path) -> None:
    choosing = gated(speculate=False, preference=tmp_path / "preference.json")
    assert shown_landed(choosing)
    assert choosing.view.likelihood == pytest.approx((0.5, 0.5))
    choosing.decide(Take(node=1))
    assert choosing.preference.choices == 1
    assert Choosing(choosing.session, choosing.renderer.session, preference=tmp_path / "preference.json").preference == choosing.preference


def test_a_decision_that_is_not_allowed_changes_nothing(gated: Callable[..., Choosing]) -> None:
    choosing = gated(speculate=False)
    with pytest.raises(SakugaError, match="not among the images shown"):
        choosing.decide(Take(node=7))
    assert [decision.kind for decision in read(choosing.session.path)[1]] == ["offer"]
