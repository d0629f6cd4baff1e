"""One function per user action: `dir(studio)` lists them.

Each returns its result or a Work: iterate it for progress, `.result()` drains it, `.close()` cancels it. Importing this loads none of
them; each is loaded when it is first used.
"""

from importlib import import_module
from sys import modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sakuga.evaluation.metric import to_json as to_json
    from sakuga.story.film import Film as Film
    from sakuga.story.film import read_film as read_film
    from sakuga.story.film import write_film as write_film
    from sakuga.story.options import SettingsError as SettingsError
    from sakuga.story.settings import FilmSettings as FilmSettings
    from sakuga.story.settings import PixelArt as PixelArt
    from sakuga.studio.animate.animate import animate as animate
    from sakuga.studio.animate.animate import render as render
    from sakuga.studio.animate.bundle import Bundle as Bundle
    from sakuga.studio.animate.bundle import bundle as bundle
    from sakuga.studio.animate.clip_film import clip_film as clip_film
    from sakuga.studio.animate.control import ControlInput as ControlInput
    from sakuga.studio.animate.control import control_input as control_input
    from sakuga.studio.animate.convert_motion import ConvertedMotion as ConvertedMotion
    from sakuga.studio.animate.convert_motion import convert_motion as convert_motion
    from sakuga.studio.animate.draw import GeneratedImages as GeneratedImages
    from sakuga.studio.animate.draw import draw as draw
    from sakuga.studio.animate.film_rendering import Animation as Animation
    from sakuga.studio.animate.foreign import foreign_film as foreign_film
    from sakuga.studio.animate.foreign import foreign_recipe as foreign_recipe
    from sakuga.studio.animate.frame_range import RenderedFrames as RenderedFrames
    from sakuga.studio.animate.frame_range import render_frames as render_frames
    from sakuga.studio.animate.grid import Grid as Grid
    from sakuga.studio.animate.grid import grid as grid
    from sakuga.studio.animate.morph import MorphResult as MorphResult
    from sakuga.studio.animate.morph import morph as morph
    from sakuga.studio.animate.move import MovedImage as MovedImage
    from sakuga.studio.animate.move import move as move
    from sakuga.studio.animate.pixelate import Pixelated as Pixelated
    from sakuga.studio.animate.pixelate import parse_pixel as parse_pixel
    from sakuga.studio.animate.pixelate import pixelate as pixelate
    from sakuga.studio.animate.recipe_reading import parse_changes as parse_changes
    from sakuga.studio.animate.recipe_reading import recipe_of as recipe_of
    from sakuga.studio.animate.redo import FrameTakes as FrameTakes
    from sakuga.studio.animate.redo import edit_clip as edit_clip
    from sakuga.studio.animate.redo import parse_retiming as parse_retiming
    from sakuga.studio.animate.redo import redo as redo
    from sakuga.studio.animate.redo import write_takes as write_takes
    from sakuga.studio.animate.remake import remake as remake
    from sakuga.studio.animate.sheet import ExposureSheetResult as ExposureSheetResult
    from sakuga.studio.animate.sheet import sheet as sheet
    from sakuga.studio.animate.still_options import Hires as Hires
    from sakuga.studio.animate.still_options import ReferenceInput as ReferenceInput
    from sakuga.studio.animate.still_options import hires_pass as hires_pass
    from sakuga.studio.animate.still_options import reference_input as reference_input
    from sakuga.studio.animate.store import clean_store as clean_store
    from sakuga.studio.animate.store import parse_bytes as parse_bytes
    from sakuga.studio.animate.store import show_store as show_store
    from sakuga.studio.animate.storyboard import PlannedStoryboard as PlannedStoryboard
    from sakuga.studio.animate.storyboard import override as override
    from sakuga.studio.animate.storyboard import planner as planner
    from sakuga.studio.animate.storyboard import read_prompts as read_prompts
    from sakuga.studio.animate.storyboard import storyboard as storyboard
    from sakuga.studio.animate.timeline import ClipTimeline as ClipTimeline
    from sakuga.studio.animate.timeline import clip_timeline as clip_timeline
    from sakuga.studio.animate.vary import Variation as Variation
    from sakuga.studio.animate.vary import vary as vary
    from sakuga.studio.animate.video import video as video
    from sakuga.studio.choosing.beginning import session_request as session_request
    from sakuga.studio.choosing.choose import Chosen as Chosen
    from sakuga.studio.choosing.choose import choose as choose
    from sakuga.studio.choosing.replay import replay as replay
    from sakuga.studio.core.progress import Step as Step
    from sakuga.studio.core.recipe import Recipe as Recipe
    from sakuga.studio.core.recipe import RecipeError as RecipeError
    from sakuga.studio.core.recipe import Remade as Remade
    from sakuga.studio.core.settings import parse_ease as parse_ease
    from sakuga.studio.core.settings import parse_size as parse_size
    from sakuga.studio.core.styles import parse_prompt_styles as parse_prompt_styles
    from sakuga.studio.core.work import Work as Work
    from sakuga.studio.core.work import WorkClosed as WorkClosed
    from sakuga.studio.evaluation.evaluate import evaluate as evaluate
    from sakuga.studio.evaluation.request import Evaluation as Evaluation
    from sakuga.studio.evaluation.request import EvaluationRequest as EvaluationRequest
    from sakuga.studio.models.library import add_model as add_model
    from sakuga.studio.models.library import add_webui_models as add_webui_models
    from sakuga.studio.models.library import fetch_model as fetch_model
    from sakuga.studio.models.library import list_models as list_models
    from sakuga.studio.models.library import remove_model as remove_model
    from sakuga.studio.models.library import show_model as show_model
    from sakuga.studio.sets.building import BuiltSet as BuiltSet
    from sakuga.studio.sets.building import build_set as build_set
    from sakuga.studio.sets.bulk_captions import EditedCaptions as EditedCaptions
    from sakuga.studio.sets.bulk_captions import SharedImages as SharedImages
    from sakuga.studio.sets.bulk_captions import TagStatistics as TagStatistics
    from sakuga.studio.sets.bulk_captions import edit_captions as edit_captions
    from sakuga.studio.sets.bulk_captions import shared_images as shared_images
    from sakuga.studio.sets.bulk_captions import tag_statistics as tag_statistics
    from sakuga.studio.sets.captioning import CaptionedSet as CaptionedSet
    from sakuga.studio.sets.captioning import caption_set as caption_set
    from sakuga.studio.sets.changes import BalancedSet as BalancedSet
    from sakuga.studio.sets.changes import SplitSet as SplitSet
    from sakuga.studio.sets.changes import balance_set as balance_set
    from sakuga.studio.sets.changes import split_set as split_set
    from sakuga.studio.sets.cropping import CroppedSet as CroppedSet
    from sakuga.studio.sets.cropping import crop_set as crop_set
    from sakuga.studio.sets.deduping import DedupedSet as DedupedSet
    from sakuga.studio.sets.deduping import dedupe_set as dedupe_set
    from sakuga.studio.sets.distilling import DistilledSet as DistilledSet
    from sakuga.studio.sets.distilling import distill_set as distill_set
    from sakuga.studio.sets.inspection import InspectionResult as InspectionResult
    from sakuga.studio.sets.inspection import inspect_set as inspect_set
    from sakuga.studio.sets.inspection_report import inspection_text as inspection_text
    from sakuga.studio.sets.inspection_report import inspection_values as inspection_values
    from sakuga.studio.sets.masking import MaskedSet as MaskedSet
    from sakuga.studio.sets.masking import mask_set as mask_set
    from sakuga.studio.sets.publishing import PushedSet as PushedSet
    from sakuga.studio.sets.publishing import plan_push as plan_push
    from sakuga.studio.sets.publishing import push_set as push_set
    from sakuga.studio.sketchbook.build import export_sketchbook as export_sketchbook
    from sakuga.studio.sketchbook.build import parse_start as parse_start
    from sakuga.studio.sketchbook.build import score_sketchbook as score_sketchbook
    from sakuga.studio.sketchbook.build import train_sketchbook as train_sketchbook
    from sakuga.studio.sketchbook.build import write_sketchbook_card as write_sketchbook_card
    from sakuga.studio.sketchbook.sets import SketchbookSet as SketchbookSet
    from sakuga.studio.sketchbook.sets import render_style_set as render_style_set
    from sakuga.studio.sketchbook.sets import render_subject_set as render_subject_set
    from sakuga.studio.styles.check import StyleCheck as StyleCheck
    from sakuga.studio.styles.check import check_style as check_style
    from sakuga.studio.styles.conversion import blend_styles as blend_styles
    from sakuga.studio.styles.conversion import convert_style as convert_style
    from sakuga.studio.styles.extraction import MergedModel as MergedModel
    from sakuga.studio.styles.extraction import extract_style as extract_style
    from sakuga.studio.styles.extraction import merge_styles as merge_styles
    from sakuga.studio.styles.extraction import resize_style as resize_style
    from sakuga.studio.styles.library import add_style as add_style
    from sakuga.studio.styles.library import library_style as library_style
    from sakuga.studio.styles.library import list_styles as list_styles
    from sakuga.studio.styles.library import remove_style as remove_style
    from sakuga.studio.styles.library import show_style as show_style
    from sakuga.studio.styles.registered_folders import AddedFolder as AddedFolder
    from sakuga.studio.styles.registered_folders import add_style_folder as add_style_folder
    from sakuga.studio.training.forecast import TrainingForecast as TrainingForecast
    from sakuga.studio.training.forecast import forecast_training as forecast_training
    from sakuga.studio.training.import_config import ImportedConfig as ImportedConfig
    from sakuga.studio.training.import_config import import_config as import_config
    from sakuga.studio.training.resolution import TrainSettings as TrainSettings
    from sakuga.studio.training.resolution import lora_method as lora_method
    from sakuga.studio.training.train import TrainedRun as TrainedRun
    from sakuga.studio.training.train import TrainingProgress as TrainingProgress
    from sakuga.studio.training.train import train as train
    from sakuga.timeline.edits import Cut as Cut
    from sakuga.timeline.edits import Expose as Expose
    from sakuga.timeline.edits import Hold as Hold
    from sakuga.timeline.edits import Redo as Redo
    from sakuga.timeline.edits import Speed as Speed
    from sakuga.training.distributed import is_main_process as is_main_process
    from sakuga.training.method_settings import DreamBooth as DreamBooth
    from sakuga.training.method_settings import Lora as Lora
    from sakuga.training.method_settings import MotionLora as MotionLora
    from sakuga.training.method_settings import Slider as Slider
    from sakuga.training.method_settings import TextualInversion as TextualInversion
    from sakuga.training.sketchbook.options import TrainingOptions as TrainingOptions

