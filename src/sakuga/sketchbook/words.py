"""Phrases for each attribute of the Sketchbook's world."""

from dataclasses import dataclass

Fact = tuple[str, str]
"""An attribute and its value: ("time", "night"), ("extras", "moon"), ("hair", "red"), ("look", "pixel")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Phrases for one fact, the canonical one first.

    `tags` stand alone or as a noun, `after` follow a noun, `before` precede it, `clauses` are small sentences.
    """

    tags: tuple[str, ...]
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()


def split(phrases: str) -> tuple[str, ...]:
    """Split comma-separated phrases."""
    return tuple(phrase.strip() for phrase in phrases.split(",")) if phrases else ()


def wording(tags: str, after: str = "", before: str = "", clauses: str = "") -> Wording:
    """Build a Wording from comma-separated phrases."""
    return Wording(tags=split(tags), after=split(after), before=split(before), clauses=split(clauses))


WORDING: dict[Fact, Wording] = {
    # The light.
    ("time", "dawn"): wording(
        "dawn, sunrise, early morning, daybreak, morning light",
        "at dawn, at sunrise, in the early morning, at daybreak, at first light, in the morning light",
        "morning, early morning",
        "the day begins, morning breaks, the night ends, dawn comes up",
    ),
    ("time", "day"): wording(
        "day, daytime, daylight, noon, midday, afternoon",
        "by day, in daylight, during the day, at noon, at midday, in the afternoon, in the daytime",
        "daytime, daylit",
    ),
    ("time", "sunset"): wording(
        "sunset, dusk, evening, twilight, golden hour, evening light, sunset sky",
        "at sunset, at dusk, in the evening, at twilight, in the golden hour, under a sunset sky, as evening falls",
        "evening, sunset, twilight",
        "sunlight fades, evening falls, the sun goes down, daylight fades, dusk settles in, the day ends",
    ),
    ("time", "night"): wording(
        "night, nighttime, midnight, night sky, dark night, moonlit night",
        "at night, under the night sky, on a moonlit night, after dark, at midnight, in the dark of night, by night",
        "nighttime, moonlit, midnight, nocturnal",
        "night falls, night has come, darkness falls",
    ),
    ("weather", "clear"): wording(
        "clear sky, cloudless sky, clear weather, fair weather, clear skies",
        "under a clear sky, in clear weather, beneath a cloudless sky, under clear skies, in fine weather",
        "cloudless",
        "the sky is clear",
    ),
    ("weather", "cloudy"): wording(
        "cloudy, clouds, overcast, cloudy sky, grey sky, overcast sky",
        "under a cloudy sky, under grey clouds, beneath heavy clouds, in cloudy weather, under an overcast sky",
        "cloudy, overcast",
        "clouds gather, clouds drift by, clouds fill the sky",
    ),
    ("weather", "rain"): wording(
        "rain, rainy, raining, rainfall, drizzle, rainy weather, falling rain",
        "in the rain, in pouring rain, in a rain shower, under falling rain, in rainy weather, in a drizzle",
        "rainy, rain-soaked",
        "rain falls, it is raining, rain pours down, rain patters down",
    ),
    ("weather", "snow"): wording(
        "snow, snowy, snowing, snowfall, falling snow, snowflakes",
        "in the snow, in falling snow, in a snowfall, covered in snow, as snow falls, in snowy weather",
        "snowy, snow-covered",
        "snow falls, snow is falling, snowflakes drift down, it is snowing",
    ),
    ("weather", "fog"): wording(
        "fog, foggy, mist, misty, haze",
        "in the fog, in the mist, wrapped in fog, through the mist, in thick fog, in foggy weather",
        "foggy, misty, hazy",
        "fog rolls in, mist rises, the mist hangs low",
    ),
    # The land.
    ("place", "meadow"): wording(
        "meadow, green meadow, grassland, grassy field, pasture, green meadows",
        "in a meadow, in a green meadow, on the grassland, in a grassy field, among the meadows",
        "",
        "grass sways in the meadow, the grass of the meadow bends",
    ),
    ("place", "hills"): wording(
        "hills, rolling hills, green hills, hilly country, hillside",
        "in the hills, among rolling hills, on a hillside, among green hills, over the hills",
        "hilly",
        "hills roll away, hills stretch far",
    ),
    ("place", "valley"): wording(
        "valley, deep valley, wide valley, vale",
        "in a valley, in the valley, in a wide valley, over the valley, deep in a valley",
        "",
        "the valley opens wide, the valley lies still",
    ),
    ("place", "mountains"): wording(
        "mountains, mountain peaks, high mountains, mountain range, peaks",
        "in the mountains, before high mountains, among mountain peaks, below the mountains, at the foot of a mountain",
        "mountainous",
        "mountains rise far away, the mountains tower above",
    ),
    ("place", "sea"): wording(
        "sea, ocean, seaside, seashore, coast, the sea",
        "by the sea, at the ocean, on the coast, at the seaside, on the sea, over the ocean",
        "coastal, seaside",
        "the sea sparkles, waves roll on the sea, ocean waves roll in",
    ),
    ("place", "lake"): wording(
        "lake, river, lakeside, quiet lake, pond",
        "by a lake, at the lake, on the lake, by the river, on a lakeside, beside a quiet lake",
        "lakeside",
        "the lake shimmers, the lake mirrors the sky",
    ),
    ("place", "forest"): wording(
        "forest, woods, woodland, pine forest, tall trees, deep forest",
        "in the forest, in the woods, among tall trees, in a pine forest, deep in the forest, at the edge of the woods",
        "forest, wooded",
        "tall trees sway gently in the wind, the trees of the forest rustle, tall trees sway",
    ),
    ("place", "desert"): wording(
        "desert, sand dunes, dunes, sandy desert",
        "in the desert, among sand dunes, in a sandy desert, among the dunes",
        "desert",
        "the desert stretches far, sand dunes stretch away",
    ),
    ("place", "snowfield"): wording(
        "snowfield, snowy plain, snowy field, snowy fields, frozen plain, tundra",
        "on a snowfield, on a snowy plain, in snowy fields, on a frozen plain, in the tundra, across the snowfield",
        "",
        "the snowfield lies white, the frozen plain stretches away",
    ),
    ("place", "village"): wording(
        "village, small town, hamlet, village street, little village",
        "in a village, in a small town, in the village, on a village street, at a little village",
        "village",
        "the village comes into view, the village sleeps, the village lies still",
    ),
    # Whom and what it is about; `before` are words that fit it, `clauses` its verbs.
    ("subject", "none"): wording("open landscape, empty landscape, wide open landscape", "", "", "lies still"),
    ("subject", "cottage"): wording(
        "cottage, thatched cottage, country cottage, little house", "", "quaint, cosy, pretty", "stands, sits, nestles"
    ),
    ("subject", "cabin"): wording("cabin, log cabin, wooden cabin, hut, log hut", "", "wooden, rustic, cosy", "stands, sits, nestles"),
    ("subject", "houses"): wording(
        "houses, village houses, row of houses, cluster of houses, little houses", "", "pretty, old", "stand, huddle together"
    ),
    ("subject", "castle"): wording(
        "castle, stone castle, fairytale castle, fortress, palace", "", "ancient, old, grand, mighty", "stands, rises, looms"
    ),
    ("subject", "tower"): wording("tower, stone tower, watchtower, tall tower", "", "ancient, old, tall", "stands, rises"),
    ("subject", "lighthouse"): wording(
        "lighthouse, great lighthouse, tall lighthouse, striped lighthouse", "", "tall, old, lonely", "stands, rises"
    ),
    ("subject", "windmill"): wording("windmill, wind mill, old windmill, mill", "", "old, wooden, tall", "turns, stands, spins slowly"),
    ("subject", "bridge"): wording("bridge, stone bridge, arched bridge, old bridge", "", "old, narrow, arched", "stands, arches over"),
    ("subject", "tree"): wording(
        "tree, big tree, lone tree, old tree, oak tree, great oak", "", "old, big, gnarled", "stands, sways gently"
    ),
    ("subject", "boat"): wording(
        "boat, sailboat, sailing boat, ship, sailing ship", "", "small, wooden, lonely", "sails, drifts, rocks gently"
    ),
    ("subject", "dragon"): wording(
        "dragon, fire breathing dragon, flying dragon, fire-breathing dragon", "", "mighty, fierce, ancient", "flies, soars, circles"
    ),
    ("subject", "balloon"): wording(
        "balloon, hot air balloon, striped balloon, hot-air balloon", "", "colourful, striped, big", "floats, drifts, rises"
    ),
    ("subject", "whale"): wording("whale, great whale, flying whale", "", "great, gentle, huge", "swims, floats, glides"),
    ("side", "left"): wording("on the left", "on the left, to the left, on the left side, at the left, on the left hand side"),
    ("side", "centre"): wording(
        "in the middle", "in the middle, in the centre, in the center, at the centre, in the middle of the picture"
    ),
    ("side", "right"): wording("on the right", "on the right, to the right, on the right side, at the right, on the right hand side"),
    # What else there is.
    ("extras", "sun"): wording(
        "sun, the sun, bright sun, round sun",
        "with the sun in the sky, under the sun, with a bright sun, with a round sun",
        "",
        "the sun shines, the sun glows",
    ),
    ("extras", "moon"): wording(
        "moon, full moon, bright moon, the moon, round moon",
        "with a full moon, under the moon, beneath a full moon, with a bright moon",
        "",
        "a full moon glowing brightly, the moon shines, a full moon hangs above",
    ),
    ("extras", "stars"): wording(
        "stars, twinkling stars, starry sky, many stars",
        "with stars, under the stars, under a starry sky, with twinkling stars, full of stars",
        "starry, starlit",
        "stars twinkle, the stars come out",
    ),
    ("extras", "birds"): wording(
        "birds, flock of birds, flying birds, birds in the sky",
        "with birds, with birds overhead, with a flock of birds, and birds in the sky, with birds flying",
        "",
        "birds fly by, birds glide past, a flock of birds passes, birds circle above",
    ),
    ("extras", "flowers"): wording(
        "flowers, wildflowers, blooming flowers, colourful flowers",
        "with flowers, among wildflowers, with blooming flowers, full of flowers",
        "flowery",
        "flowers bloom, wildflowers sway",
    ),
    ("extras", "path"): wording(
        "path, winding path, footpath, trail, road",
        "with a path, with a winding path, along a footpath, beside a road, with a trail",
        "",
        "a path winds along, a path leads away",
    ),
    ("extras", "lit windows"): wording(
        "lit windows, glowing windows, bright windows, warm windows",
        "with lit windows, with glowing windows, with light in the windows, with lights in the windows",
        "",
        "the windows glow, light shines in the windows, the windows are lit",
    ),
    ("extras", "figure"): wording(
        "small figure, traveller, wanderer, lone figure, tiny person",
        "with a small figure, with a traveller, with a lone wanderer, and a tiny person, with someone walking",
        "",
        "a traveller walks by, a small figure stands still, someone walks along",
    ),
    # People, close up.
    ("person", "girl"): wording("girl, young girl, little girl"),
    ("person", "boy"): wording("boy, young boy, little boy"),
    ("person", "woman"): wording("woman, young woman, lady"),
    ("person", "man"): wording("man, young man, gentleman"),
    ("expression", "smiling"): wording(
        "smiling, smile, happy", "smiling, with a smile, smiling happily, looking happy", "smiling, happy, cheerful"
    ),
    ("expression", "sad"): wording(
        "sad, sad face, unhappy", "looking sad, with a sad face, looking unhappy, looking sorrowful", "sad, unhappy"
    ),
    ("expression", "surprised"): wording(
        "surprised, surprised face, astonished", "looking surprised, with an open mouth, looking astonished", "surprised, astonished"
    ),
    ("expression", "calm"): wording("calm, calm face, serene", "looking calm, with a calm face, looking serene", "calm, serene"),
    ("action", "walking"): wording(
        "walking, strolling, wandering, on a walk",
        "walking, walking along, strolling along, wandering, out for a walk, walking by",
        "",
        "walks, walks along, strolls along, wanders, walks by, goes for a walk",
    ),
    # The looks.
    ("look", "flat"): wording("picture book illustration, storybook illustration, flat illustration, children's book illustration"),
    ("look", "watercolor"): wording(
        "watercolor, watercolour, watercolor painting, watercolour painting, painted in watercolor, watercolor style"
    ),
    ("look", "cel"): wording("cel-shaded anime, anime, anime style, cel shading, anime screenshot, cel-shaded"),
    ("look", "luminous"): wording("luminous, luminous style, glowing light, luminous glowing light, luminous painting"),
    ("look", "comic"): wording("comic book style, comic, comic style, comic panel, inked comic book, halftone comic"),
    ("look", "pixel"): wording("pixel art, pixelart, pixel art style, 8-bit pixel art, pixelated, retro pixel art"),
}

