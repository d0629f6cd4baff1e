"""A Ray cluster renders the same bytes as this process, and loses nothing when workers and nodes die."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sakuga import InputError, SakugaError
from sakuga.cli import main
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering import ray_executor
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import Landed, LocalExecutor, OutOfMemory
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.ray_cluster import AUTH_MODE, Share, check_listening, free_nodes, has_token, import_ray, share_of, use_token_if_asked
from sakuga.rendering.ray_executor import RayExecutor
from sakuga.rendering.ray_worker import Installation, WorkerFacts, check_facts, local_resources
from sakuga.rendering.resources import Resources, StyleFiles
from sakuga.rendering.store import FrameStore, StoreError
from sakuga.studies.cluster_pool import ClusterPool
from sakuga.timeline.spec import Digest, FrameSpec, Generated, Given, InitImage, SeedNoise, digest

FACTS = WorkerFacts(node="node7", node_id="a", device="cpu", machine="x", installation=Installation.here(), process=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of one machine, which has room for two workers."""
    ray = import_ray()
    ray.init(
        address="local", num_cpus=2, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False, logging_level="error"
    )
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


@pytest.fixture
def resources(resources: Resources) -> Resources:
    files = CheckpointFiles(name=resources.checkpoint_name, folder=resources.checkpoint)
    return replace(resources, checkpoint_digest=files.digest)


@pytest.fixture
def draw(draw: Callable[..., Generated], resources: Resources) -> Callable[..., Generated]:
    return lambda **changes: replace(draw(**changes), checkpoint=resources.checkpoint_digest)


@contextmanager
def rendering(resources: Resources) -> Iterator[RayExecutor]:
    executor = RayExecutor(resources, threads=1)
    try:
        yield executor
    finally:
        executor.close()


def contents(root: Path) -> dict[Digest, bytes]:
    store = FrameStore(root)
    return {name: store.path(name).read_bytes() for name in store.names() if not isinstance(store.spec(name), Given)}


def film(first: Generated) -> dict[Digest, FrameSpec]:
    """Two chains of four, and four independent frames in batches of two."""
    frames = [replace(first, noise=SeedNoise(seed=seed), batch=2) for seed in range(20, 24)]
    for seed in (0, 50):
        chain = [replace(first, noise=SeedNoise(seed=seed))]
        while len(chain) < 4:
            noise = SeedNoise(seed=seed + len(chain))
            chain.append(replace(first, noise=noise, init=InitImage(frame=digest(chain[-1]), strength=0.6)))
        frames += chain
    return {digest(spec): spec for spec in frames}


def missing(specs: dict[Digest, FrameSpec], root: Path) -> list[Batch]:
    return plan_batches(specs, specs, FrameStore(root).has)


def processes(executor: RayExecutor) -> list[int]:
    workers = executor._workers
    return [worker.facts.process for worker in (workers.workers if workers else ()) if worker.facts]


def test_a_cluster_gives_the_bytes_of_this_process_when_a_worker_dies_and_another_is_slow(
    cluster: str, resources: Resources, tmp_path: Path, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_executor, "LEAST_WAIT", 0.2)
    specs = film(draw(steps=12))
    list(LocalExecutor(resources).run(missing(specs, resources.store)))
    other = replace(resources, store=tmp_path / "cluster")
    landed: list[Landed] = []
    with rendering(other) as executor:
        for one in executor.run(missing(specs, other.store)):
            landed.append(one)
            if len(landed) == 2:
                os.kill(processes(executor)[0], signal.SIGKILL)
        others = {digest(spec): spec for spec in (draw(seed=seed) for seed in range(100, 106))}
        copied: list[Landed] = []
        for one in executor.run(missing(others, other.store)):
            copied.append(one)
            if len(copied) == 2:
                os.kill(slow := processes(executor)[0], signal.SIGSTOP)
        os.kill(slow, signal.SIGCONT)
    assert sorted(one.name for one in copied) == sorted(others), "what the stopped worker had was rendered by another one"
    for name in others:
        FrameStore(other.store).discard(name)
    assert sorted(one.name for one in landed) == sorted(specs)
    assert contents(other.store) == contents(resources.store)
    assert {one.device.split()[1] for one in landed} == {"cpu"}
    assert missing(specs, other.store) == []


