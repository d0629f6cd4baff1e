"""The six studies as tables: what would be run, and how what came of it is laid out."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import InputError
from sakuga.evaluation.figure import Figure, to_json
from sakuga.evaluation.report import html
from sakuga.studies.ablation import parse_grid
from sakuga.studies.conclusions import sorted_out
from sakuga.studies.folders import INFERENCE, ROWS, RunFolder, alone_in, begin_run, known_runs
from sakuga.studies.results import Results
from sakuga.studies.running import run_table
from sakuga.studies.search import make_sampler
from sakuga.studies.service import STUDIES, laid_out
from sakuga.studies.study import Study, budget_words, plan_words, seconds
from sakuga.studies.tables import Setting
from sakuga.studies.values import Folder, Lesson, Named, Teach, Trial, Wear, digest, in_order, needs
from sakuga.studio.evaluation.reports import said_as_json

MODEL = "0" * 64
PROMPTS = ("a castle at sunset", "the sea at night", "a portrait of a girl")
SETTING = Setting(model="sketchbook", digest=MODEL, quick=True, prompts=PROMPTS)
FULL = replace(SETTING, quick=False, prompts=())
Rows = Callable[[Trial, np.random.Generator], dict[str, np.ndarray]]


def performed(study: Study, out: Path, rows: Rows) -> Results:
    """Stand in for the runs of a study: small pictures, and rows as they are given."""
    folders: dict[str, RunFolder] = {}
    for one in in_order(study.runs):
        folder = folders[digest(one.run)] = begin_run(out, one)
        if isinstance(one.run, Trial):
            prompts = [prompt for prompt in one.run.prompts for _ in range(one.run.seeds)]
            (folder / INFERENCE).mkdir()
            for number in range(1, len(prompts) + 1):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / INFERENCE / f"{number:04d}.webp")
            made = {key: list(row) for key, row in rows(one.run, np.random.default_rng(len(folders))).items()}
            (folder / ROWS).write_text(said_as_json({"prompt": prompts, "name": ["seed"] * len(prompts), **made}))
        folder.finish({"seconds": 1.0, "processor_seconds": 10.0 * len(folders), "peak_memory_mb": 900.0, "file_kb": 50.0 * len(folders)})
    return Results(folders=folders, performed=len(folders))


def by_weight(run: Trial, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What an adapter does here: the look is read as surely as it is worn, and a little of the rest is lost."""
    n, worn = len(run.prompts) * run.seeds, sum(wear.weight for wear in run.wears)
    looks = {f"look.{look}": np.clip(0.1 + 0.7 * worn + rng.normal(0, 0.02, n), 0, 1) for look in run.looks}
    subject = {f"subject.{run.subject}": np.full(n, 0.1 + 0.5 * worn)} if run.subject else {}
    return {"words.clip": 30 + rng.normal(0, 1, n), "labels.all": np.full(n, 0.9 - 0.1 * worn), **looks, **subject}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_lays_one_report_out_over_all_its_runs(name: str, tmp_path: Path) -> None:
    study = STUDIES[name](SETTING)
    page, outcomes, found = laid_out(study, SETTING, performed(study, tmp_path, by_weight))
    said = html(page)
    assert [block.text for block in page.sections[0].blocks] == found.splitlines()  # type: ignore[union-attr]
    assert said.count("<svg") >= 2
    assert said.count("data:image/webp") >= 6
    assert "nan" not in said.replace("dominant", "").lower().split("<style>")[0]
    figures = to_json(outcomes)
    assert len([key for key in figures if key.startswith("n.")]) == len(outcomes)


