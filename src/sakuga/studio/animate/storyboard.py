"""From an idea to a storyboard, and films as files."""

from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from sakuga import InputError
from sakuga.export import check_folder
from sakuga.files import TextError, read_utf8
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import Film, FilmError, is_unedited, read_film, write_film
from sakuga.story.limits import MAX_LETTERS, MAX_PROMPTS
from sakuga.story.offline import OfflinePlanner
from sakuga.story.options import SECONDS, SEED, SHOTS, Text
from sakuga.story.planner import Planner, check_idea, shot_seed
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Storyboard, full_prompt
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.motion import choose_motion
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.work import Work

IDEA = Text(help="What the film shows, in a few words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """What a planner needs for a storyboard.

    Raises InputError where it is not possible.
    """

    text: str
    shots: int
    seconds: float
    seed: int
    planner: Planner
    negative: str = ""
    """The negative prompt; nothing that it names is added."""

    @classmethod
    def checked(cls, text: str, shots: int, seconds: float, seed: int, planner: Planner | None, negative: str = "") -> Self:
        """Check every value; the offline planner is the default."""
        values = {"shots": SHOTS.check("shots", shots), "seconds": SECONDS.check("seconds", seconds), "seed": SEED.check("seed", seed)}
        check_idea(IDEA.check("idea", text), shots, seconds)
        return cls(text=text, planner=planner or OfflinePlanner(), negative=negative, **values)

    def plan(self) -> Storyboard:
        """Plan the storyboard; raises StoryboardError or PlannerError."""
        return self.planner.plan(self.text, shots=self.shots, seconds=self.seconds, seed=self.seed, negative=self.negative)

    def planned_at_once(self) -> Storyboard | None:
        """Plan the storyboard at once if no language model is needed."""
        return self.plan() if isinstance(self.planner, OfflinePlanner) else None

    def steps(self, board: Storyboard | None) -> Generator[Step, None, Storyboard]:
        """Plan the storyboard as steps; one that is planned already is returned."""
        yield Step(stage="story", total=self.shots)
        board = board or self.plan()
        yield Step(stage="story", done=self.shots, total=self.shots)
        return board


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTarget:
    """Where a film is written, and whether it may replace another."""

    path: Path
    overwrite: bool = False

    def check(self) -> Self:
        """Refuse a path that is no film's; raises InputError."""
        if self.path.suffix.lower() != ".toml":
            raise InputError(f"{self.path}: a film is written as .toml; end its name with .toml")
        check_folder(self.path.parent)
        return self

    def refuse_other(self, film: Film) -> None:
        """Refuse to replace another film that a person may have edited.

        Raises InputError.
        """
        if not self.overwrite and self.path.exists() and not is_unedited(self.path) and not self.holds(film):
            raise InputError(f"{self.path} is a different film and was edited by hand: --overwrite replaces it, or choose another name")

    def holds(self, film: Film) -> bool:
        """Check whether the file is exactly this film."""
        try:
            return self.path.exists() and read_film(self.path) == film
        except FilmError:
            return False

    def write(self, film: Film) -> str:
        """Write the film unless the file is exactly it.

        Returns a note. Raises InputError, FilmError.
        """
        if self.holds(film):
            return f"{self.path} is already exactly this film"
        self.refuse_other(film)
        replaced = f"{self.path} held another film, unedited since it was written: it is replaced" if self.path.exists() else ""
        write_film(film, self.path)
        return replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStoryboard:
    """A storyboard, the full prompt of each shot, and warnings about them."""

    storyboard: Storyboard
    prompts: tuple[str, ...]
    notes: tuple[str, ...]


@checked(shots=SHOTS, seconds=SECONDS, seed=SEED)
def storyboard(
    idea: str,
    out: Path | str | None = None,
    *,
    shots: int = 5,
    seconds: float = 6.0,
    seed: int = 0,
    model: str = SKETCHBOOK,
    planner: Planner | None = None,
    overwrite: bool = False,
) -> Work[Step, PlannedStoryboard]:
    """Plan a storyboard; with `out`, write it as a film.

    A different film at `out` is not replaced unless `overwrite` is given. Raises InputError.
    """
    request = Idea.checked(idea, shots, seconds, seed, planner)
    files = find_checkpoint(model)
    settings = FilmSettings(model=model)
    target = None if out is None else FilmTarget(path=Path(out), overwrite=overwrite).check()
    board = request.planned_at_once()
    if board and target:
        target.refuse_other(Film(settings=settings, storyboard=board))
    return Work(_storyboard(request, board, settings, target, files))


def _storyboard(
    request: Idea, board: Storyboard | None, settings: FilmSettings, target: FilmTarget | None, files: CheckpointFiles
) -> Generator[Step, None, PlannedStoryboard]:
    board = yield from request.steps(board)
    film = Film(settings=settings, storyboard=board)
    notes = [*RenderSession(files).storyboard_warnings(board), *choose_motion(film, files)[1]]
    if target and (note := target.write(film)):
        notes.append(note)
    prompts = tuple(full_prompt(board, index) for index in range(len(board.shots)))
    return PlannedStoryboard(storyboard=board, prompts=prompts, notes=tuple(notes))


def planner(llm: str | None) -> Planner:
    """Return a planner: offline, or a language model by name."""
    if llm is None:
        return OfflinePlanner()
    from sakuga.story.llm import LLMPlanner, server_of

    return LLMPlanner(server=server_of(llm))


def override(film: Film, settings: FilmSettings, seed: int | None = None) -> Film:
    """Replace a film's settings by those that are not None.

    A seed gives every shot a new one.
    """
    given = {field.name: value for field in fields(settings) if (value := getattr(settings, field.name)) is not None}
    film = replace(film, settings=replace(film.settings, **given))
    if seed is None:
        return film
    seed = SEED.check("seed", seed)
    shots = tuple(replace(shot, seed=shot_seed(seed, index)) for index, shot in enumerate(film.storyboard.shots))
    return replace(film, storyboard=replace(film.storyboard, shots=shots))


def read_prompts(path: Path) -> list[str]:
    """Read one prompt per line.

    Blank lines and lines that begin with # are skipped.
    """
    try:
        lines = read_utf8(path).splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, TextError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from None
    prompts = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not prompts:
        raise InputError(f"{path}: holds no prompt; write one per line")
    if len(prompts) > MAX_PROMPTS:
        raise InputError(f"{path}: holds {len(prompts)} prompts, and {MAX_PROMPTS} are the most; divide it")
    if long := next((number for number, prompt in enumerate(prompts, 1) if len(prompt) > MAX_LETTERS), None):
        raise InputError(f"{path}: prompt {long} has more than {MAX_LETTERS} letters; is it a file of prompts, one per line?")
    return prompts
