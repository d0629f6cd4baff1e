"""Reports on pictures, clips and styles: real files, the Sketchbook's own judges."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sakuga import SakugaError, studio
from sakuga.evaluation.figure import Figure, Refused
from sakuga.export import read_recipe, write
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import LORA
from sakuga.sketchbook.scene import sample
from sakuga.studio import Asked, FilmSettings, evaluate
from sakuga.studio.animate.remake import parse_recipe
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.clip_page import clip_page
from sakuga.studio.evaluation.clips import watch_clip
from sakuga.studio.evaluation.judges import Judges, call_judges
from sakuga.studio.evaluation.shown import shown_by
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

CLIPS = Path(__file__).parents[2] / "docs" / "clips"
QUICK = FilmSettings(steps=2)


@pytest.fixture(scope="module")
def judges() -> Judges:
    return call_judges("sketchbook", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each of two prompts, with their recipes."""
    place = tmp_path_factory.mktemp("drawn") / "pictures"
    prompts, how = ["a castle at sunset", "the sea at night"], FilmSettings(steps=2, size=(128, 128))
    studio.draw(prompts, place, each=2, settings=how, store=place.parent / "frames").result()
    return place


def measured(thing: Path, out: Path, **asked: object) -> dict[str, Figure | Refused]:
    made = evaluate(Asked(thing=str(thing), **{"settings": QUICK, **asked}), out, store=out.parent / "frames").result()  # type: ignore[arg-type]
    assert {file.name for file in out.iterdir()} == {"report.html", "metrics.json", "config.json"}
    return {one.key: one for one in made.figures}


def moving_clip(path: Path, faults: dict[int, np.ndarray]) -> Path:
    """A scene that a camera passes, with some frames replaced."""
    wide = np.asarray(sample(5).at(1.0).picture(192, 128))
    pictures = [np.ascontiguousarray(faults.get(place, wide[:, 2 * place : 2 * place + 128])) for place in range(24)]
    write(Clip(frames=tuple(Frame(picture=one, spec=Given(picture="0" * 64)) for one in pictures), rate=Fraction(12)), path)
    return path


def test_a_scorecard_names_the_frames_that_are_bad(judges: Judges, tmp_path: Path) -> None:
    faults = {9: np.full((128, 128, 3), 128, np.uint8), 17: np.asarray(sample(6).at(1.0).picture(128, 128))}
    clip = Work(watch_clip(moving_clip(tmp_path / "faulty.webp", faults), judges, None)).result()
    assert {bad.worst for bad in clip.bad} >= {9, 17}
    assert next(bad.why for bad in clip.bad if bad.worst == 9) == "blank"
    page = clip_page(clip)
    said = str(page.sections)
    assert "shows a single colour" in said
    assert "a jump, or a cut" in said


def test_a_faulty_clip_is_worse_than_a_good_one(tmp_path: Path) -> None:
    good = moving_clip(tmp_path / "good.webp", {})
    bad = moving_clip(tmp_path / "bad.webp", {12: np.asarray(sample(6).at(1.0).picture(128, 128))})
    found = measured(good, tmp_path / "report", against=str(bad), text="a castle")
    for key in ("motion.judder", "motion.unevenness", "colour.drift"):
        more = found[f"more.{key}"]
        assert isinstance(more, Figure)
        assert more.value < 0, key
    assert isinstance(found["words.clip"], Figure)
    told = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert told["n.words.clip"] == 24
    assert json.loads((tmp_path / "report" / "config.json").read_text())["bad_frames"] == []
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<h2>Side by side</h2>" in page
    assert "bad.webp" in page.split('class="tiles"')[1].split("</dl>")[0], "what it is held against is read first, too"
    assert ">loop gap</dt>" not in page, "a clip that is no loop is not judged as one"