PLURALS: dict[str, str] = {
    "cottage": "cottages", "cabin": "cabins", "castle": "castles", "tower": "towers", "lighthouse": "lighthouses",
    "windmill": "windmills", "tree": "trees", "boat": "boats", "dragon": "dragons", "balloon": "balloons", "whale": "whales",
}  # fmt: skip
"""Subjects of which an image can show two."""
TWO: tuple[str, ...] = ("two", "a pair of", "twin")
BESIDE: tuple[str, ...] = ("near", "beside", "next to", "and", "with", "not far from")
"""How a caption adds a second subject."""

HAIR: dict[str, tuple[str, ...]] = {
    "black": ("black", "jet black", "raven"),
    "brown": ("brown", "chestnut", "dark brown"),
    "blond": ("blond", "blonde", "golden"),
    "red": ("red", "ginger", "bright red"),
    "white": ("white", "silver", "snow white"),
    "blue": ("blue", "bright blue"),
    "green": ("green", "bright green"),
}
HAIR_LENGTHS: dict[str, tuple[str, ...]] = {"short": ("short", "short cut"), "long": ("long", "long flowing", "very long")}
DRESSES: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange", "bright orange"),
    "yellow": ("yellow", "lemon yellow"),
    "green": ("green", "emerald green"),
    "blue": ("blue", "navy blue"),
    "purple": ("purple", "violet"),
    "white": ("white", "pure white"),
    "black": ("black", "jet black"),
}
GARMENTS: dict[str, tuple[str, ...]] = {
    "girl": ("dress", "dress", "blouse", "sweater"),
    "boy": ("shirt", "sweater", "coat", "jacket"),
    "woman": ("dress", "dress", "blouse", "coat"),
    "man": ("shirt", "sweater", "coat", "jacket"),
}

