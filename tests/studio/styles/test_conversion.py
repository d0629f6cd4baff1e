"""Styles are checked, converted, blended, added and removed on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from sakuga import InputError
from sakuga.cli.app import app
from sakuga.models.adapters import Adapter, LoraLayer, read_adapter, write_adapter
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import EMBEDDING_FILE, LORA_FILE
from sakuga.story.style_list import join_styles, split_styles
from sakuga.studio.core.styles import StyleFinder, find_styles, relocated
from sakuga.studio.styles.library import add_style

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
CARD = "---\nbase_model: runwayml/stable-diffusion-v1-5\ninstance_prompt: ink wash\n---\n# ink\n\n| rank | 2 |\n| --- | --- |\n"


def lora(seed: int, size: int = 32, layer: str = LAYER, strength: float = 1.0) -> Adapter:
    down, up = torch.randn(2, 2, size, generator=torch.Generator().manual_seed(seed)).unbind(0)
    return Adapter(name="lora", layers={layer: LoraLayer(down=down, up=up.T.contiguous() * strength / size**0.5, scale=0.5)})


@pytest.fixture
def folder(tmp_path: Path, tiny_v_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a LoRA of each layout and an embedding; the library is empty."""
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_adapter(lora(1), tmp_path / "ink" / LORA_FILE)
    (tmp_path / "ink" / "README.md").write_text(CARD)
    write_adapter(lora(2), tmp_path / "wax.safetensors", "kohya", torch.float32)
    save_file({"<mona>": torch.randn(2, 32, generator=torch.Generator().manual_seed(1))}, tmp_path / "mona.safetensors")
    (tmp_path / "taken").touch()
    (tmp_path / "model").symlink_to(tiny_v_folder)
    return tmp_path


@pytest.fixture
def sakuga(folder: Path) -> Callable[..., Any]:
    """Run a command of `sakuga style` on the tiny model, and return its JSON output."""

    def run(*words: str, exits: int = 0) -> Any:
        result = CliRunner().invoke(app, ["style", *words, *([] if words[0] == "remove" else ["--model", "model"]), "--json"])
        if result.exception and isinstance(result.exception, InputError):
            raise result.exception
        assert result.exit_code == exits, result.output
        return json.loads(result.stdout)

    return run


def test_a_style_is_checked_on_a_model(sakuga: Callable[..., Any], folder: Path) -> None:
    checked = sakuga("check", "ink", "--steps", "2", "--strip", "strip.png")
    assert (checked["matched"], checked["unmatched"], checked["sound"]) == (1, {}, True)
    assert checked["prediction_change"] > 1e-3
    assert checked["pixel_change"] > 0
    assert (folder / "strip.png").stat().st_size > 1000
    weak, strong = (sakuga("check", f"ink:{weight}", "--steps", "2")["prediction_change"] for weight in ("0.1", "2"))
    assert weak < checked["prediction_change"] < strong
    assert sakuga("check", "mona.safetensors", "--steps", "2")["pixel_change"] > 0


def test_mismatched_or_zero_styles_fail_the_check(sakuga: Callable[..., Any], folder: Path) -> None:
    write_adapter(lora(3, layer="unet.mid_block.attentions.5.proj_in"), folder / "lost.safetensors")
    checked = sakuga("check", "lost.safetensors", exits=2)
    assert checked["matched"] == 0
    assert checked["unmatched"] == {"unet.mid_block.attentions.5.proj_in": "is not in the model"}
    assert "1 of 1" in checked["fault"]
    write_adapter(lora(3, strength=0.0), folder / "still.safetensors")
    checked = sakuga("check", "still.safetensors", exits=2)
    assert checked["prediction_change"] == 0
    assert "changes nothing" in checked["fault"]


def test_a_converted_style_has_the_same_effect(sakuga: Callable[..., Any], folder: Path) -> None:
    sakuga("convert", "ink", "-o", "kohya.safetensors", "--layout", "kohya", "--precision", "fp32")
    assert all(key.startswith("lora_unet_mid_block_attentions_0_") for key in load_file(folder / "kohya.safetensors"))
    sakuga("convert", "kohya.safetensors", "-o", "back", "--precision", "fp32", "--trigger", "ink wash")
    first, last = (read_adapter(folder / name / LORA_FILE, name).layers[LAYER] for name in ("ink", "back"))
    assert torch.equal(first.up * first.scale, last.up * last.scale)
    assert sakuga("show", "back")["trigger"] == "ink wash"
    result = sakuga("convert", "mona.safetensors", "-o", "lisa", "--trigger", "<lisa>")
    assert (result["words"], (folder / "lisa" / EMBEDDING_FILE).is_file()) == (["<lisa>"], True)
    sakuga("convert", "lisa", "-o", "lisa.safetensors", "--layout", "kohya")
    assert load_file(folder / "lisa.safetensors").keys() == {"emb_params"}


def test_pickles_are_read_only_with_the_flag_and_never_run(sakuga: Callable[..., Any], folder: Path) -> None:
    rows = torch.randn(2, 32)
    torch.save({"string_to_param": {"*": rows}, "name": "neon", "string_to_token": {"*": 265}}, folder / "neon.pt")
    with pytest.raises(InputError, match="is a pickle, which can run code"):
        sakuga("convert", "neon.pt", "-o", "neon")
    sakuga("convert", "neon.pt", "-o", "neon", "--pickle")
    assert torch.equal(load_file(folder / "neon" / EMBEDDING_FILE)["neon"], rows)

    torch.save({"x": folder.joinpath}, folder / "evil.pt")
    with pytest.raises(InputError, match=r"cannot read .* without running its code"):
        sakuga("convert", "evil.pt", "-o", "evil", "--pickle")