def test_a_clip_that_tells_no_words_is_not_scored_by_them(judges: Judges, tmp_path: Path) -> None:
    clip = Work(watch_clip(moving_clip(tmp_path / "mute.gif", {}), judges, None)).result()
    words = next(one for one in clip.outcomes if one.key == "words.clip")
    assert isinstance(words, Refused)
    assert "--text" in words.instead


@pytest.mark.parametrize("name", ["night.webp", "castle.webp"])
def test_the_recipe_in_a_clip_tells_what_each_frame_shows(name: str) -> None:
    text = read_recipe(CLIPS / name)
    assert text
    shown = shown_by(parse_recipe(text, name), find_checkpoint("sketchbook"))
    assert shown
    assert [part.first for part in shown.parts] == sorted({part.first for part in shown.parts})
    assert len(shown.words[0]) == len(shown.words[-1]) == 1
    assert shown.words[0] != shown.words[-1]
    assert all(sum(share for _, share in words) == pytest.approx(1.0) for words in shown.words)
    assert not any("(" in said for words in shown.words for said, _ in words)


def test_a_folder_is_judged_by_the_words_of_its_recipes(folder: Path, tmp_path: Path) -> None:
    found = measured(folder, tmp_path / "report", text="a castle")
    words, labels, text = found["words.clip"], found["labels.all"], found["text.clip"]
    assert isinstance(words, Figure) and isinstance(labels, Figure) and isinstance(text, Figure)  # noqa: PT018
    assert words.n == labels.n == text.n == 4
    assert words.low is not None
    assert isinstance(found["diversity"], Figure)
    assert "label classifier leads" in words.note
    assert isinstance(found["inception"], Refused)
    assert "4 pictures do not fill" in found["inception"].reason


def test_a_folder_against_itself_differs_in_nothing_and_sets_this_small_are_refused(folder: Path, tmp_path: Path) -> None:
    found = measured(folder, tmp_path / "report", against=str(folder))
    more = found["more.words.clip"]
    assert isinstance(more, Figure)
    assert more.value == 0
    assert isinstance(found["ssim"], Figure)
    assert found["ssim"].value == pytest.approx(1.0)
    assert isinstance(found["apart.fd"], Refused)
    assert "2 prompts" in (tmp_path / "report" / "report.html").read_text()


