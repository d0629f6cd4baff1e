"""Networks that OpenVINO runs, called as the torch networks are."""

import copy
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.machine import machine
from sakuga.models.openvino.conversion import Run, convert, flat_tensors, graph_shapes
from sakuga.models.openvino.graphs import DamagedGraph, GraphFiles, graph_folder, graph_name, read_graph, shipped_graph, write_graph
from sakuga.models.openvino.guided_rows import common_half, run_guided
from sakuga.models.openvino.programs import Arithmetic, OpenVinoError, Program, first_line, openvino_core, openvino_version, save_model
from sakuga.models.openvino.prompt_inputs import PromptInputs, given_prompt
from sakuga.models.openvino.weights import Fingerprint, WatchedWeights, as_array
from sakuga.models.packing import has_room_for_copies
from sakuga.models.reference_attention import AttendedReference, Attender, attending_to

ARITHMETIC: dict[torch.dtype, Arithmetic] = {torch.float32: "f32", torch.bfloat16: "bf16"}
TOLERANCE: dict[Arithmetic, float] = {"f32": 1e-4, "bf16": 0.05}
"""How far a forward pass may be from torch's, relative to its root mean square. Measured: 1e-6 and 0.01."""
PROGRAMS = 4
"""Programs of a network that stay in memory, one for each set of shapes; the one used longest ago goes first."""
FAILURES = (OpenVinoError, RuntimeError, OSError, ImportError)
"""What makes torch run a network: a library that does not load, a graph that does not compile, other numbers."""


def _call(network: nn.Module, *inputs: Any, **named: Any) -> Any:
    return network(*inputs, **named, return_dict=False)


def _with_reference(run: Run) -> Run:
    """Return what runs a network that attends to the reference among its inputs."""

    def attended(network: Any, *inputs: Any, reference: Any = None, **named: Any) -> Any:
        if reference is None:
            return run(network, *inputs, **named)
        with attending_to(network, AttendedReference(tokens=reference["tokens"], bias=reference["bias"])):
            return run(network, *inputs, **named)

    return attended


def _with_prompt(run: Run) -> Run:
    """Return what runs a network whose keys and values of the prompt may be among its inputs."""

    def prompted(network: Any, *inputs: Any, prompt: Mapping[str, Tensor] | None = None, **named: Any) -> Any:
        with given_prompt(network, prompt or {}):
            return run(network, *inputs, **named)

    return prompted


