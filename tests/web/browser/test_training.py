"""From images to a style, in the page."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Api
from tests.web.conftest import StudioProcess

pytestmark = pytest.mark.browser

MEASURED = 180_000
"""Milliseconds that a page waits for time and memory, which a process of its own measures, on a busy machine."""


def images(folder: Path) -> list[Path]:
    """Write images of colored noise, no two alike."""
    made = [folder / f"noise-{number}.png" for number in range(6)]
    for number, path in enumerate(made):
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    return made


def build_set(page: Page, name: str, files: list[Path]) -> None:
    page.get_by_role("button", name=re.compile("Bring images|New set")).click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Trigger word").fill("noisy")
    page.locator("dialog input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Build the set").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_a_set_is_built_mended_and_trained_on_to_its_end(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(studio_process, "#/training")
    build_set(page, "noise", images(tmp_path))
    caption = page.get_by_label(re.compile("^Caption of")).first
    caption.fill("noisy, grey and green dots")
    caption.blur()
    expect(page.get_by_text("The doctor says: not ready")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Crop ")).first.click()
    page.get_by_label("Right", exact=True).fill("48")
    page.get_by_label("Right", exact=True).blur()
    page.get_by_role("button", name="Crop to 48 × 64").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Train a style …").click()
    page.get_by_label("Name of the style").fill("dots")
    page.get_by_label("Model", exact=True).select_option(studio_process.model)
    page.get_by_text(re.compile(r"^All settings of the training")).click()
    page.get_by_label("Steps", exact=True).fill("4")
    page.get_by_label("Steps", exact=True).blur()
    takes = page.get_by_role("region", name="What it takes")
    expect(takes.get_by_text(re.compile(r"^4 steps of .* on 6 images"))).to_be_visible(timeout=MEASURED)
    expect(takes.get_by_role("heading", name=re.compile(r"^About \d+ s and [\d.]+ MB of memory$"))).to_be_visible()
    expect(takes.get_by_text(re.compile("only 6 images to train on"))).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    run = page.get_by_role("region", name="dots")
    expect(run.get_by_text("done", exact=True)).to_be_visible()
    expect(run.get_by_role("img", name=re.compile("^Loss over steps: Loss"))).to_be_visible()
    image = api.ask("GET", "/sets/noise")["images"][0]
    assert image["caption"] == "noisy, grey and green dots"
    assert (image["width"], image["height"]) == (48, 64)


def test_a_slider_is_chosen_between_two_texts_and_trained(
    studio_process: StudioProcess, api: Api, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(studio_process, "#/training")
    build_set(page, "slid", images(tmp_path))
    page.get_by_role("button", name="Train a style …").click()
    page.get_by_label("Name of the style").fill("night")
    page.get_by_label("Model", exact=True).select_option(studio_process.model)
    page.get_by_label("Method").select_option("slider")
    takes = page.get_by_role("region", name="What it takes")
    expect(takes.get_by_text("a slider needs two different ends")).to_be_visible(timeout=MEASURED)
    for setting, value in (("More", "at night"), ("Less", "at noon")):
        page.get_by_label(setting, exact=True).fill(value)
        page.get_by_label(setting, exact=True).blur()
    page.get_by_text(re.compile(r"^All settings of the training")).click()
    page.get_by_label("Steps", exact=True).fill("2")
    page.get_by_label("Steps", exact=True).blur()
    expect(takes.get_by_text(re.compile(r"^2 steps of .* on 6 images"))).to_be_visible(timeout=MEASURED)
    page.get_by_role("button", name="Start training").click()
    run = page.get_by_role("region", name="night")
    expect(run.get_by_text("done", exact=True)).to_be_visible()
    assert api.ask("GET", "/runs/night")["method"] == "slider"


def test_a_movement_is_learnt_from_a_clip_of_ones_own(
    studio_process: StudioProcess, open_page: Callable[..., Page], tiny_moving_folder: Path, tmp_path: Path
) -> None:
    model, clip = shutil.copytree(tiny_moving_folder, studio_process.home / "models" / "swaying"), tmp_path / "sway.webp"
    first, *rest = [Image.fromarray(np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)) for number in range(6)]
    first.save(clip, save_all=True, append_images=rest, duration=125)
    page = open_page(studio_process, "#/training?tab=runs")
    page.get_by_role("button", name="Learn a movement …").click()
    page.get_by_label("Name of the movement").fill("swaying")
    page.get_by_label("Model", exact=True).select_option(str(model))
    page.locator("dialog input[type=file]").set_input_files(clip)
    page.get_by_text(re.compile(r"^All settings of the training")).click()
    for setting, value in (("Frames", "4"), ("Size", "32"), ("Steps", "2")):
        page.get_by_label(setting, exact=True).fill(value)
        page.get_by_label(setting, exact=True).blur()
    expect(page.get_by_text(re.compile(r"^2 steps of .* on 1 clip"))).to_be_visible(timeout=MEASURED)
    page.get_by_role("button", name="Train on 1 clip").click()
    expect(page.get_by_role("region", name="swaying").get_by_text("done", exact=True)).to_be_visible()
