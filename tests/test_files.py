"""A file or folder appears complete, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sakuga import files
from sakuga.files import (
    NameTaken,
    TextError,
    atomic_folder,
    atomic_path,
    decode_utf8,
    discard_drafts,
    flush_to_disk,
    is_empty,
    new_path,
    parse_json,
    parse_toml,
    read_utf8,
    sole_user,
    write_atomic,
    write_bytes,
    write_text,
)


def below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "page.txt", "雪\n")
    assert (tmp_path / "new" / "page.txt").read_bytes() == "雪\n".encode()
    write_bytes(tmp_path / "new" / "page.txt", b"again")
    assert (tmp_path / "new" / "page.txt").read_bytes() == b"again"
    assert below(tmp_path / "new") == ["page.txt"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_text("old")

    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        write_atomic(path, fail)
    with pytest.raises(FileNotFoundError):
        write_atomic(path, lambda draft: None)
    assert path.read_text() == "old"
    assert below(tmp_path) == ["page.txt"]


def test_the_file_is_never_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    with atomic_path(path) as draft:
        draft.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file_not_those_of_the_writer(tmp_path: Path, mask: int) -> None:
    def private(draft: Path) -> None:
        draft.write_text("x")
        draft.chmod(0o600)

    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "page.txt", private)
    finally:
        os.umask(before)
    assert (tmp_path / "page.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_folder_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "set"

    def fail() -> None:
        with atomic_folder(folder) as draft:
            (draft / "one").write_text("1")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert below(tmp_path) == []
    with atomic_folder(folder) as draft:
        (draft / "below").mkdir()
        (draft / "below" / "one").write_text("1")
        assert not folder.exists()
    assert (folder / "below" / "one").read_text() == "1"
    assert below(tmp_path) == ["set"]


def test_a_folder_is_overwritten_only_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "old").write_text("old")

    def write(overwrite: bool) -> None:
        with atomic_folder(folder, overwrite=overwrite) as draft:
            (draft / "new").write_text("new")

    with pytest.raises(OSError, match="set"):
        write(overwrite=False)
    assert below(folder) == ["old"]
    write(overwrite=True)
    assert below(folder) == ["new"]
    assert below(tmp_path) == ["set"]


OVERWRITE = """
import sys
from pathlib import Path
from sakuga.files import atomic_folder

folder, watched = Path(sys.argv[1]), []
def check(event, _):
    if watched and event in ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "ctypes.dlsym"):
        print((folder / "page").read_text())

sys.addaudithook(check)
for page in ("old", "new"):
    with atomic_folder(folder, overwrite=True) as draft:
        (draft / "page").write_text(page)
    watched.append(folder)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the exchange takes several steps")
def test_an_overwritten_folder_is_whole_before_every_change_of_the_disk(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", OVERWRITE, str(tmp_path / "set")], capture_output=True, text=True, check=True)
    seen = done.stdout.split()
    assert set(seen) == {"old", "new"}
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("step", [True, False])
def test_an_overwritten_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: bool) -> None:
    if not step:
        monkeypatch.setattr(files, "_exchange_in_one_step", _refuse)
    folder = tmp_path / "set"
    for content in ("old", "new"):
        with atomic_folder(folder, overwrite=True) as draft:
            (draft / "page").write_text(content)
    assert (folder / "page").read_text() == "new"
    assert below(tmp_path) == ["set"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _refuse)
    path = tmp_path / "1.png"
    with new_path(path) as draft:
        draft.write_bytes(b"first")
    with pytest.raises(NameTaken), new_path(path) as draft:
        draft.write_bytes(b"second")
    assert path.read_bytes() == b"first"
    assert below(tmp_path) == ["1.png"]


def _refuse(*_: object) -> None:
    raise PermissionError("no hard links here")


