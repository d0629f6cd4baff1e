"""The queue's rows, without a server."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sakuga.web import queue
from sakuga.web.data_folder import DataFolder, StudioError, locked, server_lock
from sakuga.web.database import KEPT_EVENTS, Database, add_event, migrations, new_id
from sakuga.web.refusal import Refused
from sakuga.web.schemas import DrawJob, Job, JobRequest, RenderJob

REQUEST = DrawJob(prompts=["a castle"])


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "studio.sqlite3")
    made.migrate()
    return made


def added(database: Database, priority: int = 0) -> Job:
    with database.write() as connection:
        return queue.add_job(connection, REQUEST, priority=priority)


def order(database: Database) -> list[str]:
    """Claim everything; returns ids in the order in which they would run."""
    return [job.id for job in iter(lambda: queue.claim(database, "cpu"), None)]


def test_jobs_run_by_priority_and_then_in_order(database: Database) -> None:
    low, first, second, high = added(database, -5), added(database), added(database), added(database, 9)
    assert order(database) == [high.id, first.id, second.id, low.id]


def test_a_job_is_claimed_once_however_many_workers_ask(database: Database) -> None:
    jobs = {added(database).id for _ in range(40)}
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: queue.claim(database, f"lane{number % 8}"), range(60)))
    names = [job.id for job in claimed if job]
    assert len(names) == 40
    assert set(names) == jobs


def test_a_paused_queue_starts_nothing(database: Database) -> None:
    added(database)
    with database.write() as connection:
        connection.execute("UPDATE queue SET paused = 1")
    assert queue.claim(database, "cpu") is None


def test_the_queue_pauses_after_the_running_job_when_asked_to(database: Database) -> None:
    first = added(database)
    added(database)
    queue.claim(database, "cpu")
    with database.write() as connection:
        connection.execute("UPDATE queue SET stop_after = 1")
        queue.finish(connection, first.id, {"state": "done"})
    assert queue.claim(database, "cpu") is None
    with database.read() as connection:
        assert tuple(connection.execute("SELECT paused, stop_after FROM queue").fetchone()) == (1, 0)


def test_jobs_of_a_killed_worker_wait_again_and_fail_when_they_kill_it_often(database: Database) -> None:
    job = added(database)
    for attempt in range(1, queue.ATTEMPTS + 1):
        claimed = queue.claim(database, "cpu")
        assert claimed
        assert claimed.attempts == attempt
        assert queue.recover(database, "other") == 0
        assert queue.recover(database, "cpu") == 1
    with database.read() as connection:
        ended = queue.get_job(connection, job.id)
    assert ended.state == "failed"
    assert f"{queue.ATTEMPTS} times" in (ended.error or "")


@pytest.mark.parametrize(("wish", "state"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_wish_survives_the_worker_that_was_to_fulfil_it(database: Database, wish: str, state: str) -> None:
    job = added(database)
    queue.claim(database, "cpu")
    with database.write() as connection:
        queue.stop(connection, job.id, wish)
    queue.recover(database, "cpu")
    with database.read() as connection:
        assert queue.get_job(connection, job.id).state == state


def test_an_ended_job_cannot_be_stopped_and_a_waiting_one_cannot_be_retried(database: Database) -> None:
    job = added(database)
    queue.claim(database, "cpu")
    with database.write() as connection:
        queue.finish(connection, job.id, {"state": "done"})
    with database.write() as connection, pytest.raises(Refused, match="ended already"):
        queue.stop(connection, job.id, "cancel")
    waiting = added(database)
    with database.write() as connection, pytest.raises(Refused, match="queued"):
        queue.start_again(connection, waiting.id, ("failed",), "")


def test_a_job_that_ended_elsewhere_is_not_ended_again(database: Database) -> None:
    job = added(database)
    queue.claim(database, "cpu")
    with database.write() as connection:
        queue.finish(connection, job.id, {"state": "cancelled"})
        queue.finish(connection, job.id, {"state": "done"})
        assert queue.get_job(connection, job.id).state == "cancelled"


def test_a_write_that_fails_changes_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            queue.add_job(connection, REQUEST)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert queue.claim(database, "cpu") is None


def test_foreign_keys_count(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError), database.write() as connection:
        connection.execute("INSERT INTO shots (id, project, position, fields) VALUES (?, 'none', 0, '{}')", (new_id(),))


def test_old_events_go(database: Database) -> None:
    with database.write() as connection:
        for _ in range(KEPT_EVENTS // 10):
            add_event(connection, "job")
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (3 * KEPT_EVENTS - 1,))
        add_event(connection, "job")
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == 1


def test_migrations_are_numbered_without_a_gap_between_equal_ones_and_run_once(database: Database) -> None:
    numbers = [number for number, _ in migrations()]
    assert len(numbers) == len(set(numbers))
    database.migrate()
    with database.read() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == max(numbers)


def test_a_newer_database_and_a_damaged_one_are_refused_in_a_sentence(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(StudioError, match="newer sakuga"):
        database.migrate()
    (tmp_path / "bad.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(StudioError, match="move it away"):
        Database(tmp_path / "bad.sqlite3").migrate()


def test_a_data_folder_has_one_server(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.create()
    with (
        server_lock(data, "http://127.0.0.1:1"),
        pytest.raises(StudioError, match=r"http://127\.0\.0\.1:1"),
        server_lock(data, "http://127.0.0.1:2"),
    ):
        pass
    with locked(data.locks / "server") as free:
        assert free


def test_takes_end_with_their_job_and_wait_again_with_it(database: Database) -> None:
    job = added(database)
    with database.write() as connection:
        connection.execute(
            "INSERT INTO projects (id, title, idea, settings, bible, created, updated) VALUES ('p', '', '', '{}', '{}', 0, 0)"
        )
        connection.execute("INSERT INTO shots (id, project, position, fields) VALUES ('s', 'p', 0, '{}')")
        for state in ("waiting", "done"):
            insert = (
                "INSERT INTO takes (id, shot, seed, quality, state, fingerprint, job, created) VALUES (?, 's', 0, 'preview', ?, '', ?, 0)"
            )
            connection.execute(insert, (state, state, job.id))

    def states() -> list[str]:
        with database.read() as connection:
            return [row[0] for row in connection.execute("SELECT state FROM takes ORDER BY id")]

    with database.write() as connection:
        queue.stop(connection, job.id, "cancel")
    assert states() == ["done", "failed"]
    with database.write() as connection:
        queue.start_again(connection, job.id, ("cancelled",), "")
    assert states() == ["done", "waiting"]


def test_a_forked_child_does_not_keep_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    holder = (
        "import os, signal, sys, time; from pathlib import Path; from sakuga.web.data_folder import locked\n"
        "with locked(Path(sys.argv[1])) as free:\n"
        "    parent = os.getpid()\n"
        "    if os.fork(): time.sleep(30)\n"
        "    os.kill(parent, signal.SIGKILL)\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(30)\n"
    )
    ended = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert ended.stdout
    child = int(ended.stdout.readline())
    ended.wait()
    ended.stdout.close()
    try:
        with locked(tmp_path / "lock") as free:
            assert free
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_job_that_is_cancelled_has_an_end_and_one_that_is_paused_has_none(database: Database) -> None:
    cancelled, paused = added(database), added(database)
    with database.write() as connection:
        assert queue.stop(connection, cancelled.id, "cancel").ended is not None
        held = queue.stop(connection, paused.id, "pause")
    assert (held.state, held.ended) == ("paused", None)


def test_a_job_that_was_let_go_has_the_try_back(database: Database) -> None:
    job = added(database)
    for state, ended in (("queued", False), ("cancelled", True)):
        queue.claim(database, "cpu")
        assert queue.is_device_busy(database)
        queue.release(database, job.id, state)
        assert not queue.is_device_busy(database)
        with database.read() as connection:
            row = connection.execute("SELECT attempts, ended FROM jobs WHERE id = ?", (job.id,)).fetchone()
        assert (row["attempts"], row["ended"] is not None) == (0, ended)


def test_a_lane_that_works_is_given_only_what_is_more_urgent(database: Database) -> None:
    added(database, 3)
    assert queue.claim(database, "cpu", above=3) is None
    assert queue.claim(database, "cpu", above=2) is not None


def test_a_deleted_job_is_to_be_cancelled(database: Database) -> None:
    job = added(database)
    assert queue.wanted(database, job.id) == ""
    assert queue.wanted(database, new_id()) == "cancel"


def test_a_change_says_whether_the_job_was_in_the_state_for_it(database: Database) -> None:
    job = added(database)
    with database.write() as connection:
        assert queue.change_job(connection, job.id, {"title": "one"}, "state = 'queued'")
        assert not queue.change_job(connection, job.id, {"title": "two"}, "state = 'running'")


@pytest.mark.parametrize(
    ("request_", "title"),
    [
        (DrawJob(prompts=["a castle", "a boat"]), "a castle, a boat"),
        (DrawJob(prompts=["x" * 200]), "x" * 120),
        (RenderJob(film={"film": {"idea": "a storm"}, "shots": []}), "a storm"),
        (RenderJob(film={"film": 1}), "render"),
    ],
)
def test_a_job_is_called_by_its_words_or_its_kind(request_: JobRequest, title: str) -> None:
    assert queue.title_of(request_) == title
