"""One function for each thing a user does. Each returns a Work: iterate it to watch, `.result()` drains it, `.close()` cancels it."""

from sakuga.evaluation.figure import to_json
from sakuga.story.film import FilmSettings, Pixel, read_film, write_film
from sakuga.studio.animate.control import ControlPicture, control_picture
from sakuga.studio.animate.exposure_sheet import Sheeted, sheet
from sakuga.studio.animate.film import Animation, animate, render
from sakuga.studio.animate.images import Drawn, draw
from sakuga.studio.animate.morph import Morphed, morph
from sakuga.studio.animate.pixelate import Pixelated, parse_pixel, pixelate
from sakuga.studio.animate.remake import parse_changes, recipe_of, remake
from sakuga.studio.animate.store import clean_store, parse_bytes, show_store
from sakuga.studio.animate.storyboards import Planned, directed, planner, read_prompts, storyboard
from sakuga.studio.animate.variations import Varied, vary
from sakuga.studio.animate.video import video
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError, Remade
from sakuga.studio.core.settings import SettingsError, parse_ease, parse_size
from sakuga.studio.core.styles import parse_prompt_styles
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.evaluate import Asked, Evaluated, evaluate
from sakuga.studio.sets.building import BuiltSet, build_set
from sakuga.studio.sets.captioning import CaptionedSet, caption_set
from sakuga.studio.sets.changes import BalancedSet, SplitSet, balance_set, split_set
from sakuga.studio.sets.cropping import CroppedSet, crop_set
from sakuga.studio.sets.deduping import DedupedSet, dedupe_set
from sakuga.studio.sets.distilling import DistilledSet, distill_set
from sakuga.studio.sets.inspection import Inspected, inspect_set
from sakuga.studio.sets.inspection_report import inspected_values, inspected_words
from sakuga.studio.sets.publishing import PushedSet, pack_set, push_set
from sakuga.studio.sketchbook.build import (
    export_sketchbook,
    parse_start,
    score_sketchbook,
    train_sketchbook,
    write_sketchbook_card,
)
from sakuga.studio.sketchbook.sets import LessonSet, draw_style_set, draw_subject_set
from sakuga.studio.styles.check import check_style
from sakuga.studio.styles.conversion import blend_styles, convert_style
from sakuga.studio.styles.library import keep_style, kept_style, list_styles, remove_style, show_style
from sakuga.studio.training.train import TrainedRun, TrainingStep, TrainSettings, lora_method, train
from sakuga.training.distributed import leads
from sakuga.training.plan import DreamBooth, Lora, TextualInversion
from sakuga.training.sketchbook.options import Options as TrainingOptions

__all__ = [
    "Animation",
    "Asked",
    "BalancedSet",
    "BuiltSet",
    "CaptionedSet",
    "ControlPicture",
    "CroppedSet",
    "DedupedSet",
    "DistilledSet",
    "Drawn",
    "DreamBooth",
    "Evaluated",
    "FilmSettings",
    "Inspected",
    "LessonSet",
    "Lora",
    "Morphed",
    "Pixel",
    "Pixelated",
    "Planned",
    "PushedSet",
    "Recipe",
    "RecipeError",
    "Remade",
    "SettingsError",
    "Sheeted",
    "SplitSet",
    "Step",
    "TextualInversion",
    "TrainSettings",
    "TrainedRun",
    "TrainingOptions",
    "TrainingStep",
    "Varied",
    "Work",
    "animate",
    "balance_set",
    "blend_styles",
    "build_set",
    "caption_set",
    "check_style",
    "clean_store",
    "control_picture",
    "convert_style",
    "crop_set",
    "dedupe_set",
    "directed",
    "distill_set",
    "draw",
    "draw_style_set",
    "draw_subject_set",
    "evaluate",
    "export_sketchbook",
    "inspect_set",
    "inspected_values",
    "inspected_words",
    "keep_style",
    "kept_style",
    "leads",
    "list_styles",
    "lora_method",
    "morph",
    "pack_set",
    "parse_bytes",
    "parse_changes",
    "parse_ease",
    "parse_pixel",
    "parse_prompt_styles",
    "parse_size",
    "parse_start",
    "pixelate",
    "planner",
    "push_set",
    "read_film",
    "read_prompts",
    "recipe_of",
    "remake",
    "remove_style",
    "render",
    "score_sketchbook",
    "sheet",
    "show_store",
    "show_style",
    "split_set",
    "storyboard",
    "to_json",
    "train",
    "train_sketchbook",
    "vary",
    "video",
    "write_film",
    "write_sketchbook_card",
]
