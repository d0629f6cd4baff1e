"""The editor's form of a ComfyUI graph (`workflow`), as the graph that its server runs (`prompt`)."""

import json
from typing import Any

WIDGETS = {
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "KSampler": ("seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise", "noise_seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler", "start_at_step", "end_at_step",
        "return_with_leftover_noise",
    ),
}  # fmt: skip
"""What the values of a node are called, in the order in which the editor shows them."""
MUTED, BYPASSED = 2, 4
"""Modes of nodes that do not run."""


def workflow_to_graph(text: str) -> str | None:
    """Return the graph of an editor's workflow as JSON; None for anything else.

    A link that comes from a node that does not run is left out, so that nothing is read past it.
    """
    try:
        workflow: Any = json.loads(text)
        running = {node["id"]: node for node in workflow["nodes"] if node.get("mode") not in (MUTED, BYPASSED)}
        links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"] if link[1] in running}
        graph = {str(number): {"class_type": node["type"], "inputs": _inputs(node, links)} for number, node in running.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None
    return json.dumps(graph)


def _inputs(node: Any, links: dict[Any, list[Any]]) -> dict[str, Any]:
    """Return a node's values and links by name; a value that is linked is a link."""
    values = node.get("widgets_values")
    named = dict(zip(WIDGETS.get(node["type"], ()), values, strict=False)) if isinstance(values, list) else {}
    return named | {one["name"]: links[one["link"]] for one in node.get("inputs") or () if one.get("link") in links}
