"""Change the sources at random, one place at a time, and see whether a test falls.

    python benchmarks/mutations.py timeline --sample 60

The tests of a package run once with a tracer, which tells the lines that each of them runs. Then a place is chosen at random, its
operator, constant or condition changed, and the tests that run its line are run again, the quickest first. A mutant survives when none
fails or hangs; it is printed, so that a person reads it. Each run is a copy of this process, which has the libraries in memory. A
line that no test of the package runs survives without a run.
"""

import argparse
import ast
import contextlib
import importlib
import io
import json
import os
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "sakuga"
PACKAGES: dict[str, tuple[list[str], list[str]]] = {
    "timeline": (["timeline"], ["tests/timeline"]),
    "rendering": (["rendering"], ["tests/rendering"]),
    "story": (["story"], ["tests/story"]),
    "diffusion": (["diffusion"], ["tests/diffusion"]),
    "web/jobs": (["web/queue.py", "web/routes/jobs.py"], ["tests/web/test_queue.py", "tests/web/test_job_routes.py"]),
}
"""Sources and tests of each package."""
SERVERS = ("tests/rendering/test_ray_executor.py", "tests/rendering/test_worker_executor.py", "tests/story/test_llm_real_server.py")
"""Tests of other processes, which would see no change."""
LEFT_OUT = [f"--ignore={path}" for path in SERVERS]
PYTEST = ["-q", "-p", "no:cacheprovider", "--no-header", "-W", "ignore::pytest.PytestAssertRewriteWarning", *LEFT_OUT]
SECONDS, SLOWER = 60, 5
"""A run has this time, and so many times as long as its tests took."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
}  # fmt: skip
UNREAD = ("annotation", "returns", "decorator_list", "type_params", "bases")
"""Fields of the syntax tree that decide nothing while a test runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A changed place."""

    file: Path
    line: int
    was: str
    now: str
    source: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(SOURCES)}:{self.line}: {self.was}  ->  {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A test: how long it takes, and the lines that it runs."""

    name: str
    seconds: float
    lines: dict[str, set[int]]


class Tracer:
    """Notes the lines that each test runs; a plug-in of pytest."""

    def __init__(self, files: set[str]) -> None:
        self.files, self.lines = files, defaultdict[str, set[int]](set)
        self.tests: list[dict[str, Any]] = []
        self.failed: list[str] = []

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        """Follow only the functions of the package."""
        name = frame.f_code.co_filename
        if name not in self.files:
            return None
        self.lines[name].add(frame.f_lineno)
        return self.trace

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Trace one test."""
        started, self.lines = time.perf_counter(), defaultdict(set)
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            seen = {name: sorted(lines) for name, lines in self.lines.items()}
            self.tests.append({"name": item.nodeid, "seconds": time.perf_counter() - started, "lines": seen})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails without any change."""
        if report.failed:
            self.failed.append(report.nodeid)


def forked(work: Any, seconds: float) -> int | None:
    """Run a function in a copy of this process; returns its exit code, or nothing when time ends it."""
    sys.stdout.flush()
    if not (child := os.fork()):
        os.setsid()
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        code = 3
        with contextlib.suppress(BaseException):
            code = int(work())
        os._exit(code)
    end = time.monotonic() + seconds
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def trace_tests(files: list[Path], tests: list[str], scratch: Path) -> list[Traced]:
    """Run the tests of a package once, and import what they import."""
    found = scratch / "traced.json"

    def work() -> int:
        tracer = Tracer({str(file) for file in files})
        code = pytest.main([*PYTEST, *tests], plugins=[tracer])
        modules = [name for name in sys.modules if not name.startswith(("sakuga", "tests"))]
        found.write_text(json.dumps({"tests": tracer.tests, "failed": tracer.failed, "modules": modules}))
        return int(code)

    forked(work, 3600)
    read = json.loads(found.read_text())
    for name in read["modules"]:
        with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module(name)
    whole = [one for one in read["tests"] if one["name"] not in read["failed"]]
    return [Traced(name=one["name"], seconds=one["seconds"], lines={k: set(v) for k, v in one["lines"].items()}) for one in whole]


