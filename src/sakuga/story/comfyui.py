"""The graph that ComfyUI writes into images (`prompt`, `workflow`): nodes by number, with inputs that are values or links."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sakuga.story.comfyui_workflow import workflow_to_graph
from sakuga.story.foreign_recipe import ForeignRecipe, known_sampling, model_name

Node = Mapping[str, Any]
SAMPLERS = ("KSampler", "KSamplerAdvanced")
KNOWN = (
    *SAMPLERS, "CLIPTextEncode", "CheckpointLoaderSimple", "LoraLoader", "LoraLoaderModelOnly", "EmptyLatentImage", "VAEDecode",
    "SaveImage", "PreviewImage", "Note", "MarkdownNote",
)  # fmt: skip
WORDS = {"BREAK": "break", "AND": "and", "[": r"\[", "]": r"\]"}
"""What means nothing in ComfyUI and something in prompts here."""


def read_graph(text: str) -> ForeignRecipe | None:
    """Read a graph with one sampler; None for anything else. Nodes of other kinds are listed as unread."""
    try:
        graph: Any = json.loads(text)
        nodes = {str(number): node for number, node in graph.items() if isinstance(node.get("inputs"), dict)}
    except (ValueError, AttributeError, RecursionError):
        return None
    samplers = [node for node in nodes.values() if node.get("class_type") in SAMPLERS]
    if len(samplers) != 1:
        return None
    values = samplers[0]["inputs"]
    unread = {f"node {number}": str(node.get("class_type")) for number, node in nodes.items() if node.get("class_type") not in KNOWN}
    sampler, schedule = known_sampling(str(values.get("sampler_name", "")), str(values.get("scheduler", "")))
    if not sampler:
        unread["sampler"] = f"{values.get('sampler_name')} {values.get('scheduler')}"
    if values.get("denoise", 1) != 1:
        unread["denoise"] = str(values["denoise"])
    chain = list(_chain(nodes, values.get("model")))
    loader: Mapping[str, Any] = next((node["inputs"] for node in chain if node.get("class_type") == "CheckpointLoaderSimple"), {})
    tags = "".join(f" {tag}" for node in reversed(chain) if (tag := _lora_tag(node)))
    return ForeignRecipe(
        program="ComfyUI",
        prompt=_text(nodes, values.get("positive"), unread) + tags,
        negative=_text(nodes, values.get("negative"), unread),
        steps=_whole(values.get("steps")),
        sampler=sampler,
        schedule=schedule,
        guidance=float(values["cfg"]) if isinstance(values.get("cfg"), int | float) else None,
        seed=_whole(values.get("seed", values.get("noise_seed"))),
        size=_size(_follow(nodes, values.get("latent_image"), "EmptyLatentImage")),
        model=model_name(str(loader["ckpt_name"])) if loader.get("ckpt_name") else None,
        unread=unread,
    )


def read_workflow(text: str) -> ForeignRecipe | None:
    """Read the editor's form of a graph, as `read_graph` does."""
    graph = workflow_to_graph(text)
    return read_graph(graph) if graph else None


def _chain(nodes: Mapping[str, Node], link: Any) -> Iterator[Node]:
    """Yield the nodes that a model comes through, from the sampler back to its loader."""
    for _ in range(len(nodes)):
        node = nodes.get(str(link[0])) if isinstance(link, list) and link else None
        if node is None:
            return
        yield node
        link = node["inputs"].get("model")


def _follow(nodes: Mapping[str, Node], link: Any, kind: str) -> dict[str, Any] | None:
    node = nodes.get(str(link[0])) if isinstance(link, list) and link else None
    return dict(node["inputs"]) if node and node.get("class_type") == kind else None


def _size(values: dict[str, Any] | None) -> tuple[int, int] | None:
    width, height = (_whole((values or {}).get(side)) for side in ("width", "height"))
    return (width, height) if width and height else None


def _text(nodes: Mapping[str, Node], link: Any, unread: dict[str, str]) -> str:
    values = _follow(nodes, link, "CLIPTextEncode")
    if values is None or not isinstance(values.get("text"), str):
        unread["conditioning"] = "not a text alone"
        return ""
    text: str = values["text"]
    for word, plain in WORDS.items():
        text = text.replace(word, plain)
    return text


def _lora_tag(node: Node) -> str:
    """Write a LoRA loader as a tag of prompts; the text encoder's weight comes first."""
    values = node["inputs"]
    if node.get("class_type") not in ("LoraLoader", "LoraLoaderModelOnly") or not values.get("lora_name"):
        return ""
    unet, text = values.get("strength_model", 1), values.get("strength_clip", 0 if node["class_type"] == "LoraLoaderModelOnly" else 1)
    weights = f"{unet:g}" if unet == text else f"{text:g}:{unet:g}"
    return f"<lora:{model_name(str(values['lora_name']))}:{weights}>"


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
