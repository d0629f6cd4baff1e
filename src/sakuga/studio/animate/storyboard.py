"""From an idea to a storyboard, and films as files."""

from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sakuga import InputError
from sakuga.export import check_folder
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import Film, FilmSettings, write_film
from sakuga.story.offline import OfflinePlanner
from sakuga.story.planner import Planner, shot_seed
from sakuga.story.storyboard import Storyboard, prompt_of
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A storyboard, the whole prompt of each shot, and doubts about them."""

    storyboard: Storyboard
    prompts: tuple[str, ...]
    notes: tuple[str, ...]


def storyboard(
    idea: str,
    out: Path | str | None = None,
    *,
    shots: int = 5,
    seconds: float = 6.0,
    seed: int = 0,
    model: str = SKETCHBOOK,
    planner: Planner | None = None,
) -> Work[Step, Planned]:
    """Plan a storyboard, and write it as a film where `out` is given.

    The offline planner works unless another is given. Raises SakugaError with one sentence where something is wrong.
    """
    return Work(_storyboard(idea, out, shots, seconds, seed, model, planner))


def plan(idea: str, shots: int, seconds: float, seed: int, planner: Planner | None) -> Generator[Step, None, Storyboard]:
    """Let a planner work, as steps."""
    yield Step(stage="story", total=shots)
    board = (planner or OfflinePlanner()).plan(idea, shots=shots, seconds=seconds, seed=seed)
    yield Step(stage="story", done=shots, total=shots)
    return board


def planner(llm: str | None) -> Planner:
    """Choose a planner: offline, or a language model by name."""
    if llm is None:
        return OfflinePlanner()
    from sakuga.story.llm import LLMPlanner, server_of

    return LLMPlanner(server=server_of(llm))


def directed(film: Film, settings: FilmSettings, seed: int | None = None) -> Film:
    """Let settings that are not None overrule a film's own; a seed gives every shot another."""
    said = {field.name: value for field in fields(settings) if (value := getattr(settings, field.name)) is not None}
    film = replace(film, settings=replace(film.settings, **said))
    if seed is None:
        return film
    shots = tuple(replace(shot, seed=shot_seed(seed, index)) for index, shot in enumerate(film.storyboard.shots))
    return replace(film, storyboard=replace(film.storyboard, shots=shots))


def read_prompts(path: Path) -> list[str]:
    """Read one prompt a line; blank lines and lines that begin with # are skipped."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from None
    prompts = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not prompts:
        raise InputError(f"{path}: holds no prompt: write one a line")
    return prompts


def _storyboard(
    idea: str, out: Path | str | None, shots: int, seconds: float, seed: int, model: str, planner: Planner | None
) -> Generator[Step, None, Planned]:
    source = find_checkpoint(model)
    if out is not None:
        if Path(out).suffix.lower() != ".toml":
            raise InputError(f"{out}: a storyboard is written as a film: end its name with .toml")
        check_folder(Path(out).parent)
    board = yield from plan(idea, shots, seconds, seed, planner)
    if out is not None:
        write_film(Film(settings=FilmSettings(model=model), storyboard=board), out)
    prompts = tuple(prompt_of(board, index) for index in range(len(board.shots)))
    return Planned(storyboard=board, prompts=prompts, notes=tuple(Bench(source).doubts(board)))