def places(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes of a syntax tree that decide something; no docstrings, no types."""
    for name, value in ast.iter_fields(tree):
        if name in UNREAD:
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                yield node
                yield from places(node)


def mutants(file: Path) -> Iterator[Mutant]:
    """Return all mutants of a file."""
    source = file.read_text(encoding="utf-8")
    for node in places(ast.parse(source)):
        if isinstance(node, ast.expr) and (changed := _changed(node)) is not None:
            lines = source.splitlines(keepends=True)
            was = ast.get_source_segment(source, node) or ""
            before = "".join(lines[: node.lineno - 1]) + lines[node.lineno - 1].encode()[: node.col_offset].decode()
            now = f"({ast.unparse(changed)})"
            mutated = before + now + source[len(before) + len(was) :]
            with contextlib.suppress(SyntaxError):
                ast.parse(mutated)
                yield Mutant(file=file, line=node.lineno, was=" ".join(was.split()), now=now, source=mutated)


def _changed(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Compare(ops=[op]) if type(op) in SWAPS:
            return ast.Compare(left=node.left, ops=[SWAPS[type(op)]()], comparators=node.comparators)
        case ast.BoolOp(op=op):
            return ast.BoolOp(op=SWAPS[type(op)](), values=node.values)
        case ast.BinOp(op=op) if type(op) in SWAPS and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            return ast.BinOp(left=node.left, op=SWAPS[type(op)](), right=node.right)
        case ast.UnaryOp(op=ast.Not()):
            return node.operand
        case ast.Constant(value=bool()):
            return ast.Constant(value=not node.value)
        case ast.Constant(value=int() | float()):
            return ast.Constant(value=node.value + 1)
        case ast.IfExp():
            return ast.IfExp(test=node.test, body=node.orelse, orelse=node.body)
    return None


def survives(mutant: Mutant, tests: list[Traced]) -> bool:
    """Return whether no test falls; one that hangs counts as fallen."""
    covering = [test for test in tests if mutant.line in test.lines.get(str(mutant.file), ())]
    if _runs_at_import(mutant):
        covering = [test for test in tests if str(mutant.file) in test.lines]
    if not covering:
        return True
    names = [test.name for test in sorted(covering, key=lambda test: test.seconds)]
    return forked(lambda: _run_with(mutant, names), SECONDS + SLOWER * sum(test.seconds for test in covering)) == 0


def _check_unchanged(files: list[Path], tests: list[Traced]) -> None:
    """Stop where a source falls that is not changed: then nothing would survive."""
    for file in files:
        covered = sorted(line for test in tests for line in test.lines.get(str(file), ()))
        if covered:
            same = Mutant(file=file, line=covered[0], was="", now="", source=file.read_text(encoding="utf-8"))
            if not survives(same, tests):
                raise SystemExit(f"tests of {file.name} fail without a change")
            return


def _runs_at_import(mutant: Mutant) -> bool:
    """Return whether a line is outside of all functions, so that it runs when the module is imported."""
    functions = [one for one in ast.walk(ast.parse(mutant.source)) if isinstance(one, ast.FunctionDef)]
    return not any(one.body[0].lineno <= mutant.line <= (one.end_lineno or 0) for one in functions)


def _run_with(mutant: Mutant, names: list[str]) -> int:
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if Path(self.path) == mutant.file:
            return compile(mutant.source, self.path, "exec")
        return original(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    return int(pytest.main([*PYTEST, "-x", *names]))


def executable(file: Path) -> set[int]:
    """Return the lines that can run inside of a file's functions."""
    found: set[int] = set()
    waiting = [compile(file.read_text(encoding="utf-8"), str(file), "exec")]
    while waiting:
        code = waiting.pop()
        inner = [one for one in code.co_consts if isinstance(one, CodeType)]
        waiting += inner
        if code.co_flags & 0x2:  # a function: its names are fast ones
            found |= {line for *_, line in code.co_lines() if line and line != code.co_firstlineno}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(PACKAGES), help="packages: " + ", ".join(PACKAGES))
    parser.add_argument("--sample", type=int, default=60, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    for package in options.packages:
        if not (child := os.fork()):
            with TemporaryDirectory(prefix="sakuga-mutants-") as scratch:
                measure(package, Path(scratch), options)
            os._exit(0)
        os.waitpid(child, 0)


def measure(package: str, scratch: Path, options: argparse.Namespace) -> None:
    """Print a package's coverage, its surviving mutants and its row."""
    sources, tests = PACKAGES[package]
    files = [file for one in sources for file in ([SOURCES / one] if one.endswith(".py") else sorted((SOURCES / one).rglob("*.py")))]
    traced = trace_tests(files, tests, scratch)
    lines = {(str(file), line) for file in files for line in executable(file)}
    run = {(name, line) for test in traced for name, seen in test.lines.items() for line in seen} & lines
    every = [mutant for file in files for mutant in mutants(file)]
    chosen = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    _check_unchanged(files, traced)
    left = 0
    for mutant in chosen:
        if survives(mutant, traced):
            left += 1
            print(f"survives: {mutant}", flush=True)
    share = len(run) / max(1, len(lines))
    print(f"| {package} | {len(traced)} | {share:.1%} | {len(every)} | {len(chosen)} | {len(chosen) - left} | {left} |", flush=True)


if __name__ == "__main__":
    main()