def test_a_blend_equals_both_styles_together(sakuga: Callable[..., Any], folder: Path) -> None:
    blend = sakuga("blend", "ink:0.6", "wax.safetensors:0.4", "-o", "both")
    assert (blend["error"], blend["ranks"]) == (0.0, [4])
    draw = ["draw", "a castle, ink wash", "--model", "model", "--size", "32", "--steps", "2", "--store", "frames"]
    for name, styles in {"stacked": ["ink:0.6", "wax.safetensors:0.4"], "blended": ["both"]}.items():
        result = CliRunner().invoke(app, [*draw, "-o", name, *(word for style in styles for word in ("--style", style))])
        assert result.exit_code == 0, result.output
    from sakuga.datasets.image_reading import read_image

    stacked, blended = (read_image(folder / name / "0001.png").image.astype(int) for name in ("stacked", "blended"))
    assert abs(stacked - blended).max() <= 1
    small = sakuga("blend", "ink:0.6", "wax.safetensors:0.4", "-o", "small", "--rank", "2")
    assert small["ranks"] == [2]
    assert 0 < small["error"] < 1
    assert "rank 2" in sakuga("show", "small")["card"]


def test_styles_are_added_listed_used_by_name_and_removed(sakuga: Callable[..., Any], folder: Path) -> None:
    assert sakuga("list")["styles"] == []
    sakuga("add", "ink")
    sakuga("add", "wax.safetensors", "--name", "crayon")
    listed = {style["name"]: style for style in sakuga("list", str(folder))["styles"]}
    assert {name: style["place"] for name, style in listed.items()} == {
        "ink": "folder", "crayon": "library", "wax": "folder", "mona": "folder"
    }  # fmt: skip
    shown = sakuga("show", "ink")
    assert (shown["trigger"], shown["base"], shown["ranks"]) == ("ink wash", "runwayml/stable-diffusion-v1-5", [2])
    assert shown["figures"] == {"rank": "2"}
    assert sakuga("check", "crayon:0.5", "--steps", "1")["sound"]
    with pytest.raises(InputError, match="the library has a style 'ink' already"):
        sakuga("add", "ink")
    with pytest.raises(InputError, match=r"no style 'wax.safetensors' in the library .*: it has crayon, ink"):
        sakuga("remove", "wax.safetensors", "--yes")
    no = CliRunner().invoke(app, ["style", "remove", "ink"], input="n\n")
    assert isinstance(no.exception, InputError)
    sakuga("remove", "ink", "--yes")
    assert sorted(path.name for path in (folder / "home" / "styles").iterdir()) == ["crayon"]
    assert (folder / "ink" / LORA_FILE).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["blend", "ink:0.6", "-o", "c"], "two or more styles"),
        (["blend", "ink:9", "wax.safetensors:1", "-o", "c"], "-4 to 4"),
        (["blend", "ink:1:up=0", "wax.safetensors:1", "-o", "c"], "no layers in block 'up'"),
        (["blend", "ink", "wax.safetensors", "-o", "c", "--rank", "0"], "rank 0 is out of range"),
        (["convert", "ink", "-o", "c", "--layout", "lycoris"], "no layout 'lycoris': use diffusers, kohya"),
        (["convert", "ink", "-o", "c", "--precision", "int8"], "no precision 'int8'"),
        (["convert", "ink", "-o", "taken"], "exists and is a file"),
        (["add", "ink", "--name", "../ink"], "'../ink' cannot be a style's name"),
        (["add", "ink", "--name", "None"], "'None' means no style"),
        (["convert", "mona.safetensors", "-o", "c", "--trigger", "a.alpha"], "would be taken for a layer"),
        (["convert", "mona.safetensors", "-o", "c", "--trigger", "(w)"], "cannot be read in a prompt"),
        (["show", "hub:nobody"], "write hub:owner/name"),
        (["show", "inc"], "no style 'inc'"),
        (["list", "nowhere"], "no folder nowhere"),
    ],
)
def test_invalid_requests_are_refused_with_the_choices(sakuga: Callable[..., Any], words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sakuga(*words)


def test_the_names_of_a_models_own_styles_are_not_taken_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cel", "CEL"):
        with pytest.raises(InputError, match=f"'{name}' means sketchbook's own style"):
            add_style("ink", name)
    assert add_style("ink", "cels").is_dir()
    monkeypatch.setenv("SAKUGA_HOME", str(folder / "taken"))
    with pytest.raises(InputError, match="is a file, not a folder"):
        add_style("ink", "other")


def test_a_style_whose_name_has_a_comma_is_applied_by_its_path(sakuga: Callable[..., Any], folder: Path) -> None:
    (folder / "wax.safetensors").rename(folder / "ink, wash v1.safetensors")
    styles = find_styles(join_styles(["ink, wash v1.safetensors:0.5", "ink"]), find_checkpoint("model"))
    assert [(use.style.name, use.weight) for use in styles] == [("ink, wash v1.safetensors", 0.5), ("ink", 1.0)]
    finder = StyleFinder(find_checkpoint("model"))
    shared = finder.shared_names(join_styles(["ink, wash v1.safetensors:0.5", "ink"]))
    assert relocated(shared, {split_styles(shared)[0].removesuffix(":0.5"): "here, too"}) == '"here, too:0.5", ' + split_styles(shared)[1]
    result = CliRunner().invoke(
        app, ["draw", "a castle", "--style", "ink, wash v1.safetensors", "--model", "model", "--steps", "1", "-o", "p", "-q"]
    )
    assert result.exit_code == 0, result.output