@pytest.mark.parametrize("name", STUDIES)
def test_all_trainings_of_a_study_have_one_budget_and_all_trials_the_same_prompts(name: str) -> None:
    study = STUDIES[name](FULL)
    taught = [one.run for one in in_order(study.runs) if isinstance(one.run, Teach)]
    trials = [one.run for one in study.runs if isinstance(one.run, Trial)]
    budgets = {(teach.steps, teach.batch) for teach in taught}
    assert len(budgets) == {"ablation": 2, "curation": 2}.get(name, 1), (
        "an ablation varies it; curation is at equal steps and at equal passes"
    )
    assert len({trial.prompts for trial in trials}) <= 2
    assert len({trial.steps for trial in trials}) == 1
    assert all(len(trial.prompts) * trial.seeds >= 16 for trial in trials)


def test_curation_compares_at_equal_steps_at_equal_passes_and_where_only_the_balance_differs() -> None:
    taught = {one.name: one.run for one in STUDIES["curation"](FULL).runs if isinstance(one.run, Teach)}
    few, less, many, even = (
        taught[f"teach {name}, seed 0"] for name in ("unbalanced", "unbalanced, fewer steps", "balanced", "balanced, as few")
    )
    assert few.steps == many.steps == even.steps
    passes = [one.steps * one.batch / one.source.count for one in (less, many)]
    assert passes[0] == pytest.approx(passes[1], rel=0.02)
    assert few.source.count == even.source.count == 50
    assert [one.source.portraits for one in (few, many, even) if isinstance(one.source, Lesson)] == [5, 100, 33]
    assert len({one.source for one in taught.values()}) == 9, "each repeat has sets of its own"
    said = budget_words(taught.values())
    assert said == "200 steps of 8 pictures (32 passes over 50 and 10.7 passes over 150); 67 steps of 8 pictures (10.7 passes over 50)"


def test_sets_and_prompts_of_ones_own_are_told_apart_or_refused() -> None:
    own = tuple(Folder(path=f"/{name}", digest=name * 64, trigger="x", count=count) for name, count in (("a", 20), ("b", 80)))
    taught = {one.name: one.run for one in STUDIES["curation"](replace(FULL, sets=own)).runs if isinstance(one.run, Teach)}
    assert {(one.source, one.steps) for one in taught.values()} == {(own[0], 200), (own[1], 200), (own[0], 50)}
    with pytest.raises(InputError, match="none of the prompts asks for a portrait: portraits begin with 'a portrait of' or"):
        STUDIES["curation"](replace(SETTING, prompts=("the sea",)))


def test_all_six_fit_into_an_hour_of_one_core_as_they_share_runs() -> None:
    runs = {digest(one.run): one.run for lay in STUDIES.values() for one in in_order(lay(FULL).runs)}
    assert sum(seconds(run) for run in runs.values()) < 60 * 60
    alone = [len(in_order(lay(FULL).runs)) for lay in STUDIES.values()]
    assert len(runs) < sum(alone)


def test_a_search_asks_for_ever_new_places_of_the_grid_and_learns_from_what_it_is_told() -> None:
    def walk(rounds: int) -> list[tuple[float, ...]]:
        sampler = make_sampler((("rank", (2.0, 4.0, 8.0)), ("rate", (1e-3, 2e-3, 4e-3))))
        asked = []
        for _ in range(rounds):
            trial, place = sampler.ask()
            sampler.tell(trial, place[1] - abs(place[0] - 4.0))
            asked.append(place)
        return asked

    first = walk(24)
    assert first == walk(24)
    assert first[12:].count((4.0, 4e-3)) > 4, "the best of nine places, by chance asked for once or twice"


def test_judges_decide_no_picture_and_so_no_name() -> None:
    trial = Trial(model=MODEL, prompts=("a",))
    assert digest(trial) == digest(replace(trial, looks=("comic",), subject="castle"))
    assert digest(trial) != digest(replace(trial, suffix="comic"))


@pytest.mark.parametrize(("low", "high", "said"), [(0.1, 0.3, "more: it"), (-0.3, -0.1, "less: it"), (-0.1, 0.3, "same: it")])
def test_a_verdict_goes_by_the_interval(low: float, high: float, said: str) -> None:
    outcome = Figure(key="more", value=(low + high) / 2, n=8, low=low, high=high)
    assert sorted_out({"it": outcome}, "more", "less", "same").startswith(said)


