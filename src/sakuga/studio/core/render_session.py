"""Render sessions: one checkpoint, one store."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from sakuga.finishing.image import Image
from sakuga.finishing.resize import enlarge
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles, file_digest
from sakuga.models.engine import requested_engine
from sakuga.models.ip_adapter_files import ControlFiles
from sakuga.models.motion_files import MotionFiles
from sakuga.models.prompt_chunks import MARKS, chunk_tokens
from sakuga.models.styles import checkpoint_styles, few_step_adapter
from sakuga.models.tokenization import Tokens, load_prompt_tokenizer, tokenize
from sakuga.paths import local_path
from sakuga.rendering.batches import Batch, batch_of, plan_batches
from sakuga.rendering.frame_reader import read_frames
from sakuga.rendering.requested_executor import ExecutorFactory, requested_executor, uses_cluster
from sakuga.rendering.resources import LoadedResources, Resources, StyleFiles
from sakuga.rendering.store import InBetweenStore, cached_upscale, open_store
from sakuga.rendering.store_lock import SharedStore
from sakuga.sketchbook.captions import known_words
from sakuga.story.emphasis import without_emphasis
from sakuga.story.lint import by_shots, lint_storyboard, wordless_warnings
from sakuga.story.prompt_grammar import emphasis_warnings, said_by, uses_grammar, with_ascii_brackets
from sakuga.story.storyboard import Storyboard, full_prompts
from sakuga.story.vocabulary import vocabulary_warnings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.styles import StyleUse
from sakuga.timeline.rebatch import rebatch
from sakuga.timeline.spec import Digest, FrameSpec, Generated, MotionFrame, Precision, Rendered

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint
    from sakuga.rendering.executor import Denoised, Executor, Landed

Specs: TypeAlias = Mapping[Digest, FrameSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderCount:
    """Numbers of frames generated and reused from the store."""

    generated: int
    reused: int
    notes: tuple[str, ...] = ()
    """What had to be done differently, such as narrower batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """Frames that are all in the store."""

    specs: Specs
    renamed: Mapping[Digest, Digest]
    """The name of each frame in the store, by the name it was requested under: rebatched frames have another spec."""
    count: RenderCount


