"""The notebooks run in a real kernel with small parameters, and have no outputs."""

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
SMALL = {
    "animate": "STEPS, SHOTS, SECONDS = 2, 2, 1.0",
    "morph_and_vary": "STEPS, FRAMES, VARIANTS, BETWEEN = 2, 4, 2, 1",
    "train_a_style": "COUNT, STEPS, BATCH, GENERATION_STEPS = 12, 2, 2, 2",
    "evaluate": "STEPS, EACH, PROMPTS = 2, 2, 2",
    "studies": "RANKS, STEPS = (2,), 2",
}
"""The cell that is inserted below the parameters."""
OUTPUTS = {
    "animate": ("again.gif", "painted.gif"),
    "morph_and_vary": ("loop.gif", "travel.gif", "variations.gif"),
    "train_a_style": ("run/style/pytorch_lora_weights.safetensors", "after/0003.png"),
    "evaluate": ("images-report/report.html", "style-report/report.html", "clip-report/report.html"),
    "studies": ("ablation/report.html",),
}


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_every_notebook_is_run() -> None:
    assert {file.stem for file in (ROOT / "notebooks").glob("*.ipynb")} == SMALL.keys()


FORGET = r"%reset_selective -f ^(?!(In|Out|exit|quit|open|get_ipython)$)[A-Za-z]"
"""Deletes the names of the previous notebook."""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """One kernel for all, and its client: loading the libraries takes longer than running a notebook."""
    paths = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    manager, client = start_new_kernel(env={**os.environ, "PYTHONPATH": paths, "SAKUGA_HOME": str(tmp_path_factory.mktemp("home"))})
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs(name: str, kernel: tuple[KernelManager, BlockingKernelClient], tmp_path: Path) -> None:
    book = read(name)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in book.cells)
    index = next(number for number, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", ()))
    assert 'MODEL = "sketchbook"' in book.cells[index].source
    book.cells.insert(index + 1, nbformat.v4.new_code_cell(SMALL[name]))
    book.cells.insert(0, nbformat.v4.new_code_cell(f"{FORGET}\n%cd -q {tmp_path}"))
    running = NotebookClient(book, km=kernel[0], timeout=600)
    running.kc = kernel[1]
    running.execute()
    assert all((tmp_path / file).exists() for file in OUTPUTS[name])
    shown = [output for cell in book.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any({"image/png", "image/gif"} & output["data"].keys() for output in shown)
