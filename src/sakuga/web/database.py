"""The studio's SQLite database."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import local
from typing import Any
from uuid import uuid4

from sakuga.web.data_folder import StudioError

KEPT_EVENTS = 20_000
"""Events that stay; a client that was away for longer loads everything again."""


class Database:
    """One connection for each thread; processes may share the file.

    Write-ahead logging lets reads go on during a write, and a process that is killed loses only the transaction that it was in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = local()

    @property
    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._threads, "connection"):
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._threads.connection = connection
        connection = self._threads.connection
        assert isinstance(connection, sqlite3.Connection)
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read one state of the database."""
        connection = self._connection
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Change the database; on an error nothing is changed."""
        connection = self._connection
        if connection.in_transaction:
            raise RuntimeError("a write cannot stand inside another read or write")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def migrate(self) -> None:
        """Bring the schema to this version, a numbered migration after the other.

        Raises StudioError for a database of a newer version, or one that is damaged.
        """
        try:
            for number, script in migrations():
                with self.write() as connection:
                    if version(connection) < number:
                        for statement in statements(script):
                            connection.execute(statement)
                        connection.execute(f"PRAGMA user_version = {number}")
            with self.read() as connection:
                present = version(connection)
        except sqlite3.DatabaseError as error:
            raise StudioError(f"{self.path} cannot be used ({error}): move it away, and the studio starts with an empty one") from None
        if present > max(number for number, _ in migrations()):
            raise StudioError(f"{self.path} was written by a newer sakuga: take that version")


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrations() -> list[tuple[int, str]]:
    """Return the migrations in order, by their number."""
    folder = files("sakuga.web") / "migrations"
    found = [(int(file.name[:4]), file.read_text(encoding="utf-8")) for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted(found)


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, so that they run in one transaction."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def new_id() -> str:
    """Return a new row's name."""
    return uuid4().hex[:12]


def now() -> float:
    """Return seconds since 1970."""
    return time.time()


def packed(value: Any) -> str:
    """Write JSON as the tables hold it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def add_event(connection: sqlite3.Connection, kind: str, subject: str = "", data: Mapping[str, Any] | None = None) -> None:
    """Record what happened, in the transaction that changes it; every open page hears of it."""
    added = connection.execute("INSERT INTO events (kind, subject, data) VALUES (?, ?, ?)", (kind, subject, packed(data or {})))
    number = added.lastrowid or 0
    if number % 100 == 0:
        connection.execute("DELETE FROM events WHERE id <= ?", (number - KEPT_EVENTS,))