def test_errors_of_a_worker_come_back_and_it_goes_on(
    cluster: str, resources: Resources, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    with rendering(resources) as executor:
        with pytest.raises(RenderError, match="asks for approximations"):
            list(executor.run([Batch(frames=(draw(approximations=("deepcache",)),))]))
        wide = Batch(frames=(draw(width=2**24, height=2**24, batch=2),))
        with pytest.raises(OutOfMemory) as full:
            list(executor.run([wide]))
        assert full.value.batch == wide
        folder = FrameStore(resources.store).path(digest(draw(seed=5))).parent
        folder.write_bytes(b"")
        with pytest.raises(StoreError, match="cannot be written to"):
            list(executor.run([Batch(frames=(draw(seed=5),))]))
        folder.unlink()
        assert [one.name for one in executor.run([Batch(frames=(draw(seed=5),))])] == [digest(draw(seed=5))]
    assert list(FrameStore(resources.store).names()) == [digest(draw(seed=5))]
    with pytest.raises(RenderError, match="the executor is closed"):
        list(executor.run([]))


def test_runs_of_a_study_are_tasks_whose_errors_come_back(cluster: str, tmp_path: Path) -> None:
    with ClusterPool() as pool:
        assert pool.room == 2
        pool.submit(os.mkdir, tmp_path, tmp_path / "a").result(300)
        assert (tmp_path / "a").is_dir()
        with pytest.raises(FileExistsError):
            pool.submit(os.mkdir, tmp_path, tmp_path / "a").result(300)
        with pytest.raises(SakugaError, match=r"does not see .*nowhere: put the study in a folder"):
            pool.submit(os.mkdir, tmp_path / "nowhere", tmp_path / "b").result(300)


def test_a_machine_without_the_model_or_a_style_says_so(resources: Resources, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert local_resources(resources) == (resources, "")
    absent = replace(resources, checkpoint=nowhere, checkpoint_name=str(nowhere))
    assert local_resources(absent)[1].startswith(f"has no model '{nowhere}'")
    other = replace(resources, checkpoint_digest="0" * 64)
    assert local_resources(other)[1].startswith("has another model 'tiny' (")
    styled = replace(resources, styles=(("a", StyleFiles(name="ink", files=(nowhere,))),))
    assert local_resources(styled)[1] == f"has no {nowhere}: put it in the same place on every machine"
    with pytest.raises(RenderError, match=r"^node7 has no model"):
        check_facts(replace(FACTS, problem=local_resources(absent)[1]))


def test_a_model_in_another_place_is_found_by_its_name(tmp_path: Path, resources: Resources) -> None:
    built_in = find_checkpoint()
    elsewhere = replace(resources, checkpoint=tmp_path / "elsewhere", checkpoint_name="sketchbook", checkpoint_digest=built_in.digest)
    assert local_resources(elsewhere) == (replace(elsewhere, checkpoint=built_in.folder), "")


def node(name: str, cpus: float, gpus: float = 0, alive: bool = True) -> dict[str, Any]:
    return {"NodeID": name, "Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus}}


def test_there_is_a_worker_for_each_gpu_or_for_so_many_cores() -> None:
    cores = [node("a", 8), node("b", 3), node("c", 64, alive=False)]
    share = share_of(cores, "auto", 4)
    assert share == Share(gpus=0, threads=4)
    assert free_nodes(cores, share) == {"a": 2}
    mixed = [*cores, node("g", 16, 4)]
    share = share_of(mixed, "auto", 4)
    assert share == Share(gpus=1, threads=1)
    assert free_nodes(mixed, share) == {"g": 4}
    assert share_of(mixed, "cpu", 4) == Share(gpus=0, threads=4)


def test_another_version_is_refused_with_both() -> None:
    here = Installation.here()
    other = replace(here, sakuga="0.0.1", torch="1.0")
    with pytest.raises(RenderError, match=rf"^node7 has sakuga 0.0.1 .*torch 1.0, and .* has sakuga {here.sakuga} ") as refused:
        check_facts(replace(FACTS, installation=other))
    assert here.torch in str(refused.value)


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1:9", "nothing listens at"), ("nowhere", "is no address"), ("host:99999", "is no address")]
)
def test_an_address_without_a_cluster_is_refused(address: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_listening(address)


@pytest.fixture
def command(cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a command of `sakuga`."""
    for name in ("SAKUGA_EXECUTOR", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))

    def run(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["sakuga", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    return run


def test_a_command_renders_on_the_cluster_what_it_renders_here(cluster: str, command: Callable[..., None], tmp_path: Path) -> None:
    words = ["animate", "a castle at dawn", "--shots", "2", "--seconds", "0.5", "--size", "64", "--steps", "2", "--engine", "torch"]
    command(*words, "-o", str(tmp_path / "here"), "--store", str(tmp_path / "frames"))
    command(*words, "-o", str(tmp_path / "there"), "--store", str(tmp_path / "shared"), "--executor", "ray", "--address", cluster)
    here, there = ({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("here", "there"))
    assert here == there
    assert contents(tmp_path / "frames") == contents(tmp_path / "shared")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "rey"], "there is no 'rey'; choose local or ray"),
        (["--executor", "ray", "--workers", "2"], "leave --workers out"),
        (["--address", "10.0.0.5:6379"], "add --executor ray"),
        (["--executor", "ray", "--queue"], "leave --executor out"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKUGA_EXECUTOR", "")
    monkeypatch.setattr(sys, "argv", ["sakuga", "render", "film.toml", *options])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert said in " ".join(capsys.readouterr().err.split())


def test_the_token_of_this_machine_is_known_wherever_ray_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert not has_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a")
    assert has_token()
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("a")
    assert has_token()


class Head:
    """A head that asks for a token, or does not; it stands for the module ray."""

    def __init__(self, *, asks: bool) -> None:
        self.asks = asks
        self.exceptions, self._raylet, self.Config = import_ray().exceptions, self, self

    def GcsClient(self, address: str) -> None:
        if self.asks and os.environ.get(AUTH_MODE) != "token":
            raise self.exceptions.AuthenticationError("missing")

    def initialize(self, settings: str) -> None:
        pass


def test_the_token_of_this_machine_is_used_where_the_cluster_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a")
    monkeypatch.setenv(AUTH_MODE, "")
    use_token_if_asked(Head(asks=False), "10.0.0.5:6379")
    assert not os.environ[AUTH_MODE]
    use_token_if_asked(Head(asks=True), "10.0.0.5:6379")
    assert os.environ[AUTH_MODE] == "token"
    monkeypatch.setenv(AUTH_MODE, "disabled")
    with pytest.raises(import_ray().exceptions.AuthenticationError):
        use_token_if_asked(Head(asks=True), "10.0.0.5:6379")
