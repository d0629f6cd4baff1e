"""Give a training set to the Hugging Face hub."""

from dataclasses import dataclass

from sakuga.datasets.training_set import ABOUT, CARD, ROWS, STRIP, TEST, TRAIN, UNKNOWN, SetError, TrainingSet
from sakuga.models.checkpoint_lookup import HUB_NAME
from sakuga.text import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What would be sent where."""

    to: str
    """owner/name of the data set on the hub."""
    files: dict[str, int]
    """Each file's size in bytes, by its path in the set."""
    notes: tuple[str, ...]
    """What to think of before."""

    @property
    def size(self) -> int:
        return sum(self.files.values())


def packed(told: TrainingSet, to: str) -> Parcel:
    """List the files of a set, and nothing else that lies in its folder; raises SetError for a name that the hub does not take."""
    if not HUB_NAME.fullmatch(to):
        raise SetError(f"{to!r} is no name on the hub: write owner/name")
    words = [f"{part}{name}" for part in ("", f"{TRAIN}/", f"{TEST}/") for name in (CARD, ABOUT, STRIP, ROWS)]
    names = [name for name in words if (told.folder / name).is_file()] + [example.file for example in told.examples]
    unknown = sum(example.licence.lower() == UNKNOWN for example in told.examples)
    notes = [f"of {counted(unknown, 'picture')} nobody said the licence: give away only what you may"] if unknown else []
    if CARD not in names:
        notes.append(f"the set has no {CARD}, by which others learn what it is")
    return Parcel(to=to, files={name: (told.folder / name).stat().st_size for name in names}, notes=tuple(notes))


def send(told: TrainingSet, parcel: Parcel, *, private: bool, endpoint: str | None = None) -> str:
    """Send a set's files in one commit, and return the address of the data set; it is made where there is none.

    The token is that of `hf auth login`, or $HF_TOKEN. Raises SetError without one, or where the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not get_token():
        raise SetError("the hub wants to know who you are, and there is no token: `hf auth login`, or set HF_TOKEN")
    disable_progress_bars()
    hub = HfApi(endpoint=endpoint)
    try:
        address = hub.create_repo(parcel.to, repo_type="dataset", private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=parcel.to,
            folder_path=told.folder,
            repo_type="dataset",
            allow_patterns=[_literally(name) for name in parcel.files],
            commit_message=f"{told.name}: {counted(len(told.examples), 'picture')}",
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SetError(f"the hub did not take {parcel.to} ({reason}): check the name, the token's rights and the network") from error
    return str(address)


def _literally(name: str) -> str:
    """Write a path so that as a pattern it means itself alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
