"""Styles and checkpoints of the hub: the real client against a local server."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from sakuga.models.adapters import Adapter, LoraLayer, write_adapter

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
COMMIT = "a" * 40


@contextmanager
def serving(repos: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve the files of repositories by their names, as the hub does."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(True)

        def do_HEAD(self) -> None:
            self.answer(False)

        def answer(self, whole: bool) -> None:
            parts = self.path.split("?")[0].strip("/").split("/")
            api = parts[0] == "api"
            files = repos.get("/".join(parts[2:4] if api else parts[:2]), {})
            if api and "tree" in parts:
                body = json.dumps(
                    [{"type": "file", "path": name, "size": len(body), "oid": "0" * 40} for name, body in files.items()]
                ).encode()
            elif api:
                body = json.dumps(
                    {
                        "id": "/".join(parts[2:4]),
                        "sha": COMMIT,
                        "siblings": [{"rfilename": name, "size": len(body)} for name, body in files.items()],
                    }
                ).encode()
            else:
                body = files.get("/".join(parts[4:]), b"")
            body = body if body and files else b'{"error": "Repository not found"}'
            self.send_response(200 if files else 404)
            for name, value in {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": COMMIT}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if whole:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """Serve owner/ink: one LoRA and its card; and owner/many: two files."""
    made = Adapter(name="ink", layers={LAYER: LoraLayer(down=torch.ones(1, 768), up=torch.ones(4, 1))})
    write_adapter(made, tmp_path / "hub" / "ink.safetensors")
    weights = (tmp_path / "hub" / "ink.safetensors").read_bytes()
    card = b"---\nbase_model: somebody/stable-diffusion-v1-5\ninstance_prompt: ink wash\n---\n# ink\n"
    with serving(
        {"owner/ink": {"ink.safetensors": weights, "README.md": card}, "owner/many": {"a.safetensors": weights, "b.safetensors": weights}}
    ) as address:
        yield address


def test_hub_styles_are_downloaded_with_their_card_and_cached(hub: str, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "cache"), "SAKUGA_HOME": str(tmp_path / "home")}
    requested = ["hub:owner/ink", "hub:owner/ink/ink.safetensors", "hub:owner/many", "hub:owner/many/b.safetensors", "hub:owner/none"]
    program = """
import sys
from sakuga import studio
for name in sys.argv[1:]:
    try:
        shown = studio.show_style(name)
        print(shown.trigger, shown.base, shown.made_for, shown.layers, sep="|")
    except Exception as error:
        print(type(error).__name__, error)
"""

    def outputs(names: list[str], **more: str) -> list[str]:
        command = [sys.executable, "-c", program, *names]
        return subprocess.run(command, env={**environment, **more}, capture_output=True, text=True, check=True).stdout.splitlines()

    whole, file, many, one, none = outputs(requested)
    assert whole == file == "ink wash|somebody/stable-diffusion-v1-5|Stable Diffusion 1.x|1"
    assert many == "StyleError style 'hub:owner/many': it has several files: add one of a.safetensors, b.safetensors"
    assert one == "|None|Stable Diffusion 1.x|1"
    assert none.startswith("StyleError style 'hub:owner/none': download from the Hugging Face hub failed")
    assert outputs(requested[:1], HF_ENDPOINT="http://127.0.0.1:9") == [whole]


def test_fp16_weights_are_downloaded_only_where_there_are_no_others(tiny_folder: Path, tmp_path: Path) -> None:
    there = {path.relative_to(tiny_folder).as_posix(): path.read_bytes() for path in tiny_folder.rglob("*") if path.is_file()}
    for name in [name for name in there if name.endswith(".safetensors")]:
        half = name.replace(".safetensors", ".fp16.safetensors")
        there[half] = there.pop(name) if name.startswith("unet/") else b"not to be fetched"
    there["safety_checker/model.safetensors"] = b"nor this"
    program = """
import sys
from sakuga.models.checkpoint_lookup import find_checkpoint
folder = find_checkpoint(sys.argv[1]).folder
print(*(path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors")))
"""
    with serving({"owner/half": there}) as address:
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-c", program, "owner/half"]
        answered = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    expected = [name for name in there if name.endswith(".safetensors") and (".fp16." in name) == name.startswith("unet/")]
    assert set(answered.stdout.split()) == set(expected) - {"safety_checker/model.safetensors"}