class RenderSession:
    """Renders and reads frames of one checkpoint.

    It may apply the checkpoint's own styles and those given. Frames are rendered by an executor: in this process unless `executor` makes
    another from the session's Resources. The networks are loaded when the first frame is missing.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        store: Path | None = None,
        styles: Iterable[StyleUse] = (),
        precision: Precision | None = None,
        executor: "ExecutorFactory | None" = None,
        motion: Iterable[MotionFiles] = (),
        controlnets: Iterable[ControlFiles] = (),
    ) -> None:
        self.files, self.precision = files, precision or "fp32"
        self.store = open_store(store)
        self._given = [use.style for use in styles]
        self._motion, self._controlnets = tuple(motion), tuple(controlnets)
        self._make_executor = executor
        self._shared: LoadedResources | None = None
        self._share: SharedStore | None = None
        """Held from the first render until the session is closed or freed, so that no frame is cleaned away."""

    def with_styles(self, styles: Iterable[StyleUse]) -> "RenderSession":
        """Return a session with other styles, sharing networks and store."""
        other = RenderSession(self.files, self.store.root, styles, self.precision, self._make_executor, self._motion, self._controlnets)
        other._shared = self.loaded
        return other

    def with_store(self, store: Path) -> "RenderSession":
        """Return a session with another store, sharing networks and styles."""
        other = RenderSession(self.files, store, (), self.precision, self._make_executor, self._motion, self._controlnets)
        other._given, other._shared = self._given, self.loaded
        return other

    @cached_property
    def resources(self) -> Resources:
        """Everything an executor opens, as plain data."""
        few_step = few_step_adapter(self.files)
        known = [*checkpoint_styles(self.files).values(), *([few_step] if few_step else []), *self._given]
        return Resources(
            checkpoint=self.files.folder,
            checkpoint_name=self.files.name,
            checkpoint_digest=self.files.digest,
            store=self.store.root,
            styles=tuple({style.digest: StyleFiles(name=style.name, files=style.files) for style in known}.items()),
            motion=tuple((adapter.digest, adapter) for adapter in dict.fromkeys(self._motion)),
            controlnets=tuple((network.digest, network) for network in dict.fromkeys(self._controlnets)),
            precision=self.precision,
            engine=requested_engine(),
        )

    @cached_property
    def loaded(self) -> LoadedResources:
        """The resources opened in this process."""
        if self._shared:
            return self._shared.reopened(self.resources.store, self.resources.styles, self.resources.motion, self.resources.controlnets)
        return LoadedResources(self.resources)

    @property
    def checkpoint(self) -> "Checkpoint":
        """The networks, loaded at first use."""
        return self.loaded.checkpoint

    @cached_property
    def executor(self) -> "Executor":
        """The executor that renders what is missing."""
        from sakuga.rendering.executor import LocalExecutor

        if (make := self._make_executor or requested_executor()) is None:
            return LocalExecutor(self.loaded)
        return make(replace(self.resources, engine=self.loaded.lazy_checkpoint.requested_engine))

    def expect(self, steps: int) -> None:
        """Say how many denoising steps several renders have together, from which their engine is chosen."""
        self.loaded.lazy_checkpoint.expect(steps)

    def close(self) -> None:
        """Release the executor, such as its worker processes, and the store."""
        if self._share:
            self._share.close()
            self._share = None
        if "executor" in self.__dict__:
            self.executor.close()
            del self.__dict__["executor"]

    def render(self, specs: Specs, wanted: Iterable[Digest]) -> Generator[Step, None, Rendering]:
        """Render the wanted frames that are missing, and their dependencies.

        There is a step for each denoising step, and one for each stored frame, which it carries. Where memory runs out, the rest is
        rendered in batches of half the width, and at last decoded in tiles, which changes the specs and so the names of these frames.
        """
        self._share = self._share or SharedStore(self.store.root)
        wanted = list(dict.fromkeys(wanted))
        renamed = {name: name for name in specs}
        batches = plan_batches(specs, wanted, self.store.has)
        progress = _Progress(batches)
        reused = sum(isinstance(spec, Rendered) for spec in specs.values()) - progress.total
        notes: list[str] = []
        if batches:
            if "executor" not in self.__dict__ and not self.loaded.lazy_checkpoint.is_loaded:
                yield Step(stage="loading", note=f"loading {self.files.name}")
                self.expect(sum(map(_steps, specs.values())))
                engine = self.loaded.lazy_checkpoint.engine
                notes += [engine.note] if engine.note else []
                runs = "a Ray cluster renders" if uses_cluster() else f"{engine.title} runs the networks"
                yield Step(stage="loading", note=engine.note or runs)
            from sakuga.rendering.executor import Denoised, OutOfMemory
        yield progress.step()
        while batches:
            try:
                for landed in self.executor.steps(batches):
                    if isinstance(landed, Denoised):
                        yield progress.denoised(landed)
                        continue
                    note = "; ".join(filter(None, (landed.note, _faulty(landed))))
                    notes += [note] if note and note not in notes else []
                    yield progress.landed(landed, note)
                break
            except OutOfMemory as full:
                if full.batch.is_smallest:
                    raise
                width = max(1, full.batch.width // 2)
                specs, rebatched = rebatch(specs, width, self.store.has, tiled=full.batch.width == 1)
                renamed = {name: rebatched[now] for name, now in renamed.items()}
                batches = plan_batches(specs, [renamed[name] for name in wanted], self.store.has)
                how = f"in batches of {width}" if full.batch.width > 1 else "one at a time and decoded in tiles"
                notes.append(f"memory ran out: the remaining frames are rendered {how}")
                progress.replan(batches)
                yield progress.step(note=notes[-1])
        return Rendering(specs=specs, renamed=renamed, count=RenderCount(generated=progress.done, reused=reused, notes=tuple(notes)))

    def preview(self, rendering: Rendering, name: Digest) -> Iterator[Image]:
        """Generate a frame again, and yield it after each step.

        The last image equals the stored one.
        """
        from sakuga.rendering.executor import LocalExecutor

        stored = rendering.renamed[name]
        spec = rendering.specs[stored]
        assert isinstance(spec, Rendered), "only generated frames are denoised"
        return LocalExecutor(self.loaded).preview(batch_of(rendering.specs, [stored]), self.store.attempts(stored) - 1)

    def read_frames(self, rendering: Rendering, names: Iterable[Digest], finish: Callable[[Digest, Image], Image]) -> Iterator[Image]:
        """Yield frames by the names they were requested under.

        Stored images are finished first, and in-betweens made of the finished ones; in-betweens and enlarged images stay in the store.
        """
        requested = {now: name for name, now in rendering.renamed.items()}

        def read(name: Digest) -> Image:
            return finish(requested[name], self.store.read(name))

        cache = InBetweenStore(self.store.derived, f"{self.files.digest} {self.precision}")
        stored = [rendering.renamed[name] for name in names]
        return read_frames(rendering.specs, stored, read, self._interpolation, cache, self.loaded.move)

    def _interpolation(self, first: Image, second: Image, method: Any) -> Callable[[float], Image]:
        return self.loaded.interpolation(first, second, method)

    def enlarger(self, width: int, height: int, upscaler: str | None = None) -> Callable[[Image], Image]:
        """Return a function that enlarges frames to their final size.

        It uses the upscaler of a file, else the checkpoint's if there is one.
        """
        if upscaler:
            return partial(enlarge, width=width, height=height, upscale2x=self._file_upscaler(local_path(upscaler)))
        if self.files.upscaler_digest is None:
            return partial(enlarge, width=width, height=height)
        upscale2x = cached_upscale(self._upscale2x, self.files.upscaler_digest, self.store.derived)
        return partial(enlarge, width=width, height=height, upscale2x=upscale2x)

    def _file_upscaler(self, path: Path) -> Callable[[Image], Image]:
        from sakuga.models.upscaler_files import open_upscaler

        opened = list[Callable[[Image], Image]]()

        def upscale(image: Image) -> Image:
            opened.extend([] if opened else [open_upscaler(path)])
            return opened[0](image)

        return cached_upscale(upscale, file_digest(path), self.store.derived)

    def _upscale2x(self, image: Image) -> Image:
        return self._upscaler(image)

    @cached_property
    def _upscaler(self) -> Callable[[Image], Image]:
        from sakuga.models.upscaler import load_upscaler

        return load_upscaler(self.files.folder / "upscaler")

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the first text encoder, without its network."""
        return load_prompt_tokenizer(self.files.folder)

    @cached_property
    def words(self) -> dict[str, tuple[int, ...]]:
        """Learned words of the given styles, with placeholder token ids."""
        return {word: (0,) * tokens for style in self._given for word, tokens in style.contents.learned_words.items()}

    def count_tokens(self, text: str) -> int:
        """Count a prompt's tokens, begin and end tokens included; of a long or composed one those of its longest chunk."""
        if not uses_grammar(text := with_ascii_brackets(text)):
            return len(tokenize(self.tokenizer, without_emphasis(text), self.words).ids)
        return max(len(chunk.ids) for said in said_by(text, breaks=True) for chunk in self._chunks(said))

    def _chunks(self, text: str) -> list[Tokens]:
        plain = without_emphasis(text)
        return chunk_tokens(tokenize(self.tokenizer, plain, self.words), plain, self.files.info.token_limit - MARKS)

    def _length_notes(self, text: str, name: str) -> list[str]:
        """Tell how a prompt is read that has more tokens than the text encoder reads at once."""
        tokens, limit = self.count_tokens(text), self.files.info.token_limit
        if tokens > limit:
            return [f"{name} has {tokens} tokens; the text encoder reads {limit}: shorten it"]
        chunks = [self._chunks(section) for section in said_by(with_ascii_brackets(text), breaks=True)]
        parts, total = max(map(len, chunks)), max(sum(len(chunk.ids) - MARKS for chunk in one) for one in chunks)
        return [f"{name} has {total} tokens, which the text encoder reads in {parts} parts"] if parts > 1 else []

    def storyboard_warnings(self, board: Storyboard, negative: str = "") -> list[str]:
        """List what may go wrong with a storyboard's prompts on this checkpoint; `negative` is the film's negative prompt."""
        notes = lint_storyboard(board, self.count_tokens, self.files.info.token_limit, self._known_words, self._trigger_words)
        prompts = [(index, prompt) for index in range(len(board.shots)) for prompt in full_prompts(board, index)]
        emphasis = [(index, warning) for index, prompt in prompts for warning in emphasis_warnings(prompt)]
        own = [
            (index, note)
            for index, shot in enumerate(board.shots)
            if shot.negative
            for note in self.negative_warnings(", ".join(filter(None, (negative, shot.negative))))
        ]
        whole = [] if all(shot.negative for shot in board.shots) else self.negative_warnings(negative)
        return [*whole, *by_shots([*((note.shot, note.message) for note in notes), *emphasis, *own])]

    def negative_warnings(self, negative: str) -> list[str]:
        """List what of a negative prompt is ignored by this checkpoint."""
        return [f"negative prompt: {note}" for note in (*self._length_notes(negative, "it"), *emphasis_warnings(negative))]

    def prompt_warnings(self, prompt: str) -> list[str]:
        """List what of a single prompt is ignored by this checkpoint."""
        return [
            *wordless_warnings(prompt),
            *self._length_notes(prompt, f"'{prompt}'"),
            *emphasis_warnings(prompt),
            *vocabulary_warnings([prompt], self._known_words, self._trigger_words),
        ]

    @property
    def _known_words(self) -> frozenset[str] | None:
        """The Sketchbook's vocabulary; None for other checkpoints."""
        return known_words() if self.files.name == SKETCHBOOK else None

    @property
    def _trigger_words(self) -> tuple[str, ...]:
        return (*self.words, *(style.prompt_trigger for style in self._given))


