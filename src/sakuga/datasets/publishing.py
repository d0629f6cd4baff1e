"""Uploading training sets to the Hugging Face hub."""

from dataclasses import dataclass

from sakuga.datasets.training_set import ABOUT, CARD, ROWS, STRIP, TEST, TRAIN, UNKNOWN, SetError, TrainingSet
from sakuga.models.checkpoint_lookup import HUB_REPO_ID
from sakuga.text import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """The files of an upload and their destination."""

    to: str
    """owner/name of the dataset on the hub."""
    files: dict[str, int]
    """File sizes in bytes, by path in the set."""
    notes: tuple[str, ...]
    """What to consider before the upload, a sentence each."""

    @property
    def size(self) -> int:
        return sum(self.files.values())


def plan_upload(made: TrainingSet, to: str) -> UploadPlan:
    """Plan the upload of a set; raises SetError.

    Only the set's own files are listed. SetError means that the name is invalid.
    """
    if not HUB_REPO_ID.fullmatch(to):
        raise SetError(f"{to!r} is not a name on the hub: write owner/name")
    texts = [f"{part}{name}" for part in ("", f"{TRAIN}/", f"{TEST}/") for name in (CARD, ABOUT, STRIP, ROWS)]
    names = [name for name in texts if (made.folder / name).is_file()] + [example.file for example in made.examples]
    unknown = sum(example.licence.lower() == UNKNOWN for example in made.examples)
    notes = [f"{counted(unknown, 'image has', 'images have')} no known licence: publish only what you are allowed to"] if unknown else []
    if CARD not in names:
        notes.append(f"the set has no {CARD} to describe it")
    return UploadPlan(to=to, files={name: (made.folder / name).stat().st_size for name in names}, notes=tuple(notes))


def upload(made: TrainingSet, plan: UploadPlan, *, private: bool, endpoint: str | None = None) -> str:
    """Upload a set in one commit; returns its address.

    The dataset is created if needed.
    The token is that of `hf auth login`, or $HF_TOKEN. Raises SetError without one, or where the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not get_token():
        raise SetError("there is no token for the hub: run `hf auth login`, or set HF_TOKEN")
    disable_progress_bars()
    hub = HfApi(endpoint=endpoint)
    try:
        address = hub.create_repo(plan.to, repo_type="dataset", private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=plan.to,
            folder_path=made.folder,
            repo_type="dataset",
            allow_patterns=[_escaped(name) for name in plan.files],
            commit_message=f"{made.name}: {counted(len(made.examples), 'image')}",
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SetError(f"the hub did not accept {plan.to} ({reason}): check the name, the token's rights and the network") from error
    return str(address)


def _escaped(name: str) -> str:
    """Escape a path for use as a glob pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
