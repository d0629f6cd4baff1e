"""The six studies: their runs, and the reports on their results."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import InputError
from sakuga.evaluation.metric import Metric, to_json
from sakuga.evaluation.report import html
from sakuga.studies.ablation import parse_grid
from sakuga.studies.conclusions import sign_summary
from sakuga.studies.results import Results
from sakuga.studies.run_folders import INFERENCE, ROWS, RunFolder, create_run, known_runs, locked_folder
from sakuga.studies.run_table import run_table
from sakuga.studies.runs import (
    FolderSet,
    GenerationRun,
    NamedRun,
    RenderedSet,
    TrainedStyle,
    TrainingRun,
    digest,
    ordered_runs,
    required_trainings,
)
from sakuga.studies.search import make_sampler, next_points
from sakuga.studies.service import STUDIES, build_report
from sakuga.studies.settings import StudySettings
from sakuga.studies.study import Study, budget_text, estimate_seconds, plan_text
from sakuga.studio.evaluation.reports import check_report, json_text

MODEL = "0" * 64
PROMPTS = ("a castle at sunset", "the sea at night", "a portrait of a girl")
SETTING = StudySettings(model="sketchbook", digest=MODEL, quick=True, prompts=PROMPTS)
FULL = replace(SETTING, quick=False, prompts=())
Rows = Callable[[GenerationRun, np.random.Generator], dict[str, np.ndarray]]


def fake_results(study: Study, out: Path, rows: Rows) -> Results:
    """Fake the runs of a study: small images, and the given rows."""
    folders: dict[str, RunFolder] = {}
    for named_run in ordered_runs(study.runs):
        folder = folders[digest(named_run.run)] = create_run(out, named_run)
        if isinstance(named_run.run, GenerationRun):
            prompts = [prompt for prompt in named_run.run.prompts for _ in range(named_run.run.seeds)]
            (folder / INFERENCE).mkdir()
            for number in range(1, len(prompts) + 1):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / INFERENCE / f"{number:04d}.webp")
            values = {key: list(row) for key, row in rows(named_run.run, np.random.default_rng(len(folders))).items()}
            (folder / ROWS).write_text(json_text({"prompt": prompts, "name": ["seed"] * len(prompts), **values}))
        folder.finish({"seconds": 1.0, "processor_seconds": 10.0 * len(folders), "peak_memory_mb": 900.0, "file_kb": 50.0 * len(folders)})
    return Results(folders=folders)


def by_weight(run: GenerationRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Scores that rise with the adapter weight, while some labels are lost."""
    n, weight = len(run.prompts) * run.seeds, sum(applied.weight for applied in run.applied_styles)
    looks = {f"look.{look}": np.clip(0.1 + 0.7 * weight + rng.normal(0, 0.02, n), 0, 1) for look in run.looks}
    subject = {f"subject.{run.subject}": np.full(n, 0.1 + 0.5 * weight)} if run.subject else {}
    return {"words.clip": 30 + rng.normal(0, 1, n), "labels.all": np.full(n, 0.9 - 0.1 * weight), **looks, **subject}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_writes_one_report_on_all_runs(name: str, tmp_path: Path) -> None:
    study = STUDIES[name](SETTING)
    page, metrics, conclusions = build_report(study, SETTING, fake_results(study, tmp_path, by_weight))
    text = html(page)
    assert [block.text for block in page.sections[0].blocks] == conclusions.splitlines()  # type: ignore[union-attr]
    assert text.count('class="broad"') >= 2
    assert text.count("data:image/webp") >= 6
    assert "nan" not in text.replace("dominant", "").lower().split("<style>")[0]
    figures = to_json(metrics)
    assert len([key for key in figures if key.startswith("n.")]) == len(metrics)


@pytest.mark.parametrize("name", STUDIES)
def test_all_trainings_have_one_budget_and_all_runs_the_same_prompts(name: str) -> None:
    study = STUDIES[name](FULL)
    trainings = [named_run.run for named_run in ordered_runs(study.runs) if isinstance(named_run.run, TrainingRun)]
    trials = [named_run.run for named_run in study.runs if isinstance(named_run.run, GenerationRun)]
    budgets = {(training.steps, training.batch) for training in trainings}
    assert len(budgets) == {"ablation": 2, "curation": 2}.get(name, 1), (
        "an ablation varies it; curation is at equal steps and at equal passes"
    )
    assert len({trial.prompts for trial in trials}) <= 2
    assert len({trial.steps for trial in trials}) == 1
    assert all(len(trial.prompts) * trial.seeds >= 16 for trial in trials)