def test_a_run_is_named_by_its_content_and_not_by_where_its_set_lies() -> None:
    first = Teach(model=MODEL, source=Folder(path="/here", digest="a" * 64, trigger="x", count=3))
    assert digest(first) == digest(replace(first, source=replace(first.source, path="/there", count=4)))
    names = {digest(run) for run in (first, replace(first, rank=4), replace(first, source=Lesson()), Trial(model=MODEL, prompts=("a",)))}
    assert len(names) == 4
    worn = Trial(model=MODEL, prompts=("a",), wears=(Wear(taught=first),))
    assert digest(worn) != digest(replace(worn, wears=(Wear(taught=first, weight=0.5),)))


def test_what_a_run_needs_comes_before_it_and_each_run_once() -> None:
    teach = Teach(model=MODEL, source=Lesson())
    trials = [Trial(model=MODEL, prompts=(prompt,), wears=(Wear(taught=teach),)) for prompt in "ab"]
    table = in_order(tuple(Named(name=str(place), run=run) for place, run in enumerate([*trials, trials[0]])))
    assert [one.run for one in table] == [teach, *trials]
    for place, one in enumerate(table):
        assert all(needed in [before.run for before in table[:place]] for needed in needs(one.run))


def test_a_plan_tells_what_is_left_and_how_long_it_takes() -> None:
    study = STUDIES["styles"](SETTING)
    done = {digest(in_order(study.runs)[0].run)}
    first, budget, *rows, last = plan_words(study, done, 2, digest)
    assert budget == "  each training: 4 steps of 2 pictures (1.33 passes over 6)"
    assert first == f"styles: {len(rows) + 1} runs, 1 of them finished before"
    assert "with 2 at a time" in last


def test_a_run_of_several_sittings_tells_all_of_its_time(tmp_path: Path) -> None:
    folder = begin_run(tmp_path, Named(name="one", run=Trial(model=MODEL, prompts=("a",))))
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


def test_finished_runs_are_found_again_and_damaged_ones_are_not(tmp_path: Path) -> None:
    one, two = (Named(name=name, run=Trial(model=MODEL, prompts=(name,))) for name in ("one", "two"))
    begin_run(tmp_path, one).finish({"seconds": 1.0})
    (begin_run(tmp_path, two).path / "config.json").write_text("{")
    known = known_runs(tmp_path)
    assert list(known) == [digest(one.run)]
    assert known[digest(one.run)].finished


def test_curation_says_what_the_data_say_whichever_way_it_falls(tmp_path: Path) -> None:
    faces = tuple(f"{words} {who}" for words in ("a portrait of", "a close-up of") for who in ("a girl", "a man", "an old woman"))
    land = ("a castle at sunset", "the sea at night", "a forest", "a village", "a lake", "a harbour")
    setting = replace(FULL, prompts=faces + land)

    def by_set(better: float, waver: float = 0.0) -> Rows:
        def rows(run: Trial, rng: np.random.Generator) -> dict[str, np.ndarray]:
            taught = run.wears[0].taught if run.wears else None
            balanced = taught is not None and taught.source.portraits > 5  # type: ignore[union-attr]
            apart = waver * (-1) ** taught.seed if taught else 0.0
            shown = 0.5 + (0.2 * better + apart) * (1 if balanced else -1)
            return {"look.watercolor": np.full(6, shown) + rng.normal(0, 0.001, 6), "labels.all": np.ones(6), "words.clip": np.ones(6)}

        return rows

    study = STUDIES["curation"](setting)
    told = {
        (better, waver): laid_out(study, setting, performed(study, tmp_path / f"{better}{waver}", by_set(better, waver)))[2].splitlines()
        for better, waver in ((1, 0), (-1, 0), (0.3, 0.2))
    }
    assert len(told[1, 0]) == 3
    for line, equal in zip(told[1, 0], ("At equal steps", "At equal passes over the set", "At equal steps, passes and size"), strict=True):
        assert line.startswith(equal)
        assert "on portraits the style of the balanced set shows more (+0.4" in line
    assert all("on landscapes the style of the unbalanced set shows more (−0.4" in line for line in told[-1, 0])
    assert all("they cannot be told apart (+0.2" in line for line in told[0.3, 0.2]), "two trainings of three say so, and one the contrary"


