"""Prove that a style is applied: what of it fits the model, and how much a drawing moves with it on."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import CALLED, family_of_source
from sakuga.story.film import FilmSettings
from sakuga.studio.animate.images import drawn_spec
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import settled
from sakuga.studio.core.styles import Found, find_wish, worded
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import FrameSpec, digest

if TYPE_CHECKING:
    from sakuga.models.adapters import Adapter

PROMPTS = ("a castle by the sea at sunset", "a portrait of a girl", "a cabin in a snowy forest at night", "a boat on a lake")
STILL = 1e-4
"""A prediction that moves less, relative to itself, is taken for one that does not move: it would be no grey level of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a style on a model."""

    style: str
    model: str
    made_for: str | None
    base: str | None
    """Families, where they are known."""
    matched: int
    unmatched: dict[str, str]
    """By layer or word, why it does not fit."""
    prediction_change: float | None
    """How far the UNet's prediction moves, relative to itself: the mean over four prompts and three noise levels."""
    pixel_change: float | None
    """How far pictures move, in grey levels of 255: the mean over four prompts."""
    fault: str | None
    """Why the style must not be used here; None where it is sound."""

    @property
    def sound(self) -> bool:
        return self.fault is None


def check_style(
    asked: str, model: str = SKETCHBOOK, *, strip: Path | None = None, settings: FilmSettings | None = None, store: Path | None = None
) -> Work[Step, Checked]:
    """Check a style, "comic" or "comic:0.8", on a model, and write a strip of pictures, base above style, where it is sound.

    Raises StyleError and AdapterError for what cannot be found or read; what is read and does not fit is told in the answer.
    """
    return Work(_check(asked, model, strip, settings or FilmSettings(), store))


def _check(asked: str, model: str, strip: Path | None, settings: FilmSettings, store: Path | None) -> Generator[Step, None, Checked]:
    from sakuga.models.adapters import AdapterError, read_style
    from sakuga.models.applied_adapters import refuse_unfit, unmatched

    source = find_checkpoint(model)
    found = find_wish(asked, source)
    adapter = read_style(found.style.files, found.style.name)
    bench = Bench(source, store, [found])
    yield Step(stage="loading", note=f"opening {source.name}")
    networks = bench.checkpoint.networks
    family, wrong = family_of_source(source), unmatched(adapter, networks)
    made = Checked(
        style=found.style.name,
        model=source.name,
        made_for=CALLED[adapter.family] if adapter.family else None,
        base=CALLED[family] if family else None,
        matched=len(adapter.layers) + len(adapter.words) - len(wrong),
        unmatched=wrong,
        prediction_change=None,
        pixel_change=None,
        fault=None,
    )
    try:
        refuse_unfit(adapter, networks, source.name, family)
    except AdapterError as error:
        return replace(made, fault=str(error))
    moved = _prediction_change(bench.checkpoint, adapter, found)
    if moved < STILL:
        return replace(made, prediction_change=moved, fault=f"style '{found.style.name}' fits, and changes nothing: it was never trained")
    base, styled = yield from _drawn(found, asked, settings, source, bench)
    if strip:
        _write_strip(base, styled, strip)
    pixels = float(np.mean([np.abs(one.astype(float) - other).mean() for one, other in zip(base, styled, strict=True)]))
    return replace(made, prediction_change=moved, pixel_change=pixels)


def _prediction_change(checkpoint: Any, adapter: "Adapter", found: Found) -> float:
    """Ask the UNet with the style off and on, for the same prompts, noise and times."""
    import torch

    from sakuga.diffusion.noise import seeded
    from sakuga.models.applied_adapters import Put, wearing

    latent = checkpoint.unet.config.sample_size
    noisy = torch.cat([next(seeded((checkpoint.facts.latent_channels, latent, latent), row))[None] for row in range(len(PROMPTS))])
    noisy = noisy.to(checkpoint.device, checkpoint.dtype)
    said = [worded(prompt, [found]) for prompt in PROMPTS]

    @torch.inference_mode()
    def predicted() -> Any:
        words = checkpoint.encode_text(said)
        return torch.stack([checkpoint.ask(checkpoint.unet, noisy, time, words)[0].float() for time in (200, 500, 800)])

    off = predicted()
    with wearing(checkpoint, [Put(adapter=adapter, weight=found.weight, scales=found.wish.scales)]):
        on = predicted()
    return float((on - off).norm() / off.norm())


def _drawn(
    found: Found, asked: str, settings: FilmSettings, source: Source, bench: Bench
) -> Generator[Step, None, tuple[list[Picture], list[Picture]]]:
    """Draw each prompt with the same words and seed, without the style and with it."""
    how = settled(replace(settings, model=source.name), source)
    said = [worded(prompt, [found]) for prompt in PROMPTS]
    off = [drawn_spec(text, seed, replace(how, style=None), source) for seed, text in enumerate(said)]
    on = [drawn_spec(text, seed, replace(how, style=asked), source) for seed, text in enumerate(said)]
    specs: dict[str, FrameSpec] = {digest(spec): spec for spec in (*off, *on)}
    drawing = yield from bench.draw(specs, specs)
    pictures = [[bench.store.read(drawing.renamed[digest(spec)]) for spec in row] for row in (off, on)]
    return pictures[0], pictures[1]


def _write_strip(base: list[Picture], styled: list[Picture], strip: Path) -> None:
    from PIL import Image

    strip.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in (base, styled)])).save(strip)