def test_pairs_that_are_no_copies_are_not_compared_pixel_by_pixel(folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a castle\n")
    plain, turned = copied(folder, tmp_path / "plain"), copied(folder, tmp_path / "turned")
    names = [path.read_bytes() for path in sorted(turned.iterdir())]
    for path, other in zip(sorted(turned.iterdir()), names[::-1], strict=True):
        path.write_bytes(other)
    found = measured(plain, tmp_path / "report", against=str(turned), prompts=prompts)
    assert isinstance(found["ssim"], Refused)
    assert "no copies of each other" in found["ssim"].reason
    smaller = copied(folder, tmp_path / "smaller", size=96)
    found = measured(plain, tmp_path / "report", against=str(smaller), prompts=prompts)
    assert isinstance(found["psnr_db"], Refused)
    assert "pair 4 is of 96x96 and 128x128 pixels" in found["psnr_db"].reason


def copied(folder: Path, place: Path, count: int = 4, size: int | None = None) -> Path:
    """Copy pictures without their recipes; the last one at another size."""
    place.mkdir()
    for path in sorted(folder.iterdir())[:count]:
        with Image.open(path) as image:
            last = path.name == "0004.png" and size
            (image.resize((size, size)) if last and size else image).save(place / path.name)
    return place


def test_words_of_a_file_stand_for_recipes_and_blank_lines_and_comments_for_nothing(folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("# four\na castle\n\na tower\n  # more\nthe sea\na boat\n\n")
    found = measured(copied(folder, tmp_path / "plain", size=96), tmp_path / "report", prompts=prompts)
    assert isinstance(found["words.clip"], Figure)
    prompts.write_text("a castle\na tower\n")
    with pytest.raises(SakugaError, match="2 prompts for the 4 pictures"):
        measured(folder, tmp_path / "other", prompts=prompts)


def test_one_picture_has_figures_and_no_interval(folder: Path, tmp_path: Path) -> None:
    found = measured(copied(folder, tmp_path / "alone", count=1), tmp_path / "report", text="a castle")
    text = found["text.clip"]
    assert isinstance(text, Figure)
    assert (text.n, text.interval) == (1, None)
    assert isinstance(found["words.clip"], Refused)
    assert isinstance(found["diversity"], Refused)


def test_folders_that_do_not_pair_are_compared_as_sets_and_that_is_said(folder: Path, tmp_path: Path) -> None:
    few = copied(folder, tmp_path / "few", count=3)
    asked = Asked(thing=str(folder), against=str(few), settings=QUICK)
    notes = [step.note for step in evaluate(asked, tmp_path / "report")]
    assert any("pictures has 4 pictures and few has 3" in note for note in notes)
    assert "more.words.clip" not in json.loads((tmp_path / "report" / "metrics.json").read_text())


def test_the_style_of_a_run_is_drawn_beside_its_base_from_the_same_noise(tmp_path: Path) -> None:
    run = tmp_path / "run"
    style, width = run / "style", 128
    style.mkdir(parents=True)
    (run / "checkpoints").mkdir()
    (run / "config.json").write_text(json.dumps({"method": {"kind": "lora"}, "steps": 20, "rate": 0.001}))
    (run / "metrics.json").write_text(json.dumps({"style": "style"}))
    (run / "metrics.jsonl").write_text('{"step": 10, "loss": 0.5}\n{"step": 20, "loss": 0.4}\n{"step": 2')
    down, up = torch.randn(2, 2, width, generator=torch.Generator().manual_seed(1)).unbind(0)
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
    save_file({f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up.T.contiguous()}, style / LORA)
    (style / "style.toml").write_text('trigger = "watercolor"\n')
    found = measured(run, tmp_path / "report", count=2, seeds=1)
    for key in ("base.words.clip", "style.words.clip", "more.labels.all", "style.look.watercolor", "style.direction"):
        assert isinstance(found[key], Figure), key
    assert isinstance(found["style.references.kid"], Figure)
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count('class="column"') >= 2
    assert str(tmp_path) not in page
    assert "Loss" in page
    assert "0.001" in page
    again = measured(style, tmp_path / "report", count=2, seeds=1)
    assert again == found
    other = measured(style, tmp_path / "against", count=2, seeds=1, against="cel")
    assert {"base.look.cel", "style.look.cel", "style.look.watercolor", "more.look.cel", "more.look.watercolor"} <= other.keys()
    assert other["style.words.clip"] == found["style.words.clip"]
    assert other["base.words.clip"] != found["base.words.clip"]
    assert "drawn in cel and in run" in (tmp_path / "against" / "report.html").read_text()


def test_what_cannot_be_measured_is_refused_in_words(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "single.png").write_bytes((folder / "0001.png").read_bytes())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    unfinished = tmp_path / "run"
    (unfinished / "checkpoints").mkdir(parents=True)
    (unfinished / "config.json").write_text("{}")
    cases = [
        (tmp_path / "empty", {}, "holds no picture"),
        (tmp_path / "single.png", {}, "give their folder"),
        (tmp_path / "nothing", {}, "no such folder, clip or style"),
        (unfinished, {}, "not finished: go on with --resume"),
        (folder, {"against": str(tmp_path / "single.png")}, "is no folder"),
        ("cel", {"against": str(folder)}, "is no style: a style is held against another style"),
        ("cel", {"against": "nothing"}, "no style 'nothing'"),
    ]
    for thing, asked, said in cases:
        with pytest.raises(SakugaError, match=said):
            evaluate(Asked(thing=str(thing), **asked), tmp_path / "report").result()  # type: ignore[arg-type]
    with pytest.raises(SakugaError, match="holds other files and no report"):
        evaluate(Asked(thing=str(folder)), tmp_path / "mine").result()
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"
