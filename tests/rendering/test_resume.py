"""A killed render resumes where it stopped, with the same bytes as an undisturbed one."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import sakuga
from sakuga.rendering.batches import plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Digest, FrameSpec, Generated, InitImage, SeedNoise, digest, to_json

CHILD = """
import sys
from pathlib import Path
from sakuga.rendering.batches import plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import digest, from_json

folder, store, film = map(Path, sys.argv[1:])
specs = {digest(spec): spec for spec in map(from_json, film.read_text().splitlines())}
executor = LocalExecutor(Resources(checkpoint=folder, checkpoint_name="tiny", checkpoint_digest="tiny", store=store, device="cpu"))
for landed in executor.run(plan_batches(specs, specs, executor.store.has)):
    print(landed.name, flush=True)
    sys.stdin.readline()  # one line is the permission for one more frame
"""


def chain(first: Generated, length: int) -> dict[Digest, FrameSpec]:
    frames = [first]
    for seed in range(1, length):
        frames.append(replace(first, noise=SeedNoise(seed=seed), init=InitImage(frame=digest(frames[-1]), strength=0.6)))
    return {digest(frame): frame for frame in frames}


def render(executor: LocalExecutor, specs: dict[Digest, FrameSpec]) -> list[Digest]:
    return [landed.name for landed in executor.run(plan_batches(specs, specs, executor.store.has))]


def contents(store: FrameStore) -> dict[Digest, bytes]:
    return {name: store.path(name).read_bytes() for name in store.names()}


def start_child(folder: Path, root: Path, specs: dict[Digest, FrameSpec], film: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(sakuga.__file__).parents[1])}
    film.write_text("".join(f"{to_json(spec)}\n" for spec in specs.values()))
    command = [sys.executable, "-c", CHILD, str(folder), str(root), str(film)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_killed_render_resumes_to_the_same_bytes(
    executor: LocalExecutor, tiny_v_folder: Path, tmp_path: Path, draw: Callable[..., Generated]
) -> None:
    specs = chain(draw(steps=8), 10)
    killed = FrameStore(tmp_path / "killed")
    with start_child(tiny_v_folder, killed.root, specs, tmp_path / "specs.jsonl") as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write("\n" * 6)
        child.stdin.flush()
        landed = [child.stdout.readline().strip() for _ in range(3)]
        time.sleep(random.uniform(0.0, 0.1))
        assert child.poll() is None
        child.kill()
    left = contents(killed)
    assert set(landed) <= set(left) < set(specs)
    assert render(executor, specs) == list(specs)
    resumed = render(LocalExecutor(executor.loaded.reopened(store=killed.root)), specs)
    assert resumed == [name for name in specs if name not in left]
    assert contents(killed) == contents(executor.store)


def test_a_truncated_frame_is_rendered_again_and_nothing_else(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    specs = chain(draw(), 4)
    render(executor, specs)
    whole = contents(executor.store)
    second = list(specs)[1]
    executor.store.path(second).write_bytes(whole[second][:-30])
    assert render(executor, specs) == [second]
    assert contents(executor.store) == whole


def test_changing_one_spec_renders_only_its_dependents(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    first, second = chain(draw("a castle"), 3), chain(draw("the sea"), 3)
    render(executor, first | second)
    changed = chain(draw("the sea", guidance=2.0), 3)
    assert render(executor, first | changed) == list(changed)
    assert render(executor, first | changed) == []
