"""Stylised animation with diffusion models: an idea becomes a storyboard, frames and a clip."""

__version__ = "0.1.0"
