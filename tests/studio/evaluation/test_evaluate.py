"""Reports on images, clips and styles, with the Sketchbook's own metric models."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sakuga import SakugaError, studio
from sakuga.evaluation.metric import Metric, NotMeasured
from sakuga.export import read_recipe, write
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import LORA_FILE
from sakuga.sketchbook.scene import sample
from sakuga.studio import EvaluationRequest, FilmSettings, evaluate
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.clip_page import clip_page
from sakuga.studio.evaluation.frame_prompts import frame_prompts
from sakuga.studio.evaluation.measured_clip import measure_clip
from sakuga.studio.evaluation.metric_models import MetricModels, load_metric_models
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

CLIPS = Path(__file__).parents[3] / "docs" / "clips"
QUICK = FilmSettings(steps=2)


@pytest.fixture(scope="module")
def models() -> MetricModels:
    return load_metric_models("sketchbook", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of each of two prompts, with their recipes."""
    out = tmp_path_factory.mktemp("generated") / "full"
    prompts, settings = ["a castle at sunset", "the sea at night"], FilmSettings(steps=2, size=(128, 128))
    studio.draw(prompts, out, images_per_prompt=2, settings=settings, store=out.parent / "frames").result()
    return out


def measured(subject: Path, out: Path, **options: object) -> dict[str, Metric | NotMeasured]:
    report = evaluate(EvaluationRequest(subject=str(subject), **{"settings": QUICK, **options}), out, store=out.parent / "frames").result()  # type: ignore[arg-type]
    assert {file.name for file in out.iterdir()} == {"report.html", "metrics.json", "config.json"}
    return {metric.key: metric for metric in report.metrics}


def moving_clip(path: Path, faults: dict[int, np.ndarray]) -> Path:
    """A scene that a camera passes, with some frames replaced."""
    wide = np.asarray(sample(5).at(1.0).image(192, 128))
    images = [np.ascontiguousarray(faults.get(index, wide[:, 2 * index : 2 * index + 128])) for index in range(24)]
    write(Clip(frames=tuple(Frame(image=image, spec=Given(image="0" * 64)) for image in images), rate=Fraction(12)), path)
    return path


def test_a_clip_report_names_bad_frames(models: MetricModels, tmp_path: Path) -> None:
    faults = {9: np.full((128, 128, 3), 128, np.uint8), 17: np.asarray(sample(6).at(1.0).image(128, 128))}
    clip = Work(measure_clip(moving_clip(tmp_path / "faulty.webp", faults), models, None)).result()
    assert {bad.worst for bad in clip.bad} >= {9, 17}
    assert next(bad.fault for bad in clip.bad if bad.worst == 9) == "blank"
    page = clip_page(clip)
    text = str(page.sections)
    assert "shows a single color" in text
    assert "a jump, or a cut" in text
    shown = clip_page(replace(clip, name="A castle at dusk", in_studio=True))
    assert shown.title == "Clip A castle at dusk"
    assert "press Redo (R)" in str(shown.sections)
    assert "sakuga " not in str(shown)


def test_a_faulty_clip_is_worse_than_a_good_one(tmp_path: Path) -> None:
    good = moving_clip(tmp_path / "good.webp", {})
    bad = moving_clip(tmp_path / "bad.webp", {12: np.asarray(sample(6).at(1.0).image(128, 128))})
    metrics = measured(good, tmp_path / "report", against=str(bad), text="a castle")
    for key in ("motion.judder", "motion.unevenness", "colour.drift"):
        difference = metrics[f"more.{key}"]
        assert isinstance(difference, Metric)
        assert difference.value < 0, key
    assert isinstance(metrics["words.clip"], Metric)
    stored = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert stored["n.words.clip"] == 24
    assert json.loads((tmp_path / "report" / "config.json").read_text())["bad_frames"] == []
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<h2>Side by side</h2>" in page
    assert "bad.webp" in page.split('class="tiles"')[1].split("</dl>")[0], "the other clip's value is in the tiles too"
    assert ">loop gap</dt>" not in page, "a clip that is no loop has no loop gap in its tiles"


def test_a_clip_without_prompts_has_no_prompt_score(models: MetricModels, tmp_path: Path) -> None:
    clip = Work(measure_clip(moving_clip(tmp_path / "mute.gif", {}), models, None)).result()
    words = next(metric for metric in clip.metrics if metric.key == "words.clip")
    assert isinstance(words, NotMeasured)
    assert "--text" in words.instead


