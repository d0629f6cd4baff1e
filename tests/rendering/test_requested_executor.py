"""Which executor runs belongs to the machine."""

import pytest

from sakuga.rendering.requested_executor import VARIABLE, requested_executor
from sakuga.story.options import SettingsError


def test_this_process_renders_unless_a_cluster_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert requested_executor() is None
    monkeypatch.setenv(VARIABLE, "ray")
    assert getattr(requested_executor(), "__name__", "") == "RayExecutor"


def test_an_unknown_executor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "horse")
    with pytest.raises(SettingsError, match="horse"):
        requested_executor()
