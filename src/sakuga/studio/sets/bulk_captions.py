"""Captions of a whole set: search and replace, added and removed tags, statistics, duplicates across sets."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga.datasets.captions import add_trigger, normalize
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.near_duplicates import fingerprint, group_duplicates
from sakuga.datasets.tag_statistics import TagCount, count_tags, split_tags, without_trigger
from sakuga.datasets.training_set import SetError, TrainingSet, read_set
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.sets.changes import Derived, read_source, write_derived_set


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedCaptions:
    """Result of `edit_captions`."""

    out: Path
    images: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagStatistics:
    """Result of `tag_statistics`."""

    captions: int
    empty: int
    tags: tuple[TagCount, ...]
    """The commonest first."""
    without_trigger: tuple[str, ...]
    """Files whose caption lacks the set's trigger word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedImages:
    """Result of `shared_images`: groups of near duplicates that lie in more than one set."""

    images: int
    groups: tuple[tuple[str, ...], ...]
    """Paths of their images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionEdits:
    """What is done to every caption, in this order."""

    replacements: tuple[tuple[re.Pattern[str], str], ...]
    remove: tuple[str, ...]
    add: tuple[str, ...]
    first: bool
    """Whether tags are added in front."""

    def apply(self, caption: str, trigger: str) -> str:
        """Return a caption with the edits, and with its trigger word."""
        for pattern, text in self.replacements:
            caption = pattern.sub(text, caption)
        dropped = {tag.casefold() for tag in self.remove}
        tags = [tag for tag in split_tags(normalize(caption)) if tag.casefold() not in dropped]
        added = [tag for tag in self.add if tag.casefold() not in {known.casefold() for known in tags}]
        return add_trigger(", ".join([*added, *tags] if self.first else [*tags, *added]), trigger)


@checked()
def edit_captions(
    source: Path | str,
    out: Path | str,
    *,
    replacements: Sequence[str] = (),
    remove: Sequence[str] = (),
    add: Sequence[str] = (),
    first: bool = False,
    regex: bool = False,
) -> Work[Step, EditedCaptions]:
    """Write a set with every caption edited: texts replaced ("old=new"), then tags removed, then tags added.

    With `regex` the old texts are regular expressions. Tags are the parts between commas, compared in any case; `first` adds them in
    front. A trigger word that is missing afterwards is added. Raises SetError.
    """
    if not (replacements or remove or add):
        raise SetError("nothing would change: give --replace old=new, --remove TAG or --add TAG")
    edits = CaptionEdits(
        replacements=tuple(_replacement(text, regex=regex) for text in replacements),
        remove=tuple(map(normalize, remove)),
        add=tuple(map(normalize, add)),
        first=first,
    )
    return Work(_edit(Derived(source=read_source(source, out), out=Path(out), change="captions edited"), edits))


def _replacement(text: str, *, regex: bool) -> tuple[re.Pattern[str], str]:
    old, equals, new = text.partition("=")
    if not equals or not old:
        raise SetError(f"{text!r} does not say what replaces what: write old=new, or old= to delete it")
    try:
        return re.compile(old if regex else re.escape(old)), new if regex else new.replace("\\", r"\\")
    except re.error as error:
        raise SetError(f"{old!r} is no regular expression ({error}): leave --regex out to replace it as it stands") from None


def _edit(derived: Derived, edits: CaptionEdits) -> Generator[Step, None, EditedCaptions]:
    before = derived.source.examples
    try:
        after = tuple(replace(example, text=edits.apply(example.text, derived.source.trigger)) for example in before)
    except (re.error, IndexError) as error:
        raise SetError(f"a replacement refers to a group that its expression has not ({error})") from None
    yield from write_derived_set(derived, derived.unchanged(after), len(after))
    changed = sum(one.text != other.text for one, other in zip(before, after, strict=True))
    return EditedCaptions(out=derived.out, images=len(after), changed=changed)


@checked()
def tag_statistics(source: Path | str) -> TagStatistics:
    """Count the tags of a set's captions; raises SetError."""
    found = read_set(source)
    return TagStatistics(
        captions=len(found.examples),
        empty=sum(not example.text for example in found.examples),
        tags=tuple(count_tags(found.examples)),
        without_trigger=tuple(without_trigger(found.examples, found.trigger)),
    )


@checked()
def shared_images(sets: Sequence[Path | str]) -> Work[Step, SharedImages]:
    """Find near duplicates that lie in more than one of several sets; raises SetError."""
    if len(sets) < 2:
        raise SetError("duplicates across sets need two sets or more; within one, use `sakuga data dedupe`")
    return Work(_shared([read_set(one) for one in sets]))


def _shared(sets: Sequence[TrainingSet]) -> Generator[Step, None, SharedImages]:
    images = [(place, one.path(example)) for place, one in enumerate(sets) for example in one.examples]
    prints = []
    for done, (_, path) in enumerate(images, 1):
        prints.append(fingerprint(read_image(path).image))
        yield Step(stage="inspecting", done=done, total=len(images))
    across = [group for group in group_duplicates(prints) if len({images[place][0] for place in group}) > 1]
    return SharedImages(images=len(images), groups=tuple(tuple(str(images[place][1]) for place in group) for group in across))
