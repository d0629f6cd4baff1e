"""Torch's meta kernels, imported when something computes shapes alone.

`import torch` registers them in Python, which takes a quarter of its time; images and trainings, on real tensors, call none of them.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

TESTED = "2.13."
"""The versions of torch whose import was tried without the kernels; others are imported whole."""
KERNELS = "torch._meta_registrations"
USERS = frozenset(("accelerate", "peft", "torch._dynamo", "torch._inductor", "torch.onnx", "transformers"))
"""What works on tensors without data. Every mode of fake tensors imports a part of torch's compiler."""


class _Deferred(ModuleType):
    """Stands where the kernels will be; asked for one of them, it imports them."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        load_meta_kernels()
        return getattr(sys.modules[KERNELS], name)


class _Finder:
    """Finds a stand-in for the kernels, and imports them before what uses them.

    It is a finder and a loader without their base classes, whose module takes 10 ms to import.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == KERNELS and str(sys.modules["torch"].__version__).startswith(TESTED):
            return ModuleSpec(fullname, cast(Any, self))
        if fullname == KERNELS or fullname in USERS:
            load_meta_kernels()
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Deferred(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give torch's generators their metaclass, which is all that the kernels do for real tensors."""
        torch_c: Any = import_module("torch._C")
        torch_c._set_generator_metaclass(import_module("torch._opaque_base").OpaqueBaseMeta)


def defer_meta_kernels() -> None:
    """Let the first `import torch` leave out its meta kernels.

    It is for processes of our own, such as commands. Does nothing once torch is imported, or where its version was not `TESTED`.
    """
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


def load_meta_kernels() -> None:
    """Import the meta kernels, if they were left out."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    if isinstance(sys.modules.get(KERNELS), _Deferred):
        del sys.modules[KERNELS]
        import_module(KERNELS)


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Create tensors without data inside a block."""
    import torch

    load_meta_kernels()
    with torch.device("meta"):
        yield
