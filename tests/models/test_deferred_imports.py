"""Imports of diffusers without what inference leaves unused."""

import subprocess
import sys

GENERATE_THEN_USE_DIFFUSERS = """
import sys, torch
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.schedulers import build_scheduler

checkpoint = load_checkpoint(find_checkpoint("sketchbook"))
build_scheduler(checkpoint, "dpm++", 2)
with torch.inference_mode():
    predicted = checkpoint.forward(torch.zeros(1, 8, 16, 16), 500, checkpoint.encode_prompts(["a castle"]))
assert checkpoint.decode(predicted).shape == (1, 128, 128, 3)
unused = {"accelerate", "peft", "scipy", "transformers", "torch._dynamo", "sympy"} & sys.modules.keys()
assert not unused, unused

import accelerate, diffusers, diffusers.hooks, diffusers.models.transformers, diffusers.quantizers, peft, transformers
from diffusers.loaders import lora_base
from diffusers.models import modeling_utils
from diffusers.models.transformers import Transformer2DModel

assert diffusers.StableDiffusionPipeline and Transformer2DModel is diffusers.Transformer2DModel
assert isinstance(accelerate.Accelerator, type) and isinstance(peft.LoraConfig, type), "the libraries are themselves again"
assert isinstance(checkpoint.unet, diffusers.UNet2DConditionModel)
assert diffusers.hooks.apply_group_offloading is diffusers.hooks.group_offloading.apply_group_offloading
assert diffusers.quantizers.PipelineQuantizationConfig.__module__ == "diffusers.quantizers.pipe_quant_config"
config = transformers.CLIPTextConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
                                     bos_token_id=0, eos_token_id=1)
assert isinstance(transformers.CLIPTextModel(config), lora_base.PreTrainedModel), "a deferred class checks instances"
assert not isinstance(checkpoint.unet, lora_base.PreTrainedModel)
assert modeling_utils.accelerate.__version__ == accelerate.__version__
assert modeling_utils.dispatch_model(torch.nn.Linear(1, 1), {"": "cpu"}) is not None, "a deferred function calls the real one"
checkpoint.unet.add_adapter(peft.LoraConfig(r=1, target_modules=["to_q"]))
torch._dynamo.reset()
"""


def test_inference_imports_few_libraries_and_leaves_diffusers_whole() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", GENERATE_THEN_USE_DIFFUSERS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


IMPORT_IN_THREADS = """
import faulthandler, threading, time, torch
from importlib import import_module

faulthandler.dump_traceback_later(240, exit=True)

def load(name, after):
    time.sleep(after)
    import_module(name)

threads = [threading.Thread(target=load, args=given) for given in (("sakuga.models.sketchbook", 0.0), ("sakuga.models.checkpoint", 0.5))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_import_networks_at_once_do_not_wait_for_each_other_forever() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", IMPORT_IN_THREADS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
