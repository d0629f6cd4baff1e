"""A short batch goes unpadded where it is proven to give the bits of a full one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sakuga.models import batch_invariance
from sakuga.models.batch_invariance import ShortBatch, is_batch_invariant, prove
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(find_checkpoint("sketchbook"))


def short(**changes: Any) -> ShortBatch:
    values: dict[str, Any] = {"frames": 1, "planned": 4, "latents": (8, 8, 8), "guided": True, "control": False} | changes
    return ShortBatch(**values)


@pytest.fixture
def proofs(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ShortBatch]:
    """Proofs that were run, with nothing known before."""
    run: list[ShortBatch] = []

    def counted(checkpoint: Checkpoint, batch: ShortBatch) -> bool:
        run.append(batch)
        return prove(checkpoint, batch)

    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    monkeypatch.setattr(batch_invariance, "prove", counted)
    checkpoint.batch_invariance.clear()
    return run


def test_each_shape_is_proven_once_on_a_machine(checkpoint: Checkpoint, proofs: list[ShortBatch]) -> None:
    asked = [short(), short(frames=3), short(control=True), short(guided=False), short(latents=(8, 8, 16))]
    answers = [is_batch_invariant(checkpoint, batch) for batch in asked]
    assert proofs == asked
    assert [is_batch_invariant(checkpoint, batch) for batch in asked] == answers
    checkpoint.batch_invariance.clear()  # as in another process
    assert [is_batch_invariant(checkpoint, batch) for batch in asked] == answers
    assert proofs == asked
    assert is_batch_invariant(checkpoint, short(frames=4))
    assert proofs == asked, "a full batch needs no proof"


def test_a_damaged_file_of_answers_is_proven_anew(checkpoint: Checkpoint, proofs: list[ShortBatch], tmp_path: Path) -> None:
    for content in ("", "[1]", "{", '{"key": 1}'):
        (tmp_path / "batch-invariance.json").write_text(content)
        checkpoint.batch_invariance.clear()
        is_batch_invariant(checkpoint, short())
    assert len(proofs) == 4


class Mixing:
    """A denoiser whose rows depend on the batch width, as those of plain layers may."""

    device, dtype = torch.device("cpu"), torch.float32

    def forward(self, latents: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return latents * (1 + len(latents) * 1e-6)


def test_a_network_that_depends_on_the_width_is_found_out(checkpoint: Checkpoint, proofs: list[ShortBatch]) -> None:
    mixing = replace(checkpoint, custom_denoiser=Mixing(), batch_invariance={})
    assert not is_batch_invariant(mixing, short())
    assert len(proofs) == 1


def test_broken_weights_disprove_nothing(checkpoint: Checkpoint, proofs: list[ShortBatch]) -> None:
    answer = prove(checkpoint, short())
    spoilt = load_checkpoint(checkpoint.files)
    spoilt.unet.conv_out.weight.fill_(torch.nan)
    assert prove(spoilt, short()) == answer


def test_the_packed_sketchbook_is_batch_invariant(checkpoint: Checkpoint) -> None:
    """oneDNN's packed kernels were so wherever they were tried; without it short batches are padded."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    assert all(prove(checkpoint, short(frames=frames, planned=8, control=control)) for frames in (1, 3) for control in (False, True))
