"""Recipes of A1111, ComfyUI and InvokeAI: what means something here is read, the rest is listed, nothing is guessed."""

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakuga.story.a1111 import read_infotext, write_infotext
from sakuga.story.comfyui import read_graph, read_workflow
from sakuga.story.foreign_recipe import SAMPLERS, ForeignRecipe, known_sampling
from sakuga.story.invokeai import read_metadata
from sakuga.story.options import SettingsError
from sakuga.story.settings import FilmSettings

INFOTEXT = """a (castle:1.2), by the sea <lora:ink:0.8>
BREAK snow
Negative prompt: grey, blurred
Steps: 24, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Skip Early CFG: 0.1, \
Seed: 1234, Size: 512x768, Model hash: abc, Model: dream v1, \
Clip skip: 2, Denoising strength: 0.4, Lora hashes: "ink: 1a2b, wash: 3c", Version: v1.10.1"""


def graph(**changes: Any) -> dict[str, Any]:
    sampler = {"seed": 7, "steps": 20, "cfg": 5.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["5", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "anime\\dream.v1.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a [red] castle AND snow", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "grey", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 640, "height": 448, "batch_size": 1}},
        "5": {
            "class_type": "LoraLoader",
            "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8, "strength_clip": 0.5, "model": ["1", 0], "clip": ["1", 1]},
        },
        "6": {"class_type": "KSampler", "inputs": {**sampler, **links, **changes}},
        "7": {"class_type": "FaceDetailer", "inputs": {"image": ["6", 0]}},
    }


def test_an_infotext_is_read_and_the_rest_is_listed() -> None:
    recipe = read_infotext(INFOTEXT)
    assert recipe
    assert recipe.prompt == "a (castle:1.2), by the sea <lora:ink:0.8>\nBREAK snow"
    assert (recipe.negative, recipe.steps, recipe.seed) == ("grey, blurred", 24, 1234)
    assert (recipe.guidance, recipe.guidance_start) == (6.5, 0.1)
    assert (recipe.size, recipe.model, recipe.sampler) == ((512, 768), "dream v1", "dpm++ karras")
    assert dict(recipe.unread) == {"Denoising strength": "0.4"}
    assert recipe.clip_skip == 2


def test_a_sampler_and_schedule_of_our_own_are_known_and_older_names_split() -> None:
    end = "CFG scale: 7, Seed: 1, Size: 8x8"
    known = {
        "DDIM": "ddim", "Euler": "euler", "Euler a": "euler a", "DPM++ 2M": "dpm++", "DPM++ 2M Karras": "dpm++ karras",
        "DPM++ SDE": "dpm++ 2s sde", "DPM++ SDE Karras": "dpm++ 2s sde karras", "DPM++ 2M SDE": "dpm++ 2m sde",
        "DPM++ 2S a Karras": "dpm++ 2s a karras", "PLMS": None,
    }  # fmt: skip
    for name, sampler in known.items():
        recipe = read_infotext(f"a\nSteps: 5, Sampler: {name}, {end}")
        assert recipe
        assert recipe.sampler == sampler
        assert ("Sampler" in recipe.unread) == (sampler is None)


def test_the_automatic_schedule_is_that_of_its_sampler() -> None:
    assert known_sampling("DPM++ SDE", "Automatic") == ("dpm++ 2s sde karras", None)
    assert known_sampling("DPM++ 2M SDE", "Automatic") == ("dpm++ 2m sde", "exponential")
    assert known_sampling("Euler a", "Automatic") == ("euler a", None)
    assert known_sampling("Restart", "Automatic") == (None, None)


@pytest.mark.parametrize("sampler", [*SAMPLERS])
def test_every_sampler_is_read_again_from_what_it_is_called_elsewhere(sampler: str) -> None:
    recipe = ForeignRecipe(program="sakuga", prompt="a castle", steps=5, sampler=sampler)
    read = read_infotext(write_infotext(recipe))
    assert read
    assert (read.sampler, read.schedule) == (sampler, None)
    assert FilmSettings(sampler=SAMPLERS[sampler][0]).sampler == sampler


def test_a_samplers_name_may_have_capitals_and_one_with_its_schedule_is_told_both() -> None:
    assert FilmSettings(sampler="dpm++ sde").sampler == FilmSettings(sampler="DPM++ 2S SDE").sampler == "dpm++ 2s sde"
    with pytest.raises(SettingsError, match="choose sampler euler and schedule karras"):
        FilmSettings(sampler="Euler Karras")


def test_a_command_is_quoted_for_the_shell() -> None:
    recipe = read_infotext("it's a castle\nSteps: 5, Sampler: DDIM, CFG scale: 7, Seed: 1, Size: 8x16")
    assert recipe
    options = ["--sampler", "ddim", "--steps", "5", "--guidance", "7", "--seed", "1", "--size", "8x16", "-o", "images"]
    assert shlex.split(shlex.join(recipe.command)) == ["sakuga", "draw", "it's a castle", *options]


