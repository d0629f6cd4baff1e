"""Check a style on a model."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILY_NAMES, family_of
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.draw import image_spec
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_image, check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.styles import StyleUse, find_style_use, with_triggers
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import FrameSpec, digest

if TYPE_CHECKING:
    from sakuga.models.adapters import Adapter

PROMPTS = ("a castle by the sea at sunset", "a portrait of a girl", "a cabin in a snowy forest at night", "a boat on a lake")
MIN_CHANGE = 1e-4
"""The relative change of the prediction below which no pixel would change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleCheck:
    """The result of checking a style on a model."""

    style: str
    model: str
    made_for: str | None
    base: str | None
    """The model families, None if unknown."""
    matched: int
    unmatched: dict[str, str]
    """Why a layer or word does not match, by name."""
    prediction_change: float | None
    """The relative change of the UNet's prediction, over four prompts and three timesteps."""
    pixel_change: float | None
    """The mean absolute change of pixels in grey levels of 255, over four prompts."""
    fault: str | None
    """Why the style must not be used; None if it is sound."""

    @property
    def sound(self) -> bool:
        return self.fault is None


@checked()
def check_style(
    style: str, model: str = SKETCHBOOK, *, strip: Path | None = None, settings: FilmSettings | None = None, store: Path | None = None
) -> Work[Step, StyleCheck]:
    """Check a style, "comic" or "comic:0.8", on a model.

    Writes images to `strip`, base above style, if it is sound. Raises StyleError and AdapterError for a style that cannot be found or read;
    a style that does not match is reported in the result.
    """
    if strip:
        check_image(strip)
    check_store(store)
    source = find_checkpoint(model)
    return Work(_check(find_style_use(style, source), source, style, strip, settings or FilmSettings(), store))


def _check(
    found: StyleUse, source: CheckpointFiles, style: str, strip: Path | None, settings: FilmSettings, store: Path | None
) -> Generator[Step, None, StyleCheck]:
    from sakuga.models.adapters import AdapterError, read_style
    from sakuga.models.applied_adapters import check_compatible, find_mismatches

    adapter = read_style(found.style.files, found.style.name)
    session = RenderSession(source, store, [found])
    yield Step(stage="loading", note=f"loading {source.name}")
    networks = session.checkpoint.networks
    family, mismatches = family_of(source.info).name, find_mismatches(adapter, networks)
    made = StyleCheck(
        style=found.style.name,
        model=source.name,
        made_for=FAMILY_NAMES[adapter.family] if adapter.family else None,
        base=FAMILY_NAMES[family] if family else None,
        matched=len(adapter.layers) + len(adapter.learned_words) - len(mismatches),
        unmatched=mismatches,
        prediction_change=None,
        pixel_change=None,
        fault=None,
    )
    try:
        check_compatible(adapter, networks, source.name, family)
    except AdapterError as error:
        return replace(made, fault=str(error))
    change = _prediction_change(session.checkpoint, adapter, found)
    if change < MIN_CHANGE:
        return replace(
            made, prediction_change=change, fault=f"style '{found.style.name}' matches but changes nothing: all its weights are 0"
        )
    base, styled = yield from _generate(found, style, settings, source, session)
    if strip:
        _write_strip(base, styled, strip)
    pixels = float(np.mean([np.abs(one.astype(float) - other).mean() for one, other in zip(base, styled, strict=True)]))
    return replace(made, prediction_change=change, pixel_change=pixels)


def _prediction_change(checkpoint: Any, adapter: "Adapter", found: StyleUse) -> float:
    """Return the relative change of the UNet's prediction.

    For the same prompts, noise and timesteps.
    """
    import torch

    from sakuga.diffusion.noise import seeded_noise
    from sakuga.models.applied_adapters import AppliedAdapter, applied_adapters

    latent = checkpoint.unet.config.sample_size
    noisy = torch.cat([next(seeded_noise((checkpoint.info.latent_channels, latent, latent), row))[None] for row in range(len(PROMPTS))])
    noisy = noisy.to(checkpoint.device, checkpoint.dtype)
    prompts = [with_triggers(prompt, [found]) for prompt in PROMPTS]

    @torch.inference_mode()
    def predicted() -> Any:
        embeddings = checkpoint.encode_prompts(prompts)
        return torch.stack([checkpoint.forward(noisy, timestep, embeddings).float() for timestep in (200, 500, 800)])

    off = predicted()
    with applied_adapters(checkpoint, [AppliedAdapter(adapter=adapter, weight=found.weight, block_weights=found.request.block_weights)]):
        on = predicted()
    return float((on - off).norm() / off.norm())


def _generate(
    found: StyleUse, style: str, settings: FilmSettings, source: CheckpointFiles, session: RenderSession
) -> Generator[Step, None, tuple[list[Image], list[Image]]]:
    """Generate each prompt without and with the style.

    With the same seed.
    """
    resolved = resolve_settings(replace(settings, model=source.name), source)
    prompts = [with_triggers(prompt, [found]) for prompt in PROMPTS]
    off = [image_spec(text, seed, replace(resolved, style=""), source) for seed, text in enumerate(prompts)]
    on = [image_spec(text, seed, replace(resolved, style=style), source) for seed, text in enumerate(prompts)]
    specs: dict[str, FrameSpec] = {digest(spec): spec for spec in (*off, *on)}
    rendering = yield from session.render(specs, specs)
    images = [[session.store.read(rendering.renamed[digest(spec)]) for spec in row] for row in (off, on)]
    return images[0], images[1]


def _write_strip(base: list[Image], styled: list[Image], strip: Path) -> None:
    from PIL import Image as PILImage

    strip.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in (base, styled)])).save(strip)
