"""Names of the Hugging Face hub, told from folders here."""

import re
from pathlib import Path

PREFIX = "hub:"
HUB_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def hub_repo(name: str) -> str | None:
    """Return the owner/name of the hub that a name means; None for one that means a place here.

    `hub:owner/name` always means the hub; `owner/name` does where there is no folder `owner` here, so that a mistyped path is not sent.
    """
    repo = name.removeprefix(PREFIX)
    if not HUB_REPO_ID.fullmatch(repo) or set(repo.split("/")) & {".", ".."}:
        return None
    return None if repo == name and Path(repo.split("/")[0]).is_dir() else repo
