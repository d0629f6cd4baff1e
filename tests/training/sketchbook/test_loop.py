"""Every stage at toy size: its loss falls, its files load, and a run that was broken off goes on as if it had not been."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sakuga.training.sketchbook import clip, pictures
from sakuga.training.sketchbook.loop import CHECKPOINT
from sakuga.training.sketchbook.recipe import Options, Stage, train

STAGES: tuple[Stage, ...] = ("vae", "clip", "classifier")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give one work folder to all stages, with few pictures and a small vocabulary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "SHARD", 8)
        patch.setattr(clip, "VOCABULARY_CAPTIONS", 200)
        yield tmp_path_factory.mktemp("work")


@pytest.mark.parametrize("stage", STAGES)
def test_a_broken_run_goes_on_as_if_it_had_not_been_broken(stage: Stage, work: Path) -> None:
    options = Options(work=work, pictures=8, samples=16, batch=4)
    checkpoint = work / "runs" / stage / CHECKPOINT
    list(train(stage, options))
    whole = load_file(checkpoint)
    broken = train(stage, options)
    for _ in itertools.islice(broken, 2):
        pass
    broken.close()
    list(train(stage, replace(options, resume=True)))
    resumed = load_file(checkpoint)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
