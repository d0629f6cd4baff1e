"""Models by name: the built-in one, those registered in $SAKUGA_HOME, and the catalogue."""

import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

from sakuga.models.catalogue import CATALOGUE, CatalogueEntry, fetched_folder
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILIES, FAMILY_NAMES, family_of
from sakuga.models.hub_download import download
from sakuga.models.model_registry import RegisteredModel, check_name, read_models, write_models
from sakuga.models.single_file.configs import vae_config
from sakuga.models.single_file.converted import converted_path
from sakuga.models.single_file.header import PredictionType
from sakuga.models.style_folders import webui_style_folders
from sakuga.models.webui_folders import webui_checkpoints
from sakuga.paths import local_path, real_path
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.styles.registered_folders import AddedFolder, add_webui_style_folders

Place = Literal["built-in", "registered", "catalogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Facts of a model, read without its weights."""

    name: str
    place: Place
    path: str
    """Its file or folder, or its name on the hub."""
    here: bool
    """Whether it is on this machine."""
    family: str
    prediction: str
    bytes: int
    licence: str
    usage: str
    fault: str = ""
    """Why it cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedModels:
    """What a registration made of files: names, and reasons for what was left out."""

    names: tuple[str, ...]
    refused: dict[str, str]
    styles: tuple[AddedFolder, ...] = ()
    """Folders of LoRAs and embeddings beside the checkpoints, whose files are styles by name."""


def list_models() -> tuple[ModelInfo, ...]:
    """List all models: built-in, registered, and in the catalogue."""
    registered = (_registered_info(name, model) for name, model in read_models().items())
    return (_built_in(), *registered, *map(_catalogue_info, CATALOGUE.values()))


@checked()
def show_model(name: str) -> ModelInfo:
    """Return the facts of a model by its name, file or folder; raises CheckpointError."""
    if name == SKETCHBOOK:
        return _built_in()
    if model := read_models().get(name):
        return _registered_info(name, model)
    if name in CATALOGUE:
        return _catalogue_info(CATALOGUE[name])
    if not local_path(name).exists():
        raise CheckpointError(f"no model '{name}': `sakuga model list` names them all; or give a file or folder")
    return _registered_info(name, RegisteredModel(path=str(real_path(local_path(name)))))


@checked()
def add_model(
    path: Path,
    name: str | None = None,
    prediction: str | None = None,
    zero_snr: bool | None = None,
    vae: Path | None = None,
    overwrite: bool = False,
) -> AddedModels:
    """Register a file or folder under a name, by default its own, without copying it.

    Raises CheckpointError where it cannot be used, or where the name is taken.
    """
    name = name or real_path(path).stem
    check_name(name)
    path = real_path(path)
    model = RegisteredModel(path=str(path), prediction=_prediction(prediction), zero_snr=zero_snr, vae=str(real_path(vae)) if vae else None)
    if path.is_dir() and (prediction or vae or zero_snr is not None):
        raise CheckpointError(
            f"{path} is a folder, whose configs tell its prediction type and VAE: leave out --prediction, --zero-snr and --vae"
        )
    if not path.exists():
        raise CheckpointError(f"there is no file or folder {path}")
    if (name in read_models() or name in CATALOGUE) and not overwrite:
        raise CheckpointError(f"there is a model '{name}' already: give another --name, or --overwrite")
    _check(model)
    write_models(read_models() | {name: model})
    return AddedModels(names=(name,), refused={})


@checked()
def add_webui_models(folder: Path) -> AddedModels:
    """Register the checkpoints, LoRAs and embeddings of A1111's, Forge's or ComfyUI's folder; names that are taken stay as they are."""
    known, added, refused = read_models(), dict[str, RegisteredModel](), dict[str, str]()
    folder = local_path(folder)
    has_styles = bool(webui_style_folders(folder))
    for name, model in webui_checkpoints(folder, optional=has_styles):
        try:
            check_name(name)
            _check(model)
            if name in added or (name in known and known[name].path != model.path):
                raise CheckpointError(f"there is a model '{name}' already: add this one by `sakuga model add FILE --name NAME`")
            added[name] = known.get(name, model)
        except CheckpointError as error:
            refused[model.path] = str(error)
    write_models(known | added)
    return AddedModels(names=tuple(added), refused=refused, styles=add_webui_style_folders(folder))


@checked()
def remove_model(name: str) -> Path:
    """Forget a registered model and delete its converted copy; its own file stays. Return its path."""
    models = read_models()
    if name not in models:
        known = ", ".join(models) or "none"
        raise CheckpointError(f"no registered model '{name}': there are {known}; files of the hub are deleted with `hf cache`")
    model = models.pop(name)
    if Path(model.path).is_file() and all(other.choice != model.choice for other in models.values()):
        shutil.rmtree(converted_path(model.choice), ignore_errors=True)
    write_models(models)
    return Path(model.path)


@checked()
def fetch_model(name: str) -> Work[Step, ModelInfo]:
    """Download a model of the catalogue; raises CheckpointError for any other name."""
    if name not in CATALOGUE:
        raise CheckpointError(f"the catalogue has no '{name}': it has {', '.join(CATALOGUE)}")
    return Work(_fetch(CATALOGUE[name]))


def _fetch(entry: CatalogueEntry) -> Generator[Step, None, ModelInfo]:
    for arrived in download(entry):
        share = arrived.done / max(1, arrived.total)
        note = f"{arrived.name}, {arrived.bytes / 1e6:.1f} MB"
        yield Step(stage="loading", done=arrived.done // 10**6, total=max(1, arrived.total // 10**6), share=share, note=note)
    return _catalogue_info(entry)


def _prediction(text: str | None) -> PredictionType | None:
    if text is None:
        return None
    if text not in get_args(PredictionType):
        raise CheckpointError(f"there is no prediction type '{text}': it is epsilon or v_prediction")
    return cast(PredictionType, text)


def _check(model: RegisteredModel) -> None:
    """Refuse a model that cannot be used, by its head alone; raises CheckpointError."""
    if Path(model.path).is_dir():
        find_checkpoint(model.path, text_encoder_optional=True)
    else:
        file, vae, _, _ = model.choice.resolved()
        vae_config(vae, file.family)


def _registered_info(name: str, model: RegisteredModel) -> ModelInfo:
    path = Path(model.path)
    info = ModelInfo(
        name=name, place="registered", path=model.path, here=path.exists(), family="unknown", prediction="unknown", bytes=_bytes(path),
        licence="unknown", usage=f'--model "{name}"',
    )  # fmt: skip
    try:
        if path.is_dir():
            read = find_checkpoint(model.path, text_encoder_optional=True).info
            return replace(info, family=family_of(read).title, prediction=read.prediction_type)
        file, _, prediction, _ = model.choice.resolved()
        return replace(info, family=FAMILY_NAMES[file.family], prediction=prediction)
    except CheckpointError as error:
        return replace(info, fault=str(error))


def _catalogue_info(entry: CatalogueEntry) -> ModelInfo:
    folder = fetched_folder(entry)
    return ModelInfo(
        name=entry.name,
        place="catalogue",
        path=str(folder or entry.repo),
        here=folder is not None,
        family=entry.title,
        prediction=find_checkpoint(entry.name, text_encoder_optional=True).info.prediction_type
        if folder and entry.kind == "checkpoint"
        else "unknown",
        bytes=_bytes(folder) if folder else int(entry.gigabytes * 1e9),
        licence=entry.licence,
        usage=entry.usage,
    )


def _built_in() -> ModelInfo:
    files = find_checkpoint()
    title = next(family.title for family in FAMILIES if family.name == SKETCHBOOK)
    return ModelInfo(
        name=SKETCHBOOK, place="built-in", path=str(files.folder), here=True, family=title, prediction=files.info.prediction_type,
        bytes=_bytes(files.folder), licence="that of this program", usage="--model sketchbook",
    )  # fmt: skip


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