def _reference_inputs(layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reference that attention layers attend to as an input of its own."""
    reference = AttendedReference.of(layers)
    return {"reference": {"tokens": dict(reference.tokens), "bias": reference.bias}} if reference else {}


def _plain(processor: Any) -> Any:
    """Return how a layer attends without a reference."""
    return processor.inner if isinstance(processor, Attender) else processor


class OpenVinoNetwork:
    """A torch network, run by OpenVINO.

    For each set of shapes it is converted once on a machine, unless its graph comes with the package, compared with torch on one forward
    pass, and compiled once a process. Weights that adapters have changed are inputs of a second program, so another style or weight costs
    nothing. Where OpenVINO fails or gives other numbers, torch runs from then on, and `notes` gets a sentence. A reference that the network
    attends to is an input of its programs. Keys and values of the prompt are inputs, too, but for batches of any size: of many rows torch
    rounds them otherwise, and steps of motion windows amplify that to some grey levels.
    """

    def __init__(
        self,
        title: str,
        network: nn.Module,
        notes: list[str],
        run: Run = _call,
        arithmetic: Arithmetic | None = None,
        *,
        any_rows: bool = False,
        **key: Any,
    ) -> None:
        """Wrap a network; `title` names it in messages.

        By default the number format is that of its weights. `key` is what decides its operations beside its class and config. With
        `any_rows` one program takes batches of any size; each pass takes about a tenth longer.
        """
        self.any_rows = any_rows
        self.title, self.network, self.notes, self.is_refused = title, network, notes, False
        self._run, self._key = _with_prompt(_with_reference(run)), (title, type(network).__name__, architecture(network), key)
        self.arithmetic = arithmetic or ARITHMETIC[next(network.parameters()).dtype]
        self._weights, self._prompt = WatchedWeights(network), PromptInputs(network)
        self._attention: dict[str, Any] = {name: layer for name, layer in network.named_modules() if hasattr(layer, "processor")}
        self._processors = {name: layer.processor for name, layer in self._attention.items()}
        self._programs: dict[str, Program] = {}
        self._inserted: dict[str, Fingerprint] = {}
        self._lock = Lock()

    @property
    def config(self) -> Any:
        return self.network.config

    @property
    def engine(self) -> str:
        """Return what runs it: OpenVINO, or torch after a refusal."""
        return "torch" if self.is_refused else f"OpenVINO {openvino_version()}"

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the network's weights."""
        return self.network.parameters()

    def __call__(self, *inputs: Any, return_dict: bool = False, **named: Any) -> tuple[Tensor, ...]:
        """Run the network; returns its tensors in a row."""
        named |= _reference_inputs(self._attention)
        if not self.is_refused and not self._attends_otherwise():
            prompted = named | ({} if self.any_rows else self._prompt(named.get("encoder_hidden_states")))
            if program := self._program(inputs, prompted):
                dtype = next(self.parameters()).dtype
                return tuple(torch.from_numpy(one).to(dtype) for one in program.run(_arrays(inputs, prompted)))
        return tuple(flat_tensors(self._run(self.network, *inputs, **named)))

    def _attends_otherwise(self) -> bool:
        """Return whether attention runs in another way than when the network was given, beside attending to a reference."""
        return any(_plain(layer.processor) is not self._processors[name] for name, layer in self._attention.items())

    def _program(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Program | None:
        """Return the program for these shapes and weights; None where torch must run."""
        with self._lock:
            change = self._weights.change()
            key = json.dumps([self._shapes(inputs, named), change is not None])
            try:
                program = self._programs.pop(key, None) or self._compiled(inputs, named, changed=change is not None)
            except FAILURES as error:
                self.is_refused = True
                self.notes.append(f"{self.title}: {first_line(error)}; torch runs it")
                return None
            self._programs[key] = program
            if len(self._programs) > PROGRAMS:
                del self._programs[next(iter(self._programs))]
            if change is not None and self._inserted.get(key) != change:
                program.set_weights(self._weights.arrays())
                self._inserted[key] = change
            return program

    def _compiled(self, inputs: tuple[Any, ...], named: dict[str, Any], *, changed: bool) -> Program:
        """Compile the kept graph, or a new one that is compared with torch."""
        if not has_room_for_copies([module for module in self.network.modules() if isinstance(getattr(module, "weight", None), Tensor)]):
            raise OpenVinoError("its weights fill more than a quarter of the memory")
        name = graph_name(network=self._key, shapes=self._shapes(inputs, named), arithmetic=self.arithmetic)
        folder = graph_folder(name, libraries=(openvino_version(), torch.__version__), machine=machine())
        graph = self._kept_graph(folder)
        if graph:
            self._check(graph.difference)
            return self._compile(openvino_core().read_model(graph.xml), changed=changed)
        model, program, difference = self._new_graph(name, inputs, named, changed=changed)
        self._keep(model, folder, name, difference)
        self._check(difference)
        return program

    def _new_graph(self, name: str, inputs: tuple[Any, ...], named: dict[str, Any], *, changed: bool) -> tuple[Any, Program, float]:
        """Return a graph, its program and how far that is from torch: the shipped graph if there is one that fits, or a converted one."""
        if (model := _shipped_model(name)) is not None:
            program = self._compile(model, changed=changed)
            if (difference := self._difference(program, inputs, named)) <= TOLERANCE[self.arithmetic]:
                return model, program, difference
        model = convert(self._run, self.network, (inputs, named), any_rows=self.any_rows)
        program = self._compile(model, changed=changed)
        return model, program, self._difference(program, inputs, named)

    def _shapes(self, *inputs: Any) -> list[Any]:
        """Describe the nesting and shapes of inputs, as far as a program is made for them."""
        named = [sorted(one) for one in inputs if isinstance(one, dict)]
        return [named, graph_shapes(flat_tensors(inputs), any_rows=self.any_rows)]

    def _compile(self, model: Any, *, changed: bool) -> Program:
        changeable = self._weights.matrices() if changed else frozenset[str]()
        return Program(model, self._weights.arrays(), changeable, self.arithmetic, torch.get_num_threads())

    def _kept_graph(self, folder: Path) -> GraphFiles | None:
        try:
            return read_graph(folder)
        except DamagedGraph as error:
            self.notes.append(f"{error}: {self.title} is converted again for OpenVINO")
            return None

    def _keep(self, model: Any, folder: Path, name: str, difference: float) -> None:
        try:
            write_graph(folder, name, lambda path: save_model(model, path), difference)
        except (OSError, RuntimeError) as error:
            self.notes.append(
                f"{self.title}, converted for OpenVINO, cannot be kept in {folder.parent} ({first_line(error)}): free some space"
            )

    def _check(self, difference: float) -> None:
        """Refuse a graph that gives other numbers than torch."""
        limit = TOLERANCE[self.arithmetic]
        if not difference <= limit:
            raise OpenVinoError(f"OpenVINO gives other numbers than torch on this machine ({difference:.2g} apart, {limit:g} allowed)")

    @torch.inference_mode()
    def _difference(self, program: Program, inputs: tuple[Any, ...], named: dict[str, Any]) -> float:
        """Return how far a forward pass is from torch's, relative to its root mean square."""
        expected = flat_tensors(self._run(self.network, *inputs, **named))
        made = program.run(_arrays(inputs, named))
        return max(_relative(torch.from_numpy(one), two.float()) for one, two in zip(made, expected, strict=True))


class OpenVinoUNet(OpenVinoNetwork):
    """A UNet that computes what unconditional and conditional rows share once."""

    def __init__(self, title: str, unet: nn.Module, notes: list[str]) -> None:
        super().__init__(title, unet, notes, run_guided)

    def __call__(self, *inputs: Any, return_dict: bool = False, **named: Any) -> tuple[Tensor, ...]:
        """Run the UNet on latents and timestep; rows are shared where it takes nothing else but prompts."""
        shares = set(named) == {"encoder_hidden_states"}
        return super().__call__(*(common_half(*inputs) if shares else inputs), **named)


def _shipped_model(name: str) -> Any:
    """Read a graph that comes with the package; None without one, or where this version of OpenVINO does not read it."""
    with suppress(RuntimeError):
        return openvino_core().read_model(*files) if (files := shipped_graph(name)) else None
    return None


def architecture(network: Any) -> dict[str, Any]:
    """Return the config of a network without the folder that it was read from."""
    return {name: value for name, value in dict(getattr(network, "config", {})).items() if not name.startswith("_")}


class OpenVinoControlNet:
    """A ControlNet of diffusers, called as it is.

    The layers that see the control image stay in torch, where they run once for all steps.
    """

    def __init__(self, network: Any, notes: list[str]) -> None:
        self.network = network
        rest = copy.copy(network)
        rest._modules = {**network._modules, "controlnet_cond_embedding": nn.Identity()}
        self._rest = OpenVinoNetwork("the ControlNet", rest, notes)

    @property
    def config(self) -> Any:
        return self.network.config

    def __call__(self, *inputs: Any, controlnet_cond: Tensor, return_dict: bool = False, **named: Any) -> tuple[Any, ...]:
        """Return the residuals of the way down, and of the middle."""
        embedded = self.network.controlnet_cond_embedding(controlnet_cond)
        *down, middle = self._rest(*inputs, controlnet_cond=embedded, **named)
        return tuple(down), middle


def _arrays(*inputs: Any) -> list[Any]:
    return [as_array(tensor) for tensor in flat_tensors(inputs)]


def _relative(made: Tensor, expected: Tensor) -> float:
    """Return the root mean square of a difference, relative to that expected; 0.0 where both are broken alike."""
    error, size = (made - expected).nan_to_num().square().mean().sqrt(), expected.nan_to_num().square().mean().sqrt()
    same = torch.equal(made.isfinite(), expected.isfinite())
    return float(error / size.clamp(min=1e-6)) if same else math.inf
