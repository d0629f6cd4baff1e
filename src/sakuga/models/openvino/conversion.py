"""Conversion of torch networks to graphs of OpenVINO."""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.loading import quiet_libraries
from sakuga.models.openvino.programs import WEIGHT, OpenVinoError
from sakuga.models.openvino.weights import named_weights

Run = Callable[..., Any]
"""Calls a network: `run(network, *inputs, **named_inputs)` returns a tensor, or nested tuples of tensors."""
TRACED = "self.network."
"""What the names of weights in a converted graph begin with."""


def flat_tensors(value: Any) -> list[Tensor]:
    """List the tensors of nested tuples, lists and dicts, in a fixed order; numbers become tensors."""
    match value:
        case None:
            return []
        case dict():
            return [tensor for name in sorted(value) for tensor in flat_tensors(value[name])]
        case tuple() | list():
            return [tensor for one in value for tensor in flat_tensors(one)]
        case Tensor():
            return [value]
        case _:
            return [torch.tensor(float(value))]


def graph_shapes(tensors: Sequence[Tensor], *, any_rows: bool) -> list[list[int]]:
    """Return the shapes that a graph is made for.

    With `any_rows` the first axis is -1, any size, of all tensors that have as many rows as the first one.

    >>> graph_shapes([torch.zeros(4, 8), torch.zeros(1, 2)], any_rows=True)
    [[-1, 8], [1, 2]]
    """
    shapes = [list(tensor.shape) for tensor in tensors]
    rows = shapes[0][:1] if any_rows else []
    return [[-1, *shape[1:]] if rows and shape[:1] == rows else shape for shape in shapes]


def convert(run: Run, network: nn.Module, inputs: Any, *, any_rows: bool = False) -> Any:
    """Return the graph of a network at the shapes of example inputs.

    `inputs` are positional and named ones, ((...), {...}). The graph's inputs are their tensors in the order of `flat_tensors`, then one
    named "weight:..." for each weight; its outputs are in that order, too. With `any_rows` it takes batches of any size
    (`graph_shapes`). Raises OpenVinoError where a weight is not found in it.
    """
    from openvino._offline_transformations import apply_moc_transformations
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    plain = network if all(weight.dtype == torch.float32 for weight in network.parameters()) else copy.deepcopy(network).float()
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings(), quiet_libraries():
        warnings.simplefilter("ignore")  # tracing warns of every shape that it takes for a constant
        examples = tuple(torch.rand(tensor.shape) for tensor in flat_tensors(inputs))
        traced = _Traced(run, plain, inputs)
        decoder = TorchScriptPythonDecoder(traced, example_input=examples, trace_kwargs={"check_trace": False})
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    model.reshape(dict(enumerate(graph_shapes(examples, any_rows=any_rows))))
    _take_weights_out(model, {name: tuple(weight.shape) for name, weight in named_weights(plain).items()})
    apply_moc_transformations(model, cf=True)
    return model


class _Traced(nn.Module):
    """A network that takes and returns a flat row of tensors."""

    def __init__(self, run: Run, network: nn.Module, inputs: Any) -> None:
        super().__init__()
        self.run, self.network, self.inputs = run, network, inputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        positional, named = _refilled(self.inputs, iter(tensors))
        return tuple(flat_tensors(self.run(self.network, *positional, **named)))


def _refilled(value: Any, tensors: Iterator[Tensor]) -> Any:
    """Return the same nesting with other tensors."""
    match value:
        case None:
            return None
        case dict():
            return {name: _refilled(value[name], tensors) for name in sorted(value)}
        case tuple() | list():
            return tuple(_refilled(one, tensors) for one in value)
        case _:
            return next(tensors)


def _take_weights_out(model: Any, weights: Mapping[str, Sequence[int]]) -> None:
    """Make an input of every weight.

    A weight that went into the graph in another shape would stay that of the network it was converted from.
    """
    from openvino import opset13

    made: dict[str, Any] = {}
    for node in model.get_ops():
        name = node.get_friendly_name()
        if node.get_type_name() != "Constant" or not name.startswith(TRACED):
            continue
        weight = name.removeprefix(TRACED)
        if not node.get_element_type().is_real():
            continue
        if tuple(node.shape) != weights.get(weight):
            raise OpenVinoError(f"the weight {weight} has another shape in the converted network")
        if weight not in made:
            made[weight] = opset13.parameter(list(node.shape), node.get_element_type(), name=WEIGHT + weight)
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(made[weight].output(0))
    model.add_parameters(list(made.values()))
    model.validate_nodes_and_infer_types()