def test_curation_compares_at_equal_steps_epochs_and_size() -> None:
    trainings = {training.name: training.run for training in STUDIES["curation"](FULL).runs if isinstance(training.run, TrainingRun)}
    few, less, many, even = (
        trainings[f"train {name}, seed 0"] for name in ("unbalanced", "unbalanced, fewer steps", "balanced", "balanced, as few")
    )
    assert few.steps == many.steps == even.steps
    passes = [training.steps * training.batch / training.training_set.count for training in (less, many)]
    assert passes[0] == pytest.approx(passes[1], rel=0.02)
    assert few.training_set.count == even.training_set.count == 50
    sets = [training.training_set for training in (few, many, even)]
    assert [rendered.portraits for rendered in sets if isinstance(rendered, RenderedSet)] == [5, 100, 33]
    assert len({training.training_set for training in trainings.values()}) == 9, "each repeat has sets of its own"
    text = budget_text(trainings.values())
    assert text == "200 steps of 8 images (32 epochs of 50 and 10.7 epochs of 150); 67 steps of 8 images (10.7 epochs of 50)"


def test_custom_sets_and_prompts_are_used_or_refused() -> None:
    own = tuple(FolderSet(path=f"/{name}", digest=name * 64, trigger="x", count=count) for name, count in (("a", 20), ("b", 80)))
    trainings = {
        training.name: training.run
        for training in STUDIES["curation"](replace(FULL, sets=own)).runs
        if isinstance(training.run, TrainingRun)
    }
    assert {(training.training_set, training.steps) for training in trainings.values()} == {(own[0], 200), (own[1], 200), (own[0], 50)}
    with pytest.raises(InputError, match="no prompt is for a portrait: portrait prompts begin with 'a portrait of' or"):
        STUDIES["curation"](replace(SETTING, prompts=("the sea",)))


def test_all_studies_take_under_an_hour_of_one_core_by_sharing_runs() -> None:
    runs = {digest(named_run.run): named_run.run for lay_out in STUDIES.values() for named_run in ordered_runs(lay_out(FULL).runs)}
    assert sum(estimate_seconds(run) for run in runs.values()) < 60 * 60
    alone = [len(ordered_runs(lay_out(FULL).runs)) for lay_out in STUDIES.values()]
    assert len(runs) < sum(alone)


def test_a_search_is_reproducible_and_finds_the_best_point() -> None:
    def run_search(rounds: int) -> list[tuple[float, ...]]:
        sampler = make_sampler((("rank", (2.0, 4.0, 8.0)), ("rate", (1e-3, 2e-3, 4e-3))))
        points = []
        for _ in range(rounds):
            trial, point = sampler.ask()
            sampler.tell(trial, point[1] - abs(point[0] - 4.0))
            points.append(point)
        return points

    first = run_search(24)
    assert first == run_search(24)
    assert first[12:].count((4.0, 4e-3)) > 4, "the best of nine points, sampled once or twice at random"


def test_points_that_are_tried_together_differ_and_known_ones_do_not_come_again() -> None:
    grid = (("rank", (4.0, 8.0, 16.0)), ("rate", (1e-3, 2e-3)))

    def run_search() -> list[tuple[float, ...]]:
        sampler, scores = make_sampler(grid), dict[tuple[float, ...], float]()
        while asked := next_points(sampler, scores, 3):
            places = list(dict.fromkeys(place for _, place in asked))
            assert len(places) <= 3
            assert not set(places) & set(scores)
            scores |= {place: place[0] for place in places}
            for trial, place in asked:
                sampler.tell(trial, scores[place])
        return list(scores)

    places = run_search()
    assert len(places) == 6
    assert places == run_search()
    assert next_points(make_sampler(grid), {}, 0) == []


def test_scoring_does_not_change_the_digest() -> None:
    trial = GenerationRun(model=MODEL, prompts=("a",))
    assert digest(trial) == digest(replace(trial, looks=("comic",), subject="castle"))
    assert digest(trial) != digest(replace(trial, suffix="comic"))


@pytest.mark.parametrize(("low", "high", "text"), [(0.1, 0.3, "more: it"), (-0.3, -0.1, "less: it"), (-0.1, 0.3, "same: it")])
def test_conclusions_follow_the_interval(low: float, high: float, text: str) -> None:
    metric = Metric(key="more", value=(low + high) / 2, n=8, low=low, high=high)
    assert sign_summary({"it": metric}, "more", "less", "same").startswith(text)


