"""Programs: graphs compiled by OpenVINO for this processor. Needs no torch."""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np

from sakuga import SakugaError

Arithmetic = Literal["f32", "bf16"]
"""OpenVINO's names of number formats."""
WEIGHT = "weight:"
"""What the names of a graph's weights begin with."""

# OpenVINO sends usage statistics over the network when it is imported, from a forked process that can hang for ever. Without this module it
# sends none.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoError(SakugaError):
    """OpenVINO cannot be used; the message says why."""


@lru_cache(maxsize=1)
def openvino_core() -> Any:
    """Return OpenVINO's core, which all programs share.

    Raises OpenVinoError where the library is missing or does not load.
    """
    try:
        import openvino

        core = openvino.Core()
        core.get_property("CPU", "FULL_DEVICE_NAME")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise OpenVinoError(f"OpenVINO does not load ({first_line(error)})") from error
    return core


def openvino_version() -> str:
    """Return OpenVINO's version, such as 2026.4.1."""
    import openvino

    return str(openvino.__version__).split("-")[0]


def supports(arithmetic: Arithmetic) -> bool:
    """Return whether this processor computes in a number format."""
    return arithmetic == "f32" or "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class Program:
    """A graph compiled for one set of shapes.

    Weights named in `changeable` are inputs, which `set_weights` replaces at no cost; all others are constants.
    """

    def __init__(self, model: Any, weights: Mapping[str, np.ndarray], changeable: frozenset[str], arithmetic: Arithmetic, threads: int):
        model = model.clone()
        _insert_weights(model, {name: value for name, value in weights.items() if name not in changeable})
        names = [parameter.get_friendly_name() for parameter in model.get_parameters()]
        self._weight_places = {name.removeprefix(WEIGHT): place for place, name in enumerate(names) if name.startswith(WEIGHT)}
        self._input_places = [place for place, name in enumerate(names) if not name.startswith(WEIGHT)]
        options = {
            "INFERENCE_PRECISION_HINT": arithmetic,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # several processes would all be bound to the first core
        }
        self._request = openvino_core().compile_model(model, "CPU", options).create_infer_request()
        self._outputs = len(model.outputs)
        self._lock = Lock()
        self.set_weights(weights)

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Replace the changeable weights; contiguous arrays are used in place."""
        self._weights = {place: np.asarray(weights[name], order="C") for name, place in self._weight_places.items()}
        for place, value in self._weights.items():
            self._request.set_input_tensor(place, _tensor(value))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return copies of the outputs for inputs in the graph's order."""
        arrays = [np.asarray(value, order="C") for value in inputs]  # held until the end: tensors point into them
        with self._lock:
            for place, value in zip(self._input_places, arrays, strict=True):
                self._request.set_input_tensor(place, _tensor(value))
            self._request.infer()
            return [self._request.get_output_tensor(place).data.copy() for place in range(self._outputs)]


def save_model(model: Any, path: Path) -> None:
    """Write a graph in OpenVINO's format, in two files."""
    import openvino

    openvino.save_model(model, path, compress_to_fp16=False)


def _insert_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Put weights into a graph as constants."""
    from openvino import opset13

    for parameter in model.get_parameters():
        name = parameter.get_friendly_name()
        if name.startswith(WEIGHT) and name.removeprefix(WEIGHT) in weights:
            constant = opset13.constant(weights[name.removeprefix(WEIGHT)])
            for target in parameter.output(0).get_target_inputs():
                target.replace_source_output(constant.output(0))
            model.remove_parameter(parameter)


def _tensor(value: np.ndarray) -> Any:
    from openvino import Tensor

    return Tensor(value, shared_memory=True)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
