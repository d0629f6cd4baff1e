"""Names in requests: none may lead to a file outside the data folder."""

import re
from pathlib import Path
from typing import Any

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import HUB_REPO_ID
from sakuga.web.data_folder import DataFolder
from sakuga.web.refusal import Refused

SERVER = re.compile(r"https?://[^\s#]+#\S+")
FILES = ("controlnet", "vae", "upscaler")
"""Settings that are files."""
PLAIN = re.compile(r"[\w.-]+")


def check_settings(values: dict[str, Any], data: DataFolder, field: str = "settings") -> None:
    """Refuse a model, style, motion adapter or other file that names a path; raises Refused."""
    check_model(values.get("model"), data, f"{field}.model")
    check_style(values.get("style"), f"{field}.style")
    check_motion(values.get("motion"), f"{field}.motion")
    check_files(values, field)


def check_film(document: dict[str, Any], data: DataFolder) -> None:
    """Refuse a film whose model or styles name a path; raises Refused."""
    film, shots = document.get("film"), document.get("shots")
    if isinstance(film, dict):
        check_settings(film, data, "film")
    for number, shot in enumerate(shots if isinstance(shots, list) else (), 1):
        if isinstance(shot, dict):
            check_style(shot.get("style"), f"shots.{number}.style")
            check_motion(shot.get("motion"), f"shots.{number}.motion")
            check_files(shot, f"shots.{number}")


def check_model(name: Any, data: DataFolder, field: str = "model") -> None:
    """Refuse a model that is not the built-in one or in the data folder; raises Refused."""
    if name is not None and name not in model_names(data):
        raise Refused(
            f"there is no model {name!r} here: put its folder (diffusers' layout) into {data.home / 'models'}, or link it there",
            field=field,
        )


def check_style(text: Any, field: str = "style") -> None:
    """Refuse a style that could be a path or an address; raises Refused."""
    if isinstance(text, str) and (set(text) & set("/\\~") or ".." in text or "hub:" in text):
        raise Refused(
            f"{text!r} could be a file, and the studio applies styles by their names: add it with `sakuga style add`", field=field
        )


def check_motion(name: Any, field: str = "motion") -> None:
    """Refuse a motion adapter that could be a path or an address; raises Refused."""
    if isinstance(name, str) and (set(name) & set("/\\~") or ".." in name):
        raise Refused(f"{name!r} could be a file, and the studio takes a checkpoint's own motion adapter only", field=field)


def check_files(values: dict[str, Any], field: str = "settings") -> None:
    """Refuse settings that are files of this machine: ControlNets with their images, VAEs, upscalers; raises Refused."""
    if name := next((name for name in FILES if values.get(name)), None):
        raise Refused(f"{name} names files, which the studio does not take: use the command line", field=f"{field}.{name}")


def check_planner(text: str | None) -> None:
    """Refuse a planner that names a path; raises Refused."""
    if text is None or SERVER.fullmatch(text):
        return
    kind, _, name = text.rpartition(":")
    if not (HUB_REPO_ID.fullmatch(name) and kind == "hf" if kind == "hf" else PLAIN.fullmatch(name) and kind in ("", "mistral")):
        raise Refused(f"there is no planner {text!r}: write gpt-4o, http://HOST#model, hf:owner/name or mistral:name", field="planner")


def model_names(data: DataFolder) -> list[str]:
    """Return the models that a page may name."""
    return [SKETCHBOOK, *(str(path) for path in sorted((data.home / "models").glob("*")) if (path / "unet").is_dir())]


def plain_name(name: str) -> str:
    """Refuse a name that could be a path; raises Refused."""
    if not name or set(name) & set("/\\\0~") or name.startswith("."):
        raise Refused(f"{name!r} is no name: use letters, digits, - and _")
    return name


def named_folder(parent: Path, name: str, what: str) -> Path:
    """Return a folder of the data folder by its name; raises Refused."""
    known = {path.name: path for path in parent.iterdir() if path.is_dir()} if parent.is_dir() else {}
    if name not in known:
        raise Refused(f"there is no {what} {name!r}{'; there are ' + ', '.join(sorted(known)) if known else ' yet'}", "not_found")
    return known[name]
