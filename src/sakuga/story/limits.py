"""Upper limits of films, recipes, options and trainings, in one place.

Each is far above what is of use, and checked before anything is laid out or allocated.
"""

MAX_SEED = 2**63 - 1
MAX_SECONDS = 3600.0
"""Length of a film, and of each shot."""
MAX_FRAMES, MAX_PIXELS = 20_000, 4_000_000_000
"""Frames of a clip, and pixels of all of them together."""
MAX_SHOTS = 10_000
"""Shots of a film that is read; a planner makes fewer."""
MAX_PLANNED_SHOTS = 60
MAX_KEYS = 10_000
"""Keys of one value of a shot."""
MAX_LETTERS = 20_000
"""Characters of a prompt or of another text."""
MAX_PROMPTS, MAX_IMAGES = 20_000, 100_000
"""Prompts of a file, and images of all prompts together."""
MAX_FILM_BYTES = 16 << 20
MAX_TABLE_BYTES = 128 << 20
"""Bytes of a table of captions, the rows of a set, or the log of a session."""
MAX_ZOOM, MAX_PAN, MAX_ROTATION = 100.0, 100.0, 36_000.0
"""A shot's camera: magnification, image widths, degrees."""
MAX_SIZE = 4096
"""Pixels of an image's side."""

MAX_COUNT = 10_000_000
"""Steps of a training, and any other count that has no limit of its own."""
MAX_RANK = 4096
"""Rank of a LoRA."""
MAX_VECTORS = 75
"""Tokens of a learned word: what CLIP reads besides the start and end of a prompt."""
MAX_BATCH = 4096
MAX_CLASS_IMAGES = 100_000
MAX_PROCESSES = 1024
MAX_FACTOR = 1_000_000.0
"""Learning rates, weights of a loss, and other factors of a training."""