JOINT: dict[str, tuple[Fact, ...]] = {
    "under a blue sky": (("time", "day"), ("weather", "clear")),
    "blue sky": (("time", "day"), ("weather", "clear")),
    "on a sunny day": (("time", "day"), ("weather", "clear")),
    "in bright sunshine": (("time", "day"), ("weather", "clear")),
    "sunny": (("time", "day"), ("weather", "clear")),
    "with the setting sun": (("time", "sunset"), ("extras", "sun")),
    "setting sun": (("time", "sunset"), ("extras", "sun")),
    "with the rising sun": (("time", "dawn"), ("extras", "sun")),
    "rising sun": (("time", "dawn"), ("extras", "sun")),
    "on a clear night": (("time", "night"), ("weather", "clear")),
    "on a starry night": (("time", "night"), ("extras", "stars")),
    "on a snowy night": (("time", "night"), ("weather", "snow")),
    "on a rainy day": (("time", "day"), ("weather", "rain")),
    "on a foggy morning": (("time", "dawn"), ("weather", "fog")),
    "on a rainy evening": (("time", "sunset"), ("weather", "rain")),
}
"""Phrases that state two facts at once."""

SYNONYMS: dict[Fact, tuple[str, ...]] = {
    ("time", "dawn"): split(
        "morning, daybreak, first light, sun rises, sun comes up, sun is rising, the sun rises, the sun comes up, the sun is rising"
    ),
    ("time", "day"): split("by day, sunlit, sunshine, broad daylight"),
    ("time", "sunset"): split(
        "sundown, nightfall, gloaming, sun sets, sun is setting, the sun sets, the sun is setting, dusky, evenings, golden light, last "
        "light, last light of day"
    ),
    ("time", "night"): split("nights, moonlight, after dark, in the dark, starry night, nightly, northern lights, aurora, milky way"),
    ("weather", "clear"): split(
        "clear evening, clear morning, fine weather, blue skies, the sky clears, sky clears, clearing sky, sunlight"
    ),
    ("weather", "cloudy"): split("cloud, grey clouds, gray sky, gray clouds, heavy clouds, dark clouds, storm clouds"),
    ("weather", "rain"): split(
        "rains, rainstorm, storm, stormy, thunderstorm, downpour, shower, showers, drizzling, pouring, lightning, thunder"
    ),
    ("weather", "snow"): split("snows, snowstorm, blizzard, winter, wintry, snow covered, snowflake, snow capped"),
    ("weather", "fog"): split("fogs, mists, hazy, foggy, smog"),
    ("place", "meadow"): split("meadows, field, fields, grasslands, pastures, prairie, farmland"),
    ("place", "hills"): split("hill, hillsides, hilltop, downs"),
    ("place", "valley"): split("valleys, canyon, gorge"),
    ("place", "mountains"): split("mountain, peak, alps, mountainside, mountaintop, cliff, cliffs"),
    ("place", "sea"): split("seas, oceans, beach, shore, harbour, harbor, bay, coastline, waves, island"),
    ("place", "lake"): split("lakes, rivers, stream, ponds, riverside"),
    ("place", "forest"): split("forests, wood, woodlands, jungle, grove, trees, pines, pine trees"),
    ("place", "desert"): split("deserts, dune, oasis"),
    ("place", "snowfield"): split("snowfields, snow field, snow fields, ice field, arctic, glacier"),
    ("place", "village"): split("villages, town, towns, city, hamlets, street, streets"),
    ("subject", "cottage"): split("cottages, house, farmhouse"),
    ("subject", "cabin"): split("cabins, huts, lodge, shack"),
    ("subject", "castle"): split("castles, fortresses, palaces"),
    ("subject", "tower"): split("towers, watchtowers, turret"),
    ("subject", "lighthouse"): split("lighthouses, light house, beacon"),
    ("subject", "windmill"): split("windmills, mills"),
    ("subject", "bridge"): split("bridges"),
    ("subject", "tree"): split("oak, willow"),
    ("subject", "boat"): split("boats, sailboats, ships, sailing boats, canoe, rowing boat, vessel"),
    ("subject", "dragon"): split("dragons"),
    ("subject", "balloon"): split("balloons, hot air balloons, airship"),
    ("subject", "whale"): split("whales"),
    ("extras", "birds"): split("bird, seagull, seagulls, gulls, crows, swallows, geese"),
    ("extras", "flowers"): split("flower, blossoms, poppies, tulips, roses, wildflower"),
    ("extras", "moon"): split("moons, crescent moon"),
    ("extras", "stars"): split("starlight, night full of stars"),
    ("extras", "path"): split("paths, trails, roads, track, lane"),
    ("extras", "lit windows"): split("lit window, lighted windows, light in the window, lights in the window, windows aglow"),
    ("extras", "figure"): split("figure, figures, travellers, traveler, wanderers, hiker, someone, knight, child, children, people"),
    ("person", "girl"): split("girls, daughter, princess"),
    ("person", "boy"): split("boys, prince"),
    ("person", "woman"): split("women, ladies, grandmother, queen, witch"),
    ("person", "man"): split("men, gentlemen, grandfather, king, wizard"),
    ("expression", "smiling"): split("smiles, laughing, happily"),
    ("expression", "sad"): split("crying, sorrowful, sadly, tearful"),
    ("expression", "surprised"): split("shocked, amazed, open mouth"),
    ("expression", "calm"): split("calmly, serenely"),
    ("look", "flat"): split("picture book, storybook, flat style"),
    ("look", "watercolor"): split("watercolors, watercolours, watercolour style, aquarelle, in watercolor, in watercolour"),
    ("look", "cel"): split("cel, cel shaded, cel style, animated film"),
    ("look", "comic"): split("comics, comic book, halftone, graphic novel"),
    ("look", "pixel"): split("pixel, 8 bit, 16 bit, pixels, pixel style"),
    ("action", "walking"): split("walks, strolls, wanders, hikes, hiking, runs, running, skips, skipping, steps, marches"),
    ("close_up", "yes"): split("portrait, close up, closeup, close up portrait, headshot, face"),
}
"""Further phrases that are understood, but not used in captions."""

# Image quality, as the Sketchbook's CLIP knows it.
QUALITIES: dict[str, tuple[str, ...]] = {
    "blurred": ("blurred", "blurry", "out of focus", "a blurred picture", "blurry image"),
    "washed out": ("washed out", "washed-out colours", "faded", "low contrast", "a washed-out picture"),
    "empty": ("empty picture", "an empty image", "blank", "nothing", "a single colour"),
    "texture": ("plain texture", "a texture", "noise", "a repeating pattern", "abstract texture"),
    "good": ("detailed", "crisp", "sharp", "a detailed picture", "crisp and detailed", "sharp lines"),
}
"""Image qualities and phrases for them; blurred and washed-out images still show something, empty ones and textures do not."""

GOOD: tuple[str, ...] = QUALITIES["good"][:3]
BAD: tuple[str, ...] = tuple(ways[0] for quality, ways in QUALITIES.items() if quality != "good")
"""Default texts that variations are steered towards and away from."""

OWN_LOOK: tuple[str, ...] = ("picture book illustration", "storybook illustration", "flat illustration")
"""Names of the Sketchbook's own look; variations without a style are steered towards it."""