@pytest.mark.parametrize("name", ["night.webp", "castle.webp"])
def test_a_recipe_gives_the_prompts_of_each_frame(name: str) -> None:
    text = read_recipe(CLIPS / name)
    assert text
    shown = frame_prompts(parse_recipe(text, name), find_checkpoint("sketchbook"))
    assert shown
    assert [part.first for part in shown.parts] == sorted({part.first for part in shown.parts})
    assert len(shown.prompts[0]) == len(shown.prompts[-1]) == 1
    assert shown.prompts[0] != shown.prompts[-1]
    assert all(sum(share for _, share in prompts) == pytest.approx(1.0) for prompts in shown.prompts)
    assert not any("(" in text for prompts in shown.prompts for text, _ in prompts)


def test_a_folder_is_scored_by_the_prompts_of_its_recipes(folder: Path, tmp_path: Path) -> None:
    metrics = measured(folder, tmp_path / "report", text="a castle")
    words, labels, text = metrics["words.clip"], metrics["labels.all"], metrics["text.clip"]
    assert isinstance(words, Metric) and isinstance(labels, Metric) and isinstance(text, Metric)  # noqa: PT018
    assert words.n == labels.n == text.n == 4
    assert words.low is not None
    assert isinstance(metrics["diversity"], Metric)
    assert "prefer the label classifier" in words.note
    assert isinstance(metrics["inception"], NotMeasured)
    assert "4 images do not fill" in metrics["inception"].reason


def test_a_folder_equals_itself_and_small_sets_have_no_frechet_distance(folder: Path, tmp_path: Path) -> None:
    metrics = measured(folder, tmp_path / "report", against=str(folder))
    difference = metrics["more.words.clip"]
    assert isinstance(difference, Metric)
    assert difference.value == 0
    assert isinstance(metrics["ssim"], Metric)
    assert metrics["ssim"].value == pytest.approx(1.0)
    assert isinstance(metrics["apart.fd"], NotMeasured)
    assert "2 prompts" in (tmp_path / "report" / "report.html").read_text()