def test_a_digest_depends_on_content_and_not_on_paths() -> None:
    first = TrainingRun(model=MODEL, training_set=FolderSet(path="/here", digest="a" * 64, trigger="x", count=3))
    assert digest(first) == digest(replace(first, training_set=replace(first.training_set, path="/there", count=4)))
    names = {
        digest(run)
        for run in (first, replace(first, rank=4), replace(first, training_set=RenderedSet()), GenerationRun(model=MODEL, prompts=("a",)))
    }
    assert len(names) == 4
    weight = GenerationRun(model=MODEL, prompts=("a",), applied_styles=(TrainedStyle(training=first),))
    assert digest(weight) != digest(replace(weight, applied_styles=(TrainedStyle(training=first, weight=0.5),)))


def test_required_trainings_come_first_and_each_run_once() -> None:
    training = TrainingRun(model=MODEL, training_set=RenderedSet())
    trials = [GenerationRun(model=MODEL, prompts=(prompt,), applied_styles=(TrainedStyle(training=training),)) for prompt in "ab"]
    table = ordered_runs(tuple(NamedRun(name=str(index), run=run) for index, run in enumerate([*trials, trials[0]])))
    assert [named_run.run for named_run in table] == [training, *trials]
    for index, named_run in enumerate(table):
        assert all(needed in [before.run for before in table[:index]] for needed in required_trainings(named_run.run))


def test_a_plan_lists_unfinished_runs_and_a_time_estimate() -> None:
    study = STUDIES["styles"](SETTING)
    done = {digest(ordered_runs(study.runs)[0].run)}
    first, budget, *rows, last = plan_text(study, done, 2, digest)
    assert budget == "  each training: 4 steps of 2 images (1.33 epochs of 6)"
    assert first == f"styles: {len(rows) + 1} runs, 1 of them already finished"
    assert "with 2 at a time" in last


def test_the_time_of_resumed_runs_adds_up(tmp_path: Path) -> None:
    folder = create_run(tmp_path, NamedRun(name="one", run=GenerationRun(model=MODEL, prompts=("a",))))
    stopped = KeyboardInterrupt()
    with suppress(KeyboardInterrupt), folder.timed():
        sum(range(200_000))
        raise stopped
    first = folder.spent()
    with folder.timed():
        sum(range(200_000))
    assert first["processor_seconds"] > 0
    assert folder.spent()["processor_seconds"] > first["processor_seconds"]
    assert folder.spent()["seconds"] >= folder.spent()["processor_seconds"] * 0.5


def test_finished_runs_are_reused_and_damaged_ones_are_not(tmp_path: Path) -> None:
    first, second = (NamedRun(name=name, run=GenerationRun(model=MODEL, prompts=(name,))) for name in ("one", "two"))
    create_run(tmp_path, first).finish({"seconds": 1.0})
    (create_run(tmp_path, second).path / "config.json").write_text("{")
    known = known_runs(tmp_path)
    assert list(known) == [digest(first.run)]
    assert known[digest(first.run)].finished


