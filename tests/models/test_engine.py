"""The engine is decided once: OpenVINO where it is faster, torch with a sentence where it cannot be used."""

import builtins
from typing import Any

import pytest
import torch

from sakuga.models import engine
from sakuga.models.engine import WORTHWHILE_STEPS, choose_engine, engine_for, requested_engine
from sakuga.models.openvino import programs
from sakuga.models.openvino.programs import OpenVinoError
from sakuga.story.options import SettingsError


@pytest.fixture(autouse=True)
def fast_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(engine, "supports", lambda _: True)


def test_auto_is_openvino_on_a_fast_processor() -> None:
    chosen = choose_engine("auto", "cpu", "fp32")
    assert (chosen.name, chosen.note) == ("openvino", "")
    assert chosen.title.startswith("OpenVINO 20")


def test_a_gpu_and_half_precision_are_for_torch() -> None:
    for device, precision, word in (("cuda", "bf16", "cuda"), ("cpu", "fp16", "fp16")):
        chosen = choose_engine("auto", device, precision)  # type: ignore[arg-type]
        assert (chosen.name, chosen.note) == ("torch", "")
        asked = choose_engine("openvino", device, precision)  # type: ignore[arg-type]
        assert asked.name == "torch"
        assert word in asked.note
        assert asked.note.endswith(": torch runs the networks")


def test_a_processor_without_avx512_is_for_torch_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    chosen = choose_engine("auto", "cpu", "fp32")
    assert chosen.name == "torch"
    assert "has no AVX-512" in chosen.note
    assert choose_engine("openvino", "cpu", "fp32").name == "openvino"


def test_a_processor_without_bf16_is_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "supports", lambda arithmetic: arithmetic == "f32")
    chosen = choose_engine("auto", "cpu", "bf16")
    assert chosen.name == "torch"
    assert "bf16" in chosen.note
    assert choose_engine("auto", "cpu", "fp32").name == "openvino"


@pytest.mark.parametrize("error", [ImportError("no module named openvino"), OSError("libtbb.so: no such file"), RuntimeError("bad\nCPU")])
def test_a_library_that_does_not_load_is_a_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    plain = builtins.__import__

    def failing(name: str, *others: Any) -> Any:
        if name == "openvino":
            raise error
        return plain(name, *others)

    monkeypatch.setattr(engine, "openvino_core", programs.openvino_core.__wrapped__)
    monkeypatch.setattr(builtins, "__import__", failing)
    chosen = choose_engine("auto", "cpu", "fp32")
    assert chosen.name == "torch"
    assert chosen.note == f"OpenVINO does not load ({str(error).splitlines()[0]}): torch runs the networks"
    with pytest.raises(OpenVinoError):
        engine.openvino_core()


def test_torch_is_torch_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "openvino_core", None)
    assert choose_engine("torch", "cpu", "fp32").title == "torch"


def test_a_short_render_is_not_worth_a_compilation() -> None:
    assert engine_for("auto", WORTHWHILE_STEPS - 1) == "torch"
    assert engine_for("auto", WORTHWHILE_STEPS) == "auto"
    assert engine_for("openvino", 1) == "openvino"


def test_the_requested_engine_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAKUGA_ENGINE")
    assert requested_engine() == "auto"
    monkeypatch.setenv("SAKUGA_ENGINE", "openvino")
    assert requested_engine() == "openvino"
    monkeypatch.setenv("SAKUGA_ENGINE", "tensorrt")
    with pytest.raises(SettingsError, match=r"SAKUGA_ENGINE: there is no 'tensorrt'; choose auto, torch or openvino"):
        requested_engine()