def test_a_graph_is_followed_from_its_sampler() -> None:
    recipe = read_graph(json.dumps(graph()))
    assert recipe
    assert recipe.prompt == r"a \[red\] castle and snow <lora:ink:0.5:0.8>"  # words that mean nothing there
    assert (recipe.negative, recipe.steps, recipe.guidance, recipe.seed) == ("grey", 20, 5.5, 7)
    assert (recipe.size, recipe.model, recipe.sampler) == ((640, 448), "dream.v1", "euler")
    assert dict(recipe.unread) == {"node 7": "FaceDetailer"}
    changed = read_graph(json.dumps(graph(denoise=0.5, scheduler="kl_optimal", positive=["7", 0])))
    assert changed
    assert changed.sampler is None
    assert {"denoise", "sampler", "conditioning"} <= changed.unread.keys()


def test_graphs_with_loops_or_several_samplers_are_not_guessed() -> None:
    exponential = read_graph(json.dumps(graph(scheduler="exponential")))
    assert exponential
    assert (exponential.sampler, exponential.schedule) == ("euler", "exponential")
    looped = graph()
    looped["1"]["inputs"]["model"] = ["5", 0]
    looped["5"]["inputs"]["model"] = ["5", 0]
    assert read_graph(json.dumps(looped))
    assert read_graph(json.dumps(graph() | {"8": graph()["6"]})) is None


def workflow(**changes: Any) -> str:
    """Return the graph as the editor keeps it: values in their order, links in a table of their own."""
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    for number, node in graph(**changes).items():
        inputs = []
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                links.append([len(links) + 1, int(value[0]), value[1], int(number), len(inputs), "*"])
                inputs.append({"name": name, "link": len(links)})
        values = [value for value in node["inputs"].values() if not isinstance(value, list)]
        if node["class_type"] == "KSampler":
            values.insert(1, "randomize")
        nodes.append({"id": int(number), "type": node["class_type"], "mode": 0, "inputs": inputs, "widgets_values": values})
    return json.dumps({"nodes": nodes, "links": links})


def test_a_workflow_is_the_same_recipe_as_its_graph() -> None:
    assert read_workflow(workflow()) == read_graph(json.dumps(graph()))
    bypassed = json.loads(workflow())
    bypassed["nodes"][4]["mode"] = 4  # the LoRA's loader, so what lies before it is not guessed
    recipe = read_workflow(json.dumps(bypassed))
    assert recipe
    assert (recipe.model, "lora" in recipe.prompt) == (None, False)


def test_metadata_of_invokeai_is_read_in_old_and_new_forms() -> None:
    values = {
        "positive_prompt": "a castle", "negative_prompt": "grey", "width": 512, "height": 640, "seed": 3, "steps": 30, "cfg_scale": 7.5,
        "scheduler": "euler_k", "clip_skip": 2, "strength": None, "controlnets": [], "app_version": "5",
    }  # fmt: skip
    new = {"model": {"name": "dream", "base": "sd-1"}, "loras": [{"model": {"name": "ink"}, "weight": 0.75}]}
    old = {"model": {"model_name": "dream"}, "loras": [{"lora": {"model_name": "ink"}, "weight": 0.75}]}
    for form in (new, old):
        recipe = read_metadata(json.dumps(values | form))
        assert recipe
        assert (recipe.prompt, recipe.negative, recipe.model) == ("a castle <lora:ink:0.75>", "grey", "dream")
        assert (recipe.size, recipe.seed, recipe.steps, recipe.guidance) == ((512, 640), 3, 30, 7.5)
        assert (recipe.sampler, recipe.schedule, recipe.clip_skip) == ("euler", "karras", 3)  # layers that are skipped there
        assert dict(recipe.unread) == {}
    others = {
        "dpmpp_2m_k": "dpm++ karras",
        "dpmpp_sde_k": "dpm++ 2s sde karras",
        "euler_a": "euler a",
        "unipc": "unipc",
        "kdpm_2": None,
        "unipc_k": "unipc",
    }
    for scheduler, sampler in others.items():
        recipe = read_metadata(json.dumps(values | {"scheduler": scheduler}))
        assert recipe
        assert recipe.sampler == sampler
        assert ("scheduler" in recipe.unread) == (sampler is None)
    weighted = read_metadata(json.dumps(values | {"positive_prompt": "a castle++ (by the sea)1.2"}))
    assert weighted
    assert "compel" in weighted.unread["prompt"]


OTHER = st.sampled_from(
    ["[]", "{}", "null", '{"1": {"inputs": {}}}', '{"positive_prompt": 1}', '{"nodes": [1], "links": []}', '{"nodes": 3}']
)


@pytest.mark.parametrize("read", [read_infotext, read_graph, read_workflow, read_metadata])
@given(st.one_of(st.text(), OTHER))
def test_other_texts_are_no_recipe(read: Any, text: str) -> None:
    assert read(text) is None or "Steps" in text