def worker_processes(count: int) -> "ExecutorFactory | None":
    """Return what makes an executor of several processes; None for one, which is this process."""

    def make(resources: Resources) -> "Executor":
        from sakuga.rendering.worker_executor import WorkerExecutor

        return WorkerExecutor(resources, count)

    return make if count > 1 else None


class _Progress:
    """Counts landed frames against the plan.

    A batch's cost is spread over its frames.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.done, self.spent = 0, 0.0
        self.begun: dict[Digest, float] = {}
        """Cost of what is done of frames that are being denoised."""
        self.started = monotonic()
        self.replan(batches)

    def replan(self, batches: Sequence[Batch]) -> None:
        """Replace what is left to do."""
        self.begun.clear()
        self.cost = {name: batch.cost / len(batch.frames) for batch in batches for name in batch.names}
        self.total = self.done + len(self.cost)
        self.whole = self.spent + sum(batch.cost for batch in batches)

    def landed(self, landed: "Landed", note: str) -> Step:
        self.done += 1
        self.begun.pop(landed.name, None)
        self.spent += self.cost.get(landed.name, 0.0)
        return replace(self.step(landed.name, note), device=landed.device)

    def denoised(self, denoised: "Denoised") -> Step:
        for name in denoised.names:  # a faulty frame is denoised again: what was done stays
            self.begun[name] = max(self.begun.get(name, 0.0), denoised.share * self.cost.get(name, 0.0))
        return replace(self.step(), denoising=True)

    def step(self, frame: Digest | None = None, note: str = "") -> Step:
        spent = self.spent + sum(self.begun.values())
        share = spent / self.whole if self.whole else 1.0
        elapsed = monotonic() - self.started
        left = elapsed * (1.0 - share) / share if spent else None
        return Step(stage="rendering", done=self.done, total=self.total, note=note, frame=frame, share=share, seconds_left=left)


def _steps(spec: FrameSpec) -> int:
    """Return the denoising steps of a frame."""
    match spec:
        case Generated():
            return spec.steps
        case MotionFrame():
            return spec.window.steps
        case _:
            return 0


def _faulty(landed: "Landed") -> str:
    if landed.attempts == 1:
        return ""
    return f"frame {landed.name[:12]} came out black, uniform or broken and was generated {landed.attempts} times"
