"""Words for good and bad pictures, as the Sketchbook's CLIP learnt them: guidance needs to know that direction."""

QUALITIES: dict[str, tuple[str, ...]] = {
    "blurred": ("blurred", "blurry", "out of focus", "a blurred picture", "blurry image"),
    "washed out": ("washed out", "washed-out colours", "faded", "low contrast", "a washed-out picture"),
    "empty": ("empty picture", "an empty image", "blank", "nothing", "a single colour"),
    "texture": ("plain texture", "a texture", "noise", "a repeating pattern", "abstract texture"),
    "good": ("detailed", "crisp", "sharp", "a detailed picture", "crisp and detailed", "sharp lines"),
}
"""What a picture is like, with ways to say so; blurred and washed-out pictures still show something, empty ones and textures do not."""

GOOD: tuple[str, ...] = QUALITIES["good"][:3]
BAD: tuple[str, ...] = tuple(ways[0] for quality, ways in QUALITIES.items() if quality != "good")
"""What variations are drawn towards and away from where nobody says otherwise."""

OWN_LOOK: tuple[str, ...] = ("picture book illustration", "storybook illustration", "flat illustration")
"""How the Sketchbook's own look is called: variations that wear no style are drawn towards it."""