def test_only_copies_are_compared_pixel_by_pixel(folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a castle\n")
    plain, turned = copied(folder, tmp_path / "plain"), copied(folder, tmp_path / "turned")
    names = [path.read_bytes() for path in sorted(turned.iterdir())]
    for path, other in zip(sorted(turned.iterdir()), names[::-1], strict=True):
        path.write_bytes(other)
    metrics = measured(plain, tmp_path / "report", against=str(turned), prompts=prompts)
    assert isinstance(metrics["ssim"], NotMeasured)
    assert "no copies of each other" in metrics["ssim"].reason
    smaller = copied(folder, tmp_path / "smaller", size=96)
    metrics = measured(plain, tmp_path / "report", against=str(smaller), prompts=prompts)
    assert isinstance(metrics["psnr_db"], NotMeasured)
    assert "pair 4 has 96x96 and 128x128 pixels" in metrics["psnr_db"].reason


def copied(folder: Path, out: Path, count: int = 4, size: int | None = None) -> Path:
    """Copy images without their recipes; the last one at another size."""
    out.mkdir()
    for path in sorted(folder.iterdir())[:count]:
        with Image.open(path) as image:
            last = path.name == "0004.png" and size
            (image.resize((size, size)) if last and size else image).save(out / path.name)
    return out


def test_a_prompt_file_replaces_recipes_and_skips_blank_lines_and_comments(folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("# four\na castle\n\na tower\n  # more\nthe sea\na boat\n\n")
    metrics = measured(copied(folder, tmp_path / "plain", size=96), tmp_path / "report", prompts=prompts)
    assert isinstance(metrics["words.clip"], Metric)
    prompts.write_text("a castle\na tower\n")
    with pytest.raises(SakugaError, match="2 prompts for the 4 images"):
        measured(folder, tmp_path / "other", prompts=prompts)


def test_one_image_has_metrics_without_interval(folder: Path, tmp_path: Path) -> None:
    metrics = measured(copied(folder, tmp_path / "alone", count=1), tmp_path / "report", text="a castle")
    text = metrics["text.clip"]
    assert isinstance(text, Metric)
    assert (text.n, text.interval) == (1, None)
    assert isinstance(metrics["words.clip"], NotMeasured)
    assert isinstance(metrics["diversity"], NotMeasured)


def test_unpaired_folders_are_compared_as_sets_with_a_note(folder: Path, tmp_path: Path) -> None:
    few = copied(folder, tmp_path / "few", count=3)
    request = EvaluationRequest(subject=str(folder), against=str(few), settings=QUICK)
    notes = [step.note for step in evaluate(request, tmp_path / "report")]
    assert any("full has 4 images and few has 3" in note for note in notes)
    assert "more.words.clip" not in json.loads((tmp_path / "report" / "metrics.json").read_text())


def test_a_runs_style_is_compared_with_its_base_from_the_same_noise(tmp_path: Path) -> None:
    run = tmp_path / "run"
    style, width = run / "style", 128
    style.mkdir(parents=True)
    (run / "checkpoints").mkdir()
    (run / "config.json").write_text(json.dumps({"method": {"kind": "lora"}, "steps": 20, "learning_rate": 0.001}))
    (run / "metrics.json").write_text(json.dumps({"style": "style"}))
    (run / "metrics.jsonl").write_text('{"step": 10, "loss": 0.5}\n{"step": 20, "loss": 0.4}\n{"step": 2')
    down, up = torch.randn(2, 2, width, generator=torch.Generator().manual_seed(1)).unbind(0)
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
    save_file({f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up.T.contiguous()}, style / LORA_FILE)
    (style / "style.toml").write_text('trigger = "watercolor"\n')
    metrics = measured(run, tmp_path / "report", count=2, seeds=1)
    for key in ("base.words.clip", "style.words.clip", "more.labels.all", "style.look.watercolor", "style.direction"):
        assert isinstance(metrics[key], Metric), key
    assert isinstance(metrics["style.references.kid"], Metric)
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count('class="column"') >= 2
    assert str(tmp_path) not in page
    assert "Loss" in page
    assert "0.001" in page
    repeated = measured(style, tmp_path / "report", count=2, seeds=1)
    assert repeated == metrics
    other = measured(style, tmp_path / "against", count=2, seeds=1, against="cel")
    assert {"base.look.cel", "style.look.cel", "style.look.watercolor", "more.look.cel", "more.look.watercolor"} <= other.keys()
    assert other["style.words.clip"] == metrics["style.words.clip"]
    assert other["base.words.clip"] != metrics["base.words.clip"]
    assert "generated in cel and in run" in (tmp_path / "against" / "report.html").read_text()


def test_invalid_subjects_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "single.png").write_bytes((folder / "0001.png").read_bytes())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    unfinished = tmp_path / "run"
    (unfinished / "checkpoints").mkdir(parents=True)
    (unfinished / "config.json").write_text("{}")
    cases = [
        (tmp_path / "empty", {}, "holds no image"),
        (tmp_path / "single.png", {}, "give their folder"),
        (tmp_path / "nothing", {}, "no such folder, clip or style"),
        (unfinished, {}, "not finished: continue it with --resume"),
        (folder, {"against": str(tmp_path / "single.png")}, "is no folder"),
        ("cel", {"against": str(folder)}, "is no style: compare a style with another style"),
        ("cel", {"against": "nothing"}, "no style 'nothing'"),
    ]
    for subject, options, message in cases:
        with pytest.raises(SakugaError, match=message):
            evaluate(EvaluationRequest(subject=str(subject), **options), tmp_path / "report").result()  # type: ignore[arg-type]
    with pytest.raises(SakugaError, match="holds other files than a report"):
        evaluate(EvaluationRequest(subject=str(folder)), tmp_path / "mine").result()
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in whose library has the style "ink", with folders named like styles."""
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name, seed in (("ink", 1), ("ink-files", 2)):
        down, up = torch.randn(2, 2, 128, generator=torch.Generator().manual_seed(seed)).unbind(0)
        layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
        (tmp_path / name).mkdir()
        save_file({f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up.T.contiguous()}, tmp_path / name / LORA_FILE)
    studio.add_style("ink", "riso")
    for name in ("riso", "watercolor"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_styles_are_named_alike_everywhere(home: Path) -> None:
    metrics = measured(Path("riso"), home / "report", against="watercolor", count=1, seeds=1)
    assert isinstance(metrics["style.words.clip"], Metric)
    assert "generated in watercolor and in riso" in (home / "report" / "report.html").read_text()
    by_path = measured(Path("ink-files"), home / "other", against="riso:0.5", count=1, seeds=1)
    assert isinstance(by_path["style.words.clip"], Metric)


def test_a_folder_named_like_a_style_is_given_as_a_path(home: Path, folder: Path) -> None:
    copied(folder, home / "cel")
    request = EvaluationRequest(subject="./cel", settings=QUICK)
    assert "words.clip" in {metric.key for metric in evaluate(request, home / "report").result().metrics}
    work = evaluate(EvaluationRequest(subject="cel", settings=QUICK, count=1, seeds=1), home / "styles")
    assert any("for the folder write ./cel" in step.note for step in work)
