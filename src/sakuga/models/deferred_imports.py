"""Imports of diffusers that leave out what inference does not use.

The classes of diffusers import transformers, accelerate, peft and torch's compiler for functions that inference never calls: half of
the time in which a first image appears. Inside `deferred_imports` such names become stand-ins, which import the real thing at first use;
nothing is missing afterwards.
"""

import ast
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any

DEFERRED = ("accelerate", "peft", "requests", "scipy", "transformers")
"""Libraries that classes of diffusers name, and that inference does not call."""
COMPILER = "torch._dynamo"
COLLECTIONS = frozenset(f"diffusers.{name}" for name in ("hooks", "models.autoencoders", "models.controlnets", "models.transformers"))
COLLECTIONS |= {"diffusers.models.unets", "diffusers.quantizers"}
"""Packages that import all their modules, hundreds of models, where one is asked for."""
_LOCK = RLock()


class DeferredName:
    """A class or function that is imported when it is called, subclassed or checked against."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _load(self) -> Any:
        return getattr(import_module(self._module), self._name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._load()(*args, **options)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._load())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._load(),)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


class DeferredModule(ModuleType):
    """A module whose names are stand-ins while imports are deferred, and real afterwards."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        if name == "__version__" or sys.modules.get(self.__name__) is not self:
            return getattr(_real_module(self.__name__), name)
        return DeferredName(self.__name__, name)


class Collection(ModuleType):
    """A package that imports the module of a name when the name is asked for."""

    def __getattr__(self, name: str) -> Any:
        loader: Any = self.__spec__.loader if self.__spec__ else None
        if name.startswith("__"):
            raise AttributeError(name)
        if name in (source := loader.sources):  # outside the lock: another thread may hold it and wait for this module
            module, attribute = source[name]
            value = getattr(import_module(module, self.__name__), attribute)
            setattr(self, name, value)
            return value
        with _LOCK:
            self.__class__ = ModuleType  # type: ignore[assignment]  # an ordinary package from here on
            loader.package.exec_module(self)
        return getattr(self, name)


class _StandIns(MetaPathFinder):
    """Finds stand-ins for the deferred libraries and the collections."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.split(".")[0] in DEFERRED:
            return ModuleSpec(fullname, _DeferredLoader(), is_package=True)
        if fullname not in COLLECTIONS:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _CollectionLoader(spec.loader)
        return spec


class _DeferredLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return DeferredModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: its names are found when they are asked for."""


class _CollectionLoader(Loader):
    def __init__(self, package: SourceFileLoader) -> None:
        self.package = package
        tree = ast.parse(package.get_data(package.path))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module]
        self.sources = {name.asname or name.name: (f".{node.module}", name.name) for node in imports for name in node.names}
        """Module and name there of each name that the package imports."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Collection(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: its modules are imported when their names are asked for."""


@contextmanager
def deferred_imports() -> Iterator[None]:
    """Defer what diffusers' classes import besides themselves, inside a block of imports."""
    import torch  # noqa: F401  # what it needs itself is not deferred

    deferred = {name for name in DEFERRED if name not in sys.modules}
    finder = _StandIns()
    with _LOCK, _deferred_distributions():
        if COMPILER not in sys.modules:
            sys.modules[COMPILER] = _plain_decorators()
        if deferred:
            sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            if deferred:
                sys.meta_path.remove(finder)
            for name, module in list(sys.modules.items()):
                if isinstance(module, DeferredModule):
                    del sys.modules[name]


@contextmanager
def _deferred_distributions() -> Iterator[None]:
    """Let what asks inside a block which installed files belong to which package read them at first use."""
    read = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = lambda: _Distributions(read)
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = read


class _Distributions(Mapping[str, list[str]]):
    """Names of the distributions of each package, read at first use: that takes a third of a second."""

    def __init__(self, read: Callable[[], Mapping[str, list[str]]]) -> None:
        self._read = cache(read)

    def __getitem__(self, package: str) -> list[str]:
        return self._read()[package]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def scale_layers_of_peft_alone() -> None:
    """Let each forward of diffusers look for layers of peft only where peft has been imported.

    Without this the first forward imports peft, just to find none.
    """
    from diffusers.utils import peft_utils

    for name in ("scale_lora_layers", "unscale_lora_layers"):
        setattr(peft_utils, name, _unless_missing("peft", getattr(peft_utils, name)))


def _unless_missing(library: str, function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def call(*args: Any, **options: Any) -> None:
        if library in sys.modules:
            function(*args, **options)

    return call


def _plain_decorators() -> ModuleType:
    """Return a stand-in for torch's compiler, whose decorators mark code for it and change nothing else."""

    def allow_in_graph(kind: Any) -> Any:
        return kind

    def disable(function: Any = None, *_: Any, **__: Any) -> Any:
        return allow_in_graph if function is None else function

    module = DeferredModule(COMPILER)
    module.__dict__.update(allow_in_graph=allow_in_graph, disable=disable)
    return module


def _real_module(name: str) -> ModuleType:
    """Import a module, or read the version of one that is deferred."""
    if not isinstance(sys.modules.get(name), DeferredModule):
        return import_module(name)
    from importlib.metadata import version

    found = ModuleType(name)
    found.__version__ = version(name)  # type: ignore[attr-defined]
    return found
