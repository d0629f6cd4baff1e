"""Folders of other programs: their LoRAs and embeddings are styles by name, where they lie."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sakuga import studio
from sakuga.models.adapters import Adapter, LearnedWord, LoraLayer, write_adapter, write_embeddings
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import StyleError
from sakuga.studio.core.prompt_style_names import named_styles
from sakuga.studio.core.styles import StyleFinder

LAYER = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def webui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder as A1111 has it: LoRAs, one of them named as another, embeddings of A1111 and of diffusers, a pickle, and junk."""
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "webui"
    lora = Adapter(name="ink", layers={LAYER: LoraLayer(down=torch.ones(2, 256), up=torch.ones(256, 2), scale=0.5)})
    for place in ("models/Lora/ink", "models/Lora/old/ink", "models/Lora/castle", "models/Lora/comic"):
        write_adapter(lora, folder / f"{place}.safetensors", "kohya")
    words = {"easynegative": "easynegative", "mona lisa": "<mona>"}
    for file, word in words.items():
        made = Adapter(name=file, learned_words=(LearnedWord(trigger=word, vectors={"text_encoder": torch.ones(2, 256)}),))
        write_embeddings(made, folder / "embeddings" / f"{file}.safetensors", "kohya" if file == word else "diffusers")
    torch.save({"string_to_param": {"*": torch.ones(1, 256)}}, folder / "embeddings" / "bad.pt")
    (folder / "embeddings" / "broken.safetensors").write_bytes(b"half")
    (folder / "embeddings" / "._easynegative.safetensors").write_bytes(b"of a Mac")
    return folder


def names(styles: Iterable[studio.AddedFolder]) -> list[tuple[str, ...]]:
    return [one.names for one in styles]


def test_a_web_uis_loras_and_embeddings_are_registered_beside_its_checkpoints(webui: Path) -> None:
    made = studio.add_webui_models(webui)
    assert names(made.styles) == [("castle", "ink"), ("broken", "easynegative", "mona lisa")]
    refused = {Path(path).relative_to(webui).as_posix(): why for one in made.styles for path, why in one.refused.items()}
    assert refused.keys() == {"models/Lora/old/ink.safetensors", "models/Lora/comic.safetensors", "embeddings/bad.pt"}
    assert "sakuga style convert" in refused["embeddings/bad.pt"]
    assert names(studio.add_webui_models(webui).styles) == names(made.styles)  # as often as one likes
    (webui / "embeddings").rename(webui / "elsewhere")
    shutil.rmtree(webui / "models")
    with pytest.raises(CheckpointError, match=r"has no .safetensors"):
        studio.add_webui_models(webui / "embeddings")


