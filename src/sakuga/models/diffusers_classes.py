"""The classes of diffusers that inference needs, imported without the rest of its dependencies."""

from sakuga.models.deferred_imports import deferred_imports, scale_layers_of_peft_alone

with deferred_imports():
    from diffusers.models.attention_processor import Attention, AttnProcessor
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
    from diffusers.models.autoencoders.vae import DecoderTiny
    from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding, ControlNetModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D, MotionAdapter
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
    from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
    from diffusers.schedulers.scheduling_lcm import LCMScheduler
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

scale_layers_of_peft_alone()

__all__ = [
    "AnimateDiffTransformer3D",
    "Attention",
    "AttnProcessor",
    "AutoencoderKL",
    "AutoencoderTiny",
    "ControlNetConditioningEmbedding",
    "ControlNetModel",
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "DecoderTiny",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LCMScheduler",
    "MotionAdapter",
    "UNet2DConditionModel",
    "UniPCMultistepScheduler",
]
