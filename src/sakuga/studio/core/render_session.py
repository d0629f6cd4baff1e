"""The bench where frames are drawn: one checkpoint, one store; the networks are loaded when the first frame is missing."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sakuga.finishing.image import Picture
from sakuga.finishing.inbetweens import At, inbetweener
from sakuga.finishing.resize import enlarge
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.styles import few_step, own_styles
from sakuga.models.tokenization import tokens_of
from sakuga.paths import home
from sakuga.rendering.batches import Batch, missing_frames, plan
from sakuga.rendering.frame_reader import develop
from sakuga.rendering.store import FrameStore
from sakuga.sketchbook.captions import known_words
from sakuga.story.emphasis import read_emphasis, without_emphasis
from sakuga.story.lint import by_shots, lint, words_of
from sakuga.story.storyboard import Storyboard, prompts_of
from sakuga.studio.core.progress import Step
from sakuga.studio.core.styles import Found
from sakuga.timeline.rebatch import narrowed
from sakuga.timeline.spec import Digest, Drawn, FrameSpec, Precision, Way

if TYPE_CHECKING:
    from sakuga.rendering.executor import LocalExecutor

Specs = Mapping[Digest, FrameSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many frames the model drew, and how many were in the store before; what had to be drawn otherwise is told in `notes`."""

    drawn: int
    reused: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Frames that are all in the store now: their specs, and under which name each asked-for frame is found."""

    specs: Specs
    renamed: Mapping[Digest, Digest]
    count: Count


class Bench:
    """Draws and shows frames of one checkpoint, which may wear its own styles and those that are given."""

    def __init__(self, source: Source, store: Path | None = None, styles: Iterable[Found] = (), precision: Precision | None = None) -> None:
        self.source, self.precision = source, precision or "fp32"
        self.store = FrameStore(store or home() / "frames")
        quick = few_step(source)
        own = [*own_styles(source).values(), *([quick] if quick else [])]
        worn = [wish.style for wish in styles]
        self.styles = {style.digest: style for style in (*own, *worn)}
        self.words = {word: (0,) * tokens for style in worn for word, tokens in style.contents.words.items()}
        self._adapters: dict[Digest, Any] = {}

    def wearing(self, styles: Iterable[Found]) -> "Bench":
        """Return a bench with the same networks and store, that may wear these styles."""
        other = Bench(self.source, self.store.root, styles, self.precision)
        other.checkpoint = self.checkpoint
        return other

    @cached_property
    def checkpoint(self) -> Any:
        """The networks."""
        import torch

        from sakuga.models.checkpoint import load

        return load(self.source, "cuda" if torch.cuda.is_available() else "cpu", self.precision)

    def draw(self, specs: Specs, wanted: Iterable[Digest]) -> Generator[Step, None, Drawing]:
        """Draw what is missing; where memory runs out, go on with batches of half the width, which is written into the specs."""
        wanted = list(dict.fromkeys(wanted))
        renamed = {name: name for name in specs}
        missing = missing_frames(specs, wanted, self.store.has)
        reused = sum(isinstance(spec, Drawn) for spec in specs.values()) - len(missing)
        drawn, notes = 0, list[str]()
        if not missing:  # seconds are saved where the libraries that draw need not be opened
            yield Step(stage="drawing")
            return Drawing(specs=specs, renamed=renamed, count=Count(drawn=0, reused=reused))
        if "checkpoint" not in self.__dict__:
            yield Step(stage="loading", note=f"opening {self.source.name}")
        yield Step(stage="drawing", total=len(missing))
        from sakuga.rendering.executor import OutOfMemory

        executor = self._executor()
        while True:
            try:
                for landed in executor.run(plan(specs, [renamed[name] for name in wanted], self.store.has)):
                    drawn += 1
                    again = f"frame {landed.name[:12]} came out faulty and was drawn {landed.attempts} times" if landed.attempts > 1 else ""
                    notes += filter(None, [again])
                    yield Step(stage="drawing", done=drawn, total=len(missing), note=again)
            except OutOfMemory as full:
                if full.batch.width == 1:
                    raise
                specs, again_renamed = narrowed(specs, full.batch.width // 2, self.store.has)
                renamed = {name: again_renamed[now] for name, now in renamed.items()}
                notes.append(f"memory ran out: batches are {full.batch.width // 2} wide from here on")
                yield Step(stage="drawing", done=drawn, total=len(missing), note=notes[-1])
            else:
                return Drawing(specs=specs, renamed=renamed, count=Count(drawn=drawn, reused=reused, notes=tuple(notes)))

    def watch(self, drawing: Drawing, name: Digest) -> Iterator[Picture]:
        """Draw a frame that was drawn once more, to see it after each step of its denoising; the last picture is the frame's own."""
        kept = drawing.renamed[name]
        spec = drawing.specs[kept]
        assert isinstance(spec, Drawn), "nothing else is denoised"
        return self._executor().watch(Batch(frames=(spec,)), self.store.attempts(kept) - 1)

    def _executor(self) -> "LocalExecutor":
        from sakuga.rendering.executor import LocalExecutor

        return LocalExecutor(open_checkpoint=self._open, store=self.store, inbetweener=self.inbetweener, open_style=self._open_style)

    def _open(self, digest: Digest, precision: Precision) -> Any:
        assert (digest, precision) == (self.source.digest, self.precision), "a film is drawn with one checkpoint, in one precision"
        return self.checkpoint

    def inbetweener(self, first: Picture, second: Picture, way: Way) -> At:
        """Return what makes any picture between two; the networks are opened only for in-betweens in latent space."""
        return inbetweener(first, second, way, self._latent)

    def _latent(self, first: Picture, second: Picture) -> At:
        from sakuga.models.latent_inbetweens import latent_between

        return latent_between(self.checkpoint, first, second)

    def _open_style(self, digest: Digest) -> Any:
        from sakuga.models.adapters import read_style

        if digest not in self._adapters:
            self._adapters[digest] = read_style(self.styles[digest].files, self.styles[digest].name)
        return self._adapters[digest]

    def develop(self, drawing: Drawing, names: Iterable[Digest], finish: Callable[[Digest, Picture], Picture]) -> Iterator[Picture]:
        """Show frames by the names they were asked for; kept pictures are finished before in-betweens are made of them."""
        asked = {now: name for name, now in drawing.renamed.items()}

        def read(name: Digest) -> Picture:
            return finish(asked[name], self.store.read(name))

        return develop(drawing.specs, [drawing.renamed[name] for name in names], read, self.inbetweener)

    def exposed(
        self, drawing: Drawing, names: Sequence[Digest], finish: Callable[[Digest, Picture], Picture]
    ) -> Iterator[tuple[FrameSpec, Picture]]:
        """Show frames as `develop` does, each with how it was drawn in the end."""
        specs = (drawing.specs[drawing.renamed[name]] for name in names)
        return zip(specs, self.develop(drawing, names, finish), strict=True)

    def enlarger(self, width: int, height: int) -> Callable[[Picture], Picture]:
        """Return what brings a drawn picture to its final size: the checkpoint's own upscaler where it has one."""
        folder = self.source.folder / "upscaler"
        if not folder.is_dir():
            return partial(enlarge, width=width, height=height)
        from sakuga.models.upscaler import load_upscaler

        return partial(enlarge, width=width, height=height, upscale2x=load_upscaler(folder))

    @cached_property
    def tokenizer(self) -> Any:
        """What splits prompts, opened without the networks."""
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(self.source.folder / "tokenizer")

    def count_tokens(self, text: str) -> int:
        """Count a prompt's tokens, begin and end marks included; brackets of emphasis are none."""
        return len(tokens_of(self.tokenizer, without_emphasis(text), self.words).ids)

    def doubts(self, board: Storyboard) -> list[str]:
        """Say what may go wrong with a storyboard's prompts on this checkpoint."""
        learnt = {part for word in self.words for part in words_of(word)}
        known = known_words() | learnt if self.source.name == SKETCHBOOK else None
        notes = lint(board, self.count_tokens, self.source.facts.token_limit, known)
        said = [(index, prompt) for index in range(len(board.shots)) for prompt in prompts_of(board, index)]
        bracketed = [(index, doubt) for index, prompt in said for doubt in read_emphasis(prompt).doubts]
        return by_shots([*((note.shot, note.message) for note in notes), *bracketed])

    def unread(self, prompt: str) -> list[str]:
        """Say what of a single prompt this checkpoint does not read."""
        tokens, limit = self.count_tokens(prompt), self.source.facts.token_limit
        long = [f"'{prompt}' has {tokens} tokens, and only {limit} are read: say it in fewer words"] if tokens > limit else []
        return [*long, *read_emphasis(prompt).doubts]
