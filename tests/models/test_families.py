"""Families of base models: recognition by sizes and metadata, and default settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILIES, ModelDefaults, MotionDefaults, declared_family, default_settings_of, family_of


@pytest.mark.parametrize(
    ("channels", "pooled", "name"),
    [(256, 0, "sketchbook"), (768, 0, "sd1"), (1024, 0, "sd2"), (2048, 1280, "sdxl"), (40, 20, "sdxl"), (32, 0, None)],
)
def test_a_checkpoint_is_recognized_by_its_sizes(channels: int, pooled: int, name: str | None) -> None:
    info = replace(find_checkpoint().info, cross_attention_dim=channels, pooled_channels=pooled)
    assert family_of(info).name == name


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"ss_base_model_version": "sd_v1"}, "sd1"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd2"),
        ({"sakuga.base": "sketchbook"}, "sketchbook"),
        ({"ss_base_model_version": "flux1"}, None),
        ({}, None),
    ],
)
def test_a_family_is_read_from_metadata(metadata: dict[str, str], name: str | None) -> None:
    assert declared_family(metadata) == name


def test_every_family_has_sizes_and_aliases_of_its_own() -> None:
    for sizes in ([family.cross_attention_dim for family in FAMILIES], [family.token_channels for family in FAMILIES]):
        assert len(set(sizes)) == len(FAMILIES)
    assert all(declared_family({"sakuga.base": alias}) == family.name for family in FAMILIES for alias in family.aliases)


def test_defaults_depend_on_the_family(tiny_folder: Path, tiny_xl_folder: Path) -> None:
    shipped = find_checkpoint()
    motion = MotionDefaults(
        window=32, steps=15, smoothing=0.1, smoothing_alone=0.5, joint_guidance=0.15, denoising_end=0.87, keyframe_strength=0.2
    )
    assert default_settings_of(shipped) == ModelDefaults(
        steps=20, guidance_scale=4.0, guidance_start=0.2, enlarge=2, reference_weight=4.0, motion=motion
    )
    assert default_settings_of(CheckpointFiles("copy", shipped.folder)) == default_settings_of(shipped)
    assert default_settings_of(find_checkpoint(str(tiny_folder))) == ModelDefaults(steps=30, guidance_scale=7.5, enlarge=1)
    assert default_settings_of(find_checkpoint(str(tiny_xl_folder))) == ModelDefaults(steps=30, guidance_scale=5.0, enlarge=1)
