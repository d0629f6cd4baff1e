"""Evaluation of images, clips, styles and training runs."""
