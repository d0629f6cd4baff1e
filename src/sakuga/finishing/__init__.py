"""Image finishing: in-betweens, color match, resizing, pixel art, texture."""
