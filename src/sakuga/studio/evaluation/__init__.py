"""Reports on what was drawn."""