def test_embeddings_of_a_folder_are_named_as_in_comfyui_and_in_a1111(webui: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.add_style_folder(webui / "embeddings")
    finder = StyleFinder(find_checkpoint())
    by_name = named_styles("grey, (embedding:easynegative:1.2)", finder, negative=True)
    assert (by_name.prompt, by_name.styles) == ("grey, (easynegative:1.2)", ("easynegative:0",))
    as_word = named_styles("a portrait of (Mona Lisa:1.1)", finder)
    assert (as_word.prompt, as_word.styles) == ("a portrait of (<mona>:1.1)", ("mona lisa",))
    assert named_styles("an easynegatively castle", finder).styles == ()
    assert named_styles("embedding:easynegative.safetensors", finder).prompt == "easynegative"
    file = webui / "embeddings" / "easynegative.safetensors"
    by_path = named_styles(f"a castle, embedding:{file}", finder)
    assert (by_path.prompt, by_path.styles) == ("a castle, easynegative", (str(file),))
    monkeypatch.chdir(webui / "models")
    assert named_styles("embedding:../embeddings/easynegative.safetensors", finder).styles == ("../embeddings/easynegative.safetensors",)
    (webui / "embeddings" / "mona lisa.safetensors").rename(webui / "embeddings" / "mona.safetensors")
    for said in ("<mona>", "mona", "embedding:mona"):
        assert named_styles(f"a castle, {said}", finder) == named_styles("a castle, <mona>", finder)


def test_words_of_prompts_are_no_embeddings_of_another_family(webui: Path) -> None:
    save_file({"emb_params": torch.ones(1, 768)}, webui / "embeddings" / "castle.safetensors")
    studio.add_style_folder(webui / "embeddings")
    finder = StyleFinder(find_checkpoint())
    assert named_styles("a castle", finder).styles == ()
    assert named_styles("a castle, embedding:castle", finder).styles == ("castle",)


def test_a_folders_lora_is_no_word_of_prompts_and_what_cannot_be_read_breaks_no_other_prompt(webui: Path) -> None:
    studio.add_webui_models(webui)
    finder = StyleFinder(find_checkpoint())
    assert named_styles("a castle, ink", finder).styles == ()
    assert named_styles("a castle <lora:ink:0.8>", finder).styles == ("ink:0.8",)
    assert finder.style("ink").files == (webui / "models/Lora/ink.safetensors",)
    with pytest.raises(StyleError, match="style 'broken': cannot read"):
        named_styles("a castle, embedding:broken", finder)
    with pytest.raises(StyleError, match="style 'bad' is a pickle: if you trust it, run `sakuga style convert"):
        named_styles("a castle, embedding:bad", finder)


def test_styles_of_a_folder_are_listed_until_it_is_forgotten(webui: Path) -> None:
    studio.add_style_folder(webui / "embeddings")
    listed = {one.name: one for one in studio.list_styles() if one.place == "registered"}
    assert listed.keys() == {"broken", "easynegative", "mona lisa"}
    assert "cannot read" in listed["broken"].fault
    assert listed["mona lisa"].words == {"<mona>": 2}
    assert studio.show_style("mona lisa").place == "registered"
    with pytest.raises(StyleError, match="no style 'mona lisa' in the library"):
        studio.remove_style("mona lisa")
    (webui / "embeddings").rename(webui / "away")
    with pytest.raises(StyleError, match=r"a registered folder is not there: .*embeddings"):
        studio.show_style("mona lisa")
    studio.remove_style(str(webui / "embeddings"))
    assert not any(one.place == "registered" for one in studio.list_styles())


def test_a_folder_without_styles_and_a_damaged_list_are_refused(webui: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match="no folder"):
        studio.add_style_folder(webui / "nowhere")
    (webui / "empty").mkdir()
    with pytest.raises(StyleError, match=r"has no .safetensors files"):
        studio.add_style_folder(webui / "empty")
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "style_folders.toml").write_text("folders = 3")
    with pytest.raises(StyleError, match=r'style_folders.toml: write folders = \["PATH"\]'):
        studio.list_styles()


def test_keys_that_cannot_be_read_are_named_one_by_one_and_not_added(webui: Path, tmp_path: Path) -> None:
    flat = "lora_unet_mid_block_attentions_0_proj_in"
    weights = {f"{flat}.oft_blocks": torch.ones(2, 2, 2), "what.is.this": torch.ones(3), f"{flat}.lora_down.weight": torch.ones(2, 4)}
    save_file(weights, tmp_path / "odd.safetensors")
    shown = studio.show_style(str(tmp_path / "odd.safetensors"))
    assert shown.unread == {
        f"{flat}.oft_blocks": "is OFT, which is not supported",
        "what.is.this": "is of no known layout",
        "unet.mid_block.attentions.0.proj_in": "lacks some of its weights",
    }
    with pytest.raises(
        StyleError, match=r"cannot be used: .*oft_blocks is OFT, which is not supported; what.is.this is of no known layout"
    ):
        studio.add_style(str(tmp_path / "odd.safetensors"))
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(StyleError, match="has no weights"):
        studio.add_style(str(tmp_path / "empty.safetensors"))
    with pytest.raises(StyleError, match="cannot be used"):
        studio.draw("a castle", settings=studio.FilmSettings(style=str(tmp_path / "odd.safetensors")))
    assert all(not one.unread for one in studio.list_styles())