_MODULES = {
    "sakuga.studio.animate.animate": ("animate", "render"),
    "sakuga.studio.animate.film_rendering": ("Animation",),
    "sakuga.studio.animate.bundle": ("Bundle", "bundle"),
    "sakuga.studio.animate.clip_film": ("clip_film",),
    "sakuga.studio.animate.control": ("ControlInput", "control_input"),
    "sakuga.studio.animate.still_options": ("Hires", "ReferenceInput", "hires_pass", "reference_input"),
    "sakuga.studio.animate.convert_motion": ("ConvertedMotion", "convert_motion"),
    "sakuga.studio.animate.draw": ("GeneratedImages", "draw"),
    "sakuga.studio.animate.foreign": ("foreign_film", "foreign_recipe"),
    "sakuga.studio.animate.frame_range": ("RenderedFrames", "render_frames"),
    "sakuga.studio.animate.grid": ("Grid", "grid"),
    "sakuga.studio.animate.morph": ("MorphResult", "morph"),
    "sakuga.studio.animate.move": ("MovedImage", "move"),
    "sakuga.studio.animate.pixelate": ("Pixelated", "parse_pixel", "pixelate"),
    "sakuga.studio.animate.redo": ("FrameTakes", "edit_clip", "parse_retiming", "redo", "write_takes"),
    "sakuga.studio.animate.recipe_reading": ("parse_changes", "recipe_of"),
    "sakuga.studio.animate.remake": ("remake",),
    "sakuga.studio.animate.sheet": ("ExposureSheetResult", "sheet"),
    "sakuga.studio.animate.store": ("clean_store", "parse_bytes", "show_store"),
    "sakuga.studio.animate.storyboard": ("PlannedStoryboard", "override", "planner", "read_prompts", "storyboard"),
    "sakuga.studio.animate.timeline": ("ClipTimeline", "clip_timeline"),
    "sakuga.studio.animate.vary": ("Variation", "vary"),
    "sakuga.studio.animate.video": ("video",),
    "sakuga.evaluation.metric": ("to_json",),
    "sakuga.story.film": ("Film", "read_film", "write_film"),
    "sakuga.story.options": ("SettingsError",),
    "sakuga.story.settings": ("FilmSettings", "PixelArt"),
    "sakuga.studio.choosing.beginning": ("session_request",),
    "sakuga.studio.choosing.choose": ("Chosen", "choose"),
    "sakuga.studio.choosing.replay": ("replay",),
    "sakuga.studio.core.progress": ("Step",),
    "sakuga.studio.core.recipe": ("Recipe", "RecipeError", "Remade"),
    "sakuga.studio.core.settings": ("parse_ease", "parse_size"),
    "sakuga.studio.core.styles": ("parse_prompt_styles",),
    "sakuga.studio.core.work": ("Work", "WorkClosed"),
    "sakuga.studio.evaluation.evaluate": ("evaluate",),
    "sakuga.studio.evaluation.request": ("Evaluation", "EvaluationRequest"),
    "sakuga.studio.sets.building": ("BuiltSet", "build_set"),
    "sakuga.studio.sets.bulk_captions": (
        "EditedCaptions",
        "SharedImages",
        "TagStatistics",
        "edit_captions",
        "shared_images",
        "tag_statistics",
    ),
    "sakuga.studio.sets.captioning": ("CaptionedSet", "caption_set"),
    "sakuga.studio.sets.changes": ("BalancedSet", "SplitSet", "balance_set", "split_set"),
    "sakuga.studio.sets.cropping": ("CroppedSet", "crop_set"),
    "sakuga.studio.sets.deduping": ("DedupedSet", "dedupe_set"),
    "sakuga.studio.sets.distilling": ("DistilledSet", "distill_set"),
    "sakuga.studio.sets.inspection": ("InspectionResult", "inspect_set"),
    "sakuga.studio.sets.inspection_report": ("inspection_text", "inspection_values"),
    "sakuga.studio.sets.masking": ("MaskedSet", "mask_set"),
    "sakuga.studio.sets.publishing": ("PushedSet", "plan_push", "push_set"),
    "sakuga.studio.sketchbook.build": ("export_sketchbook", "parse_start", "score_sketchbook", "train_sketchbook", "write_sketchbook_card"),
    "sakuga.studio.sketchbook.sets": ("SketchbookSet", "render_style_set", "render_subject_set"),
    "sakuga.studio.models.library": ("add_model", "add_webui_models", "fetch_model", "list_models", "remove_model", "show_model"),
    "sakuga.studio.styles.check": ("StyleCheck", "check_style"),
    "sakuga.studio.styles.conversion": ("blend_styles", "convert_style"),
    "sakuga.studio.styles.extraction": ("MergedModel", "extract_style", "merge_styles", "resize_style"),
    "sakuga.studio.styles.library": ("add_style", "library_style", "list_styles", "remove_style", "show_style"),
    "sakuga.studio.styles.registered_folders": ("AddedFolder", "add_style_folder"),
    "sakuga.studio.training.forecast": ("TrainingForecast", "forecast_training"),
    "sakuga.studio.training.import_config": ("ImportedConfig", "import_config"),
    "sakuga.studio.training.resolution": ("TrainSettings", "lora_method"),
    "sakuga.studio.training.train": ("TrainedRun", "TrainingProgress", "train"),
    "sakuga.timeline.edits": ("Cut", "Expose", "Hold", "Redo", "Speed"),
    "sakuga.training.distributed": ("is_main_process",),
    "sakuga.training.method_settings": ("DreamBooth", "Lora", "MotionLora", "Slider", "TextualInversion"),
    "sakuga.training.sketchbook.options": ("TrainingOptions",),
}
"""Where each name is; the imports above are the same for type checkers."""
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "add_model",
    "add_style",
    "add_style_folder",
    "add_webui_models",
    "animate",
    "balance_set",
    "blend_styles",
    "build_set",
    "bundle",
    "caption_set",
    "check_style",
    "choose",
    "clean_store",
    "clip_film",
    "clip_timeline",
    "convert_motion",
    "convert_style",
    "crop_set",
    "dedupe_set",
    "distill_set",
    "draw",
    "edit_captions",
    "edit_clip",
    "evaluate",
    "export_sketchbook",
    "extract_style",
    "fetch_model",
    "foreign_film",
    "foreign_recipe",
    "grid",
    "import_config",
    "inspect_set",
    "list_models",
    "list_styles",
    "mask_set",
    "merge_styles",
    "morph",
    "move",
    "pixelate",
    "push_set",
    "read_film",
    "recipe_of",
    "redo",
    "remake",
    "remove_model",
    "remove_style",
    "render",
    "render_frames",
    "render_style_set",
    "render_subject_set",
    "replay",
    "resize_style",
    "score_sketchbook",
    "shared_images",
    "sheet",
    "show_model",
    "show_store",
    "show_style",
    "split_set",
    "storyboard",
    "tag_statistics",
    "train",
    "train_sketchbook",
    "vary",
    "video",
    "write_film",
    "write_sketchbook_card",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'sakuga.studio' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)


class _Studio(ModuleType):
    """This module; its verb `animate` has the name of a package below, whose import would replace it."""

    @property
    def animate(self) -> Any:
        """Generate a clip from an idea."""
        return __getattr__("animate")

    @animate.setter
    def animate(self, package: ModuleType) -> None:
        pass


modules[__name__].__class__ = _Studio
