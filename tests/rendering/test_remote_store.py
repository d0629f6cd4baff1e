"""A store behind a URL is shared by machines: whole objects, read once, and clear errors."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pytest

from sakuga import InputError
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.ray_worker import RenderWorker
from sakuga.rendering.remote_frames import RemoteError, RemoteFrames, store_url
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore, StoreError, open_store
from sakuga.rendering.store_lock import SharedStore
from sakuga.timeline.spec import Generated, digest


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 server on loopback, with a bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem().mkdir("films")
        try:
            yield "s3://films/frames"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Go on as another machine, with a data folder of its own."""
    return lambda name: monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / name))


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        ("gs://bucket", "gs://bucket"),
        ("frames", None),
        (Path("/mnt/frames"), None),
        ("C:/frames", None),
        (PurePath("s3/frames"), None),
    ],
)
def test_a_url_is_recognised_also_after_it_was_a_path(place: str | Path, url: str | None) -> None:
    assert store_url(place) == url


def test_a_file_url_is_the_folder_that_it_names(tmp_path: Path) -> None:
    for place in (f"file://{tmp_path}/my%20frames", Path(f"file://{tmp_path}/my frames")):
        assert open_store(place).root == tmp_path / "my frames"


def test_a_frame_that_one_machine_renders_is_read_by_another(
    bucket: str, machine: Callable[[str], None], resources: Resources, draw: Callable[..., Generated]
) -> None:
    machine("one")
    there = replace(resources, store=Path(f"{bucket}/shared"))
    (landed,) = LocalExecutor(there).run([Batch(frames=(draw(),))])
    machine("two")
    store = open_store(f"{bucket}/shared")
    assert store.has(landed.name)
    assert store.has_now(landed.name)
    assert not store.path(landed.name).exists()
    assert store.spec(landed.name) == draw()
    assert store.machine(landed.name) == LocalExecutor(there).loaded.machine != ""
    local = FrameStore(resources.store)
    (here,) = LocalExecutor(resources).run([Batch(frames=(draw(),))])
    assert store.path(landed.name).read_bytes() == local.path(here.name).read_bytes()
    assert list(store.names()) == [landed.name]
    assert store.size() == store.path(landed.name).stat().st_size
    assert not store.has_now(digest(draw(seed=9)))
    again = open_store(store.root)
    assert str(again) == f"{bucket}/shared"
    SharedStore(store.root).close()


def test_a_shared_store_is_not_cleaned_from_one_machine(bucket: str, machine: Callable[[str], None]) -> None:
    machine("one")
    with pytest.raises(StoreError, match="lifecycle rule"):
        open_store(bucket).clean(0)


def test_a_frame_can_be_discarded_on_all_machines(bucket: str, machine: Callable[[str], None]) -> None:
    machine("one")
    store = open_store(f"{bucket}/probe")
    name = digest(store.write_given(image(0)))
    copy = store.path(name).read_bytes()
    store.discard(name)
    store.discard(name)
    store.path(name).write_bytes(copy)
    assert not store.has_now(name), "a copy here is of no use to other machines"
    machine("two")
    assert not open_store(f"{bucket}/probe").has_now(name)


def test_a_damaged_copy_is_read_again(bucket: str, machine: Callable[[str], None]) -> None:
    machine("one")
    store = open_store(f"{bucket}/damaged")
    name = digest(store.write_given(image(1)))
    whole = store.path(name).read_bytes()
    store.path(name).write_bytes(whole[:50])
    assert np.array_equal(store.read(name), image(1))
    assert store.path(name).read_bytes() == whole


def test_listings_answer_for_many_frames(bucket: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    machine("one")
    names = [digest(open_store(f"{bucket}/many").write_given(image(seed))) for seed in range(5)]
    machine("two")
    remote = open_store(f"{bucket}/many").remote
    assert remote
    listed: list[str] = []
    ask = remote._list
    monkeypatch.setattr(remote, "_list", lambda part: (listed.append(part), ask(part))[1])
    absent = [f"{part:02x}{'0' * 62}" for part in range(8)]
    for _ in range(3):
        assert all(map(remote.has, names))
        assert not any(map(remote.has, absent))
    assert len(listed) == len({name[:2] for name in (*names, *absent)})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://no-such-bucket-here/frames", "s3://no-such-bucket-here/frames cannot be used"),
        ("gopher://host/frames", "cannot be opened"),
        ("ftp://127.0.0.1:1/frames", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_written_is_refused_before_any_work(
    bucket: str, machine: Callable[[str], None], url: str, said: str
) -> None:
    from sakuga.studio.core.output import check_store

    machine("one")
    with pytest.raises(InputError, match=said):
        check_store(Path(url))


def test_a_service_that_is_gone_is_an_error_in_one_sentence(
    bucket: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def exists(self, path: str) -> bool:
            raise TimeoutError("timed out")

    machine("one")
    remote = RemoteFrames(bucket)
    monkeypatch.setitem(remote.__dict__, "_opened", (Gone(), "films/frames"))
    with pytest.raises(RemoteError, match=r"cannot be read \(timed out\): check the address"):
        remote.exists("ab" * 32)


def test_the_environment_names_the_store(machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine("one")
    assert open_store().root == Path(os.environ["SAKUGA_HOME"]) / "frames"
    monkeypatch.setenv("SAKUGA_STORE", str(tmp_path / "nfs"))
    assert open_store().root == tmp_path / "nfs"
    assert open_store(tmp_path / "given").root == tmp_path / "given"


def test_a_worker_says_that_it_does_not_see_the_store(bucket: str, resources: Resources, tmp_path: Path) -> None:
    name = digest(open_store(f"{bucket}/seen").write_given(image(1)))
    for place in ("s3://films/other", tmp_path / "not-mounted"):
        worker = RenderWorker(replace(resources, store=Path(place)), 1, name)
        assert worker._store_problem().startswith(f"does not see the frames of {place}: use a folder that all machines mount")
    assert RenderWorker(replace(resources, store=Path(f"{bucket}/seen")), 1, name)._store_problem() == ""


def test_a_worker_without_the_extra_of_the_store_says_what_to_install(resources: Resources) -> None:
    worker = RenderWorker(replace(resources, store=Path("gs://films/frames")), 1, "0" * 64)
    assert "needs gcsfs: pip install" in worker._store_problem()
