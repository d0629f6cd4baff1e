"""From an image to a chain of images that a person chooses one by one."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga.datasets.image_reading import LoadedImage
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.animate import with_style
from sakuga.studio.animate.vary import ResolvedChain
from sakuga.studio.choosing.beginning import begin_session, new_session_path, resolve_session, session_request
from sakuga.studio.choosing.log import Decision, SessionError, Take
from sakuga.studio.choosing.picks import Reroll, parse_picks
from sakuga.studio.choosing.recipe import render_choices
from sakuga.studio.choosing.replay import open_session
from sakuga.studio.choosing.session import Session
from sakuga.studio.choosing.tree import Tree
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import Output
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Remade
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.work import Work
from sakuga.text import upper_first
from sakuga.timeline.choices import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A session after some choices, and its clip."""

    session: Path
    tree: Tree
    clip: Remade


@checked()
def choose(
    image: Path | str,
    picks: str,
    out: Path | str = "clip.gif",
    *,
    session: Path | None = None,
    variants: int = 4,
    mode: str = "variation",
    prompt: str = "",
    strength: float = 0.6,
    between: int = 8,
    in_betweens: str = "lerp",
    noise_shift: float = 0.4,
    fit: str = "crop",
    good: Sequence[str] | None = None,
    bad: Sequence[str] | None = None,
    positive: float = 30.0,
    negative: float = 30.0,
    repeats: int = 10,
    seed: int = 0,
    style: str | None = None,
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, Chosen]:
    """Choose image after image from those offered, and write a clip of the chosen ones.

    Each of `variants` images is made from the one taken last: as its variation, by img2img, or from `prompt`. `picks` are the decisions,
    separated by commas: 3 takes the third image shown, r offers others, u undoes, y redoes, @7 jumps to node 7, +7 pins it and -7 discards
    it. `session` is the decision log to write (default: a new one in $SAKUGA_HOME/sessions); an existing one is continued. Between two
    images lie frames as `vary` makes them. The few-step sampler is the default where the model has its adapter. Raises SakugaError.
    """
    request = session_request(
        image,
        variants=variants,
        mode=mode,
        prompt=prompt,
        strength=strength,
        between=between,
        in_betweens=in_betweens,
        noise_shift=noise_shift,
        fit=fit,
        good=good,
        bad=bad,
        positive=positive,
        negative=negative,
        repeats=repeats,
        seed=seed,
        settings=with_style(settings, style),
        store=store,
    )
    decisions = parse_picks(picks)
    output = Output(path=Path(out), recipe=recipe, max_size=max_size).check()
    path = session or new_session_path()
    if path.exists():
        opened = open_session(path, model=request.settings.model, images=[request.image], store=store)
        return Work(_choose(opened, decisions, output))
    resolved, loaded = resolve_session(request)
    return Work(_begin_and_choose(path, resolved, loaded, request.move, decisions, output))


def rendering_of(session: Session) -> RenderSession:
    """Return a render session for a choosing session."""
    resolved = session.layout.resolved
    return RenderSession(resolved.files, resolved.store, resolved.uses, resolved.settings.precision)


def export_session(session: Session, output: Output, rendering: RenderSession, node: int | None = None) -> Generator[Step, None, Remade]:
    """Write the clip of a session, with in-betweens as `vary` makes them; raises InputError."""
    layout = replace(session.layout, resolved=replace(session.layout.resolved, output=output))
    return (yield from render_choices(layout, session.chosen(node), rendering))


def _begin_and_choose(
    path: Path, resolved: ResolvedChain, loaded: LoadedImage, move: Move, picks: Sequence[Decision | Reroll | int], output: Output
) -> Generator[Step, None, Chosen]:
    for note in resolved.notes:
        yield Step(stage="story", note=note)
    return (yield from _choose(begin_session(path, resolved, loaded, move), picks, output))


def _choose(session: Session, picks: Sequence[Decision | Reroll | int], output: Output) -> Generator[Step, None, Chosen]:
    rendering = rendering_of(session)
    for pick in picks:
        match pick:
            case int():
                yield from _take(session, pick, rendering)
            case Reroll():
                session.offer_if_none()
                session.decide(session.next_offer(session.tree.place.current))
            case _:
                session.decide(pick)
    clip = yield from export_session(session, output, rendering)
    return Chosen(session=session.path, tree=session.tree, clip=clip)


def _take(session: Session, place: int, rendering: RenderSession) -> Generator[Step, None, None]:
    """Render the images offered, and take one, counted from 1."""
    session.offer_if_none()
    shown = session.tree.shown
    if not 1 <= place <= len(shown):
        raise SessionError(f"{upper_first(f'image {place}')} is not shown: there are 1 to {len(shown)}")
    links = [session.link(node.id) for node in (*session.tree.path(), *shown)]
    specs = {link.name: link.spec for link in links}
    rendered = yield from rendering.render(specs, [node.frame for node in shown])
    if any(rendered.renamed[node.frame] != node.frame for node in shown):
        raise SessionError("memory ran out: begin a session with fewer --variants or a smaller --size")
    session.decide(Take(node=shown[place - 1].id))
