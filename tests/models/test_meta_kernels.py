"""Torch without its meta kernels until something computes shapes alone."""

import subprocess
import sys

import pytest

BEGIN = """
import sys
from sakuga.models import meta_kernels
from sakuga.models.meta_kernels import KERNELS, defer_meta_kernels, on_meta_device

defer_meta_kernels()
import torch

assert "torch._refs" not in sys.modules, "the kernels are left out"
noise = torch.randn(3, generator=torch.Generator("cpu").manual_seed(0))
"""
USES = {
    "device": "with on_meta_device(): layer = torch.nn.Bilinear(2, 2, 2); shape = torch.linalg.pinv(torch.ones(2, 3)).shape",
    "fake tensors": """
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode(): shape = torch.linalg.pinv(torch.ones(2, 3)).shape
""",
    "a kernel by name": "torch._meta_registrations.meta_index_Tensor; shape = torch.linalg.pinv(torch.ones(2, 3, device='meta')).shape",
}
END = """
assert shape == (3, 2)
assert "torch._refs" in sys.modules and type(sys.modules[KERNELS]) is type(sys) and torch._meta_registrations is sys.modules[KERNELS]
assert not [finder for finder in sys.meta_path if type(finder) is meta_kernels._Finder], "imports are as they were"
assert torch.equal(noise, torch.randn(3, generator=torch.Generator("cpu").manual_seed(0)))
"""


@pytest.mark.parametrize("use", USES)
def test_what_computes_shapes_finds_the_kernels(use: str) -> None:
    done = _python(BEGIN + USES[use] + END)
    assert done.returncode == 0, done.stderr


def test_a_version_of_torch_that_was_not_tried_is_imported_whole() -> None:
    script = """
import sys
from sakuga.models import meta_kernels
meta_kernels.TESTED = "1."
meta_kernels.defer_meta_kernels()
import torch
assert "torch._refs" in sys.modules
"""
    done = _python(script)
    assert done.returncode == 0, done.stderr


def _python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
