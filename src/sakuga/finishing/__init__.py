"""Pictures out: in-betweens, colour match, enlargement."""
