"""A store is cleaned only while no render shares it."""

import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from sakuga import studio
from sakuga.rendering.store import FrameStore
from sakuga.rendering.store_lock import SharedStore, StoreInUse, exclusive_store

SHARE = """
import sys
from pathlib import Path
from sakuga.rendering.store_lock import SharedStore

share = SharedStore(Path(sys.argv[1]))
print("shared", flush=True)
sys.stdin.readline()
"""


def sharing(root: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", SHARE, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "shared\n"
    return process


def test_a_store_in_use_is_not_cleaned_until_its_render_ends_however_it_ends(store: FrameStore) -> None:
    store.write_given(np.zeros((8, 8, 3), np.uint8))
    first, second = sharing(store.root), sharing(store.root)
    with pytest.raises(StoreInUse, match="is in use by a render: wait until it has ended"):
        studio.clean_store(0, store.root)
    first.communicate("done\n")
    with pytest.raises(StoreInUse):
        studio.clean_store(0, store.root)
    second.kill()
    second.communicate()
    assert studio.clean_store(0, store.root) == 0


def test_a_render_waits_while_the_store_is_cleaned(tmp_path: Path) -> None:
    shares: list[SharedStore] = []
    with exclusive_store(tmp_path):
        waiting = Thread(target=lambda: shares.append(SharedStore(tmp_path)))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        assert not shares
    waiting.join(5)
    assert len(shares) == 1
    with pytest.raises(StoreInUse), exclusive_store(tmp_path):
        pass
    shares[0].close()
    with exclusive_store(tmp_path):
        pass


def test_a_store_that_does_not_exist_is_not_made_to_be_cleaned(tmp_path: Path) -> None:
    assert studio.clean_store(0, tmp_path / "none") == 0
    assert not (tmp_path / "none").exists()