def test_curation_concludes_from_the_data(tmp_path: Path) -> None:
    faces = tuple(f"{words} {who}" for words in ("a portrait of", "a close-up of") for who in ("a girl", "a man", "an old woman"))
    landscape_prompts = ("a castle at sunset", "the sea at night", "a forest", "a village", "a lake", "a harbour")
    settings = replace(FULL, prompts=faces + landscape_prompts)

    def by_set(better: float, spread: float = 0.0) -> Rows:
        def rows(run: GenerationRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
            trainings = run.applied_styles[0].training if run.applied_styles else None
            balanced = trainings is not None and trainings.training_set.portraits > 5  # type: ignore[union-attr]
            apart = spread * (-1) ** trainings.seed if trainings else 0.0
            shown = 0.5 + (0.2 * better + apart) * (1 if balanced else -1)
            return {"look.watercolor": np.full(6, shown) + rng.normal(0, 0.001, 6), "labels.all": np.ones(6), "words.clip": np.ones(6)}

        return rows

    study = STUDIES["curation"](settings)
    lines = {}
    for better, spread in ((1, 0), (-1, 0), (0.3, 0.2)):
        results = fake_results(study, tmp_path / f"{better}{spread}", by_set(better, spread))
        lines[better, spread] = build_report(study, settings, results)[2].splitlines()
    assert len(lines[1, 0]) == 3
    for line, equal in zip(lines[1, 0], ("At equal steps", "At equal epochs", "At equal steps, epochs and size"), strict=True):
        assert line.startswith(equal)
        assert "on portraits the balanced set's style is stronger (+0.4" in line
    assert all("on landscapes the unbalanced set's style is stronger (−0.4" in line for line in lines[-1, 0])
    assert all("there is no clear difference (+0.2" in line for line in lines[0.3, 0.2]), "two trainings of three agree, one does not"


def test_additive_effects_do_not_interact(tmp_path: Path) -> None:
    def rows(run: GenerationRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
        shown = 0.1 + 0.3 * bool(run.applied_styles) + 0.2 * bool(run.suffix)
        return {"look.watercolor": np.full(3, shown), "labels.all": np.ones(3), "words.clip": np.ones(3)}

    study = STUDIES["prompting"](SETTING)
    _, metrics, _ = build_report(study, SETTING, fake_results(study, tmp_path, rows))
    effects = {metric.key: metric for metric in metrics if isinstance(metric, Metric)}
    assert effects["adapter"].value == pytest.approx(0.3)
    assert effects["words.trigger"].value == pytest.approx(0.2)
    assert effects["interaction.trigger"].value == pytest.approx(0.0, abs=1e-9)


def test_an_ablation_names_the_cheapest_equal_and_the_settings_that_matter(tmp_path: Path) -> None:
    def rows(run: GenerationRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
        rank = run.applied_styles[0].training.rank if run.applied_styles else 0
        shown = {0: 0.0, 2: 0.2, 8: 0.8, 32: 0.8}[rank] + np.array([-0.1, 0.0, 0.1]) * (rank or 1) / 32
        return {"look.watercolor": shown, "labels.all": np.ones(3), "words.clip": np.ones(3)}

    settings = replace(SETTING, grid=(("rank", (2.0, 8.0, 32.0)), ("steps", (2.0, 4.0))))
    study = STUDIES["ablation"](settings)
    page, _, conclusions = build_report(study, settings, fake_results(study, tmp_path, rows))
    assert "the cheapest of all these is rank 8, steps 2" in conclusions
    assert "the style score rises with: rank 2 to 32 (+0.6" in conclusions
    assert "No clear effect of: steps 2 to 4" in conclusions
    assert html(page).count("best") >= 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("ablation", r"None of 4 trainings shows the style more than the base"), ("methods", "so none is best: train longer")],
)
def test_without_an_effect_no_training_is_called_best(name: str, text: str, tmp_path: Path) -> None:
    def rows(run: GenerationRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(run.prompts) * run.seeds
        looks, subject = {f"look.{look}": np.full(n, 1e-4) for look in run.looks}, {f"subject.{run.subject}": np.full(n, 1e-4)}
        return {"words.clip": np.ones(n), "labels.all": np.ones(n), **looks, **(subject if run.subject else {})}

    settings = replace(SETTING, grid=(("rank", (2.0, 8.0)), ("steps", (2.0, 4.0)))) if name == "ablation" else SETTING
    study = STUDIES[name](settings)
    conclusions = build_report(study, settings, fake_results(study, tmp_path, rows))[2]
    assert text in conclusions
    assert "highest style score" not in conclusions
    assert "has the highest score" not in conclusions
    assert "cheapest" not in conclusions


def test_only_training_settings_can_be_varied() -> None:
    assert parse_grid(["batch=2,4"]) == (("batch", (2.0, 4.0)),)
    with pytest.raises(InputError, match="one of batch, rank, rate"):
        parse_grid(["width=3"])
    with pytest.raises(InputError, match="write numbers"):
        parse_grid(["rank=small"])


def test_a_study_folder_is_locked(tmp_path: Path) -> None:
    out = tmp_path / "study"
    with locked_folder(out), pytest.raises(InputError, match=r"another process is running the study in .*study: wait for it"):
        list(run_table((), out, "sketchbook"))
    assert [step.total for step in run_table((), out, "sketchbook")] == [0]


def test_a_study_that_was_killed_as_it_began_begins_again(tmp_path: Path) -> None:
    draft = tmp_path / ".0123456789abcdef.part"
    draft.touch()
    check_report(tmp_path)
    with locked_folder(tmp_path):
        assert not draft.exists()