def test_words_and_adapter_that_add_up_do_not_interact(tmp_path: Path) -> None:
    def rows(run: Trial, rng: np.random.Generator) -> dict[str, np.ndarray]:
        shown = 0.1 + 0.3 * bool(run.wears) + 0.2 * bool(run.suffix)
        return {"look.watercolor": np.full(3, shown), "labels.all": np.ones(3), "words.clip": np.ones(3)}

    study = STUDIES["prompting"](SETTING)
    _, outcomes, _ = laid_out(study, SETTING, performed(study, tmp_path, rows))
    found = {one.key: one for one in outcomes if isinstance(one, Figure)}
    assert found["adapter"].value == pytest.approx(0.3)
    assert found["words.trigger"].value == pytest.approx(0.2)
    assert found["interaction.trigger"].value == pytest.approx(0.0, abs=1e-9)


def test_an_ablation_names_what_is_as_good_and_cheaper_and_which_field_matters(tmp_path: Path) -> None:
    def rows(run: Trial, rng: np.random.Generator) -> dict[str, np.ndarray]:
        rank = run.wears[0].taught.rank if run.wears else 0
        shown = {0: 0.0, 2: 0.2, 8: 0.8, 32: 0.8}[rank] + np.array([-0.1, 0.0, 0.1]) * (rank or 1) / 32
        return {"look.watercolor": shown, "labels.all": np.ones(3), "words.clip": np.ones(3)}

    setting = replace(SETTING, grid=(("rank", (2.0, 8.0, 32.0)), ("steps", (2.0, 4.0))))
    study = STUDIES["ablation"](setting)
    page, _, found = laid_out(study, setting, performed(study, tmp_path, rows))
    assert "the cheapest of them all is rank 8, steps 2" in found
    assert "more is shown by: rank 2 to 32 (+0.6" in found
    assert "No clear difference is made by: steps 2 to 4" in found
    assert html(page).count("best") >= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("ablation", r"None of 4 trainings shows the style more surely than the base"), ("methods", "so none is best: teach longer")],
)
def test_where_nothing_is_learnt_no_training_is_called_best(name: str, said: str, tmp_path: Path) -> None:
    def rows(run: Trial, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(run.prompts) * run.seeds
        looks, subject = {f"look.{look}": np.full(n, 1e-4) for look in run.looks}, {f"subject.{run.subject}": np.full(n, 1e-4)}
        return {"words.clip": np.ones(n), "labels.all": np.ones(n), **looks, **(subject if run.subject else {})}

    setting = replace(SETTING, grid=(("rank", (2.0, 8.0)), ("steps", (2.0, 4.0)))) if name == "ablation" else SETTING
    study = STUDIES[name](setting)
    found = laid_out(study, setting, performed(study, tmp_path, rows))[2]
    assert said in found
    assert "surely with" not in found
    assert "shows it most" not in found
    assert "cheapest" not in found


def test_any_field_of_a_training_can_be_varied_and_others_are_refused() -> None:
    assert parse_grid(["batch=2,4"]) == (("batch", (2.0, 4.0)),)
    with pytest.raises(InputError, match="one of batch, rank, rate"):
        parse_grid(["width=3"])
    with pytest.raises(InputError, match="write numbers"):
        parse_grid(["rank=small"])


def test_one_process_at_a_time_works_at_a_study(tmp_path: Path) -> None:
    out = tmp_path / "study"
    with alone_in(out), pytest.raises(InputError, match=r"another process is at work on the study in .*study: wait for it"):
        list(run_table((), out, "sketchbook"))
    assert [step.total for step in run_table((), out, "sketchbook")] == [0]