def test_text_is_read_with_and_without_a_byte_order_mark_and_with_any_line_ends(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_bytes("\ufeffa\r\nb\rc\n雪".encode())
    assert read_utf8(tmp_path / "page.txt") == "a\nb\nc\n雪"
    with pytest.raises(TextError, match="it is in UTF-16; save it as UTF-8"):
        decode_utf8("a".encode("utf-16"))
    with pytest.raises(TextError, match="it is not in UTF-8"):
        decode_utf8(b"caf\xe9")


def test_json_that_is_nested_too_deeply_is_no_json() -> None:
    assert parse_json('{"a": [1]}') == {"a": [1]}
    for text in ("[" * 100_000, '{"a":' * 100_000, "{"):
        with pytest.raises(ValueError, match=r"nested|Expecting"):
            parse_json(text)


def test_toml_that_is_nested_too_deeply_is_no_toml() -> None:
    assert parse_toml("a = [1]") == {"a": [1]}
    for text in ("a = " + "[" * 100_000, "a = " + "9" * 10_000, "a ="):
        with pytest.raises(ValueError, match=r"nested|digits|Invalid"):
            parse_toml(text)


def test_names_that_are_no_utf8_are_written_as_question_marks(tmp_path: Path) -> None:
    write_text(tmp_path / "page.txt", os.fsdecode(b"caf\xe9.png"))
    assert (tmp_path / "page.txt").read_bytes() == b"caf?.png"


@pytest.mark.skipif(os.name == "nt", reason="no locks on folders")
def test_a_folder_has_one_user_until_its_process_lets_go(tmp_path: Path) -> None:
    with sole_user(tmp_path) as first:
        with sole_user(tmp_path) as second:
            assert (first, second) == (True, False)
        command = "import sys, pathlib\nfrom sakuga.files import sole_user\nwith sole_user(pathlib.Path(sys.argv[1])) as free: print(free)"
        told = subprocess.run([sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True, check=True)
        assert told.stdout == "False\n"
    with sole_user(tmp_path) as again:
        assert again


def test_a_link_at_the_place_of_an_output_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("keep")
    (tmp_path / "clip.gif").symlink_to(tmp_path / "secret")
    write_bytes(tmp_path / "clip.gif", b"made")
    assert (tmp_path / "secret").read_text() == "keep"
    assert not (tmp_path / "clip.gif").is_symlink()


def test_flushing_a_file_leaves_it_and_forgives_what_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "a").write_bytes(b"weights")
    (tmp_path / "model").symlink_to(tmp_path / "blobs" / "a")
    flushed, flush = list[int](), os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(os.fstat(handle).st_ino), flush(handle)))
    flush_to_disk(tmp_path / "model")
    assert set(flushed) == {path.stat().st_ino for path in (tmp_path / "blobs" / "a", tmp_path / "blobs", tmp_path)}
    assert (tmp_path / "model").read_bytes() == b"weights"
    flush_to_disk(tmp_path / "none")


def test_the_name_of_a_draft_is_never_free_for_a_link(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "clip.gif") as draft:
        assert draft.is_file(), "in a folder that users share, nobody else can place a link under a name that is taken"
        draft.write_bytes(b"whole")
    assert (tmp_path / "clip.gif").read_bytes() == b"whole"


@pytest.mark.skipif(not files.NO_LINK, reason="the system opens links like files")
def test_a_draft_that_became_a_link_is_not_given_its_name(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "theirs").chmod(0o600)
    with pytest.raises(OSError, match="symbolic links"), atomic_path(tmp_path / "clip.gif") as draft:  # noqa: PT012
        draft.unlink()
        draft.symlink_to(tmp_path / "theirs")
    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_drafts_that_killed_processes_left_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    folder, outside = tmp_path / "run", tmp_path / "outside"
    kept = [folder / "style" / "lora.safetensors", folder / ".hidden", folder / "notes.part", folder / ".0123456789abcdef.old.part"]
    left = [
        folder / ".0123456789abcdef.part",
        folder / ".tmpU9DB3V",
        folder / "style" / ".fedcba9876543210.part",
        folder / ".aaaaaaaaaaaaaaaa.part" / "set.toml",
    ]
    elsewhere = outside / ".0123456789abcdef.part"
    for path in (*kept, *left, elsewhere):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("begun")
    (folder / "link").symlink_to(outside)
    discard_drafts(folder)
    assert [path.exists() for path in (*kept, elsewhere)] == [True] * 5
    assert not any(path.exists() for path in (*left, left[-1].parent))


def test_a_folder_with_a_draft_alone_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").touch()
    assert is_empty(tmp_path)
    (tmp_path / "notes.part").touch()
    assert not is_empty(tmp_path)


def test_all_of_a_new_folder_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.add(os.fstat(handle).st_ino))
    with atomic_folder(tmp_path / "set") as draft:
        (draft / "train").mkdir()
        (draft / "train" / "0001.png").touch()
    assert {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))} == flushed
